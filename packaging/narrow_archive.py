"""Make a static archive that exports psat_* alone.

A Rust static library carries the whole of Rust's runtime as global symbols, so that two of them in one program clash.
Linking its objects into one and making every other symbol local leaves an archive that lives beside any other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def narrow(source: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "psat_attestor.o"
        # Section groups are named after symbols: left in, they would shadow those of another archive.
        link = ["ld", "-r", "--force-group-allocation", "--whole-archive"]
        subprocess.run([*link, str(source), "-o", str(whole)], check=True)
        # The standard library's objects carry bitcode, which binutils with an older LLVM plugin stumble over.
        bitcode = [f"--remove-section={name}" for name in (".llvmbc", ".llvmcmd", ".llvm_addrsig")]
        narrowed = ["--wildcard", "--keep-global-symbol=psat_*", "--strip-debug", *bitcode]
        subprocess.run(["objcopy", *narrowed, str(whole)], check=True)
        fresh = Path(folder) / target.name
        subprocess.run(["ar", "rcsD", str(fresh), str(whole)], check=True)
        target.write_bytes(fresh.read_bytes())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: narrow_archive.py SOURCE TARGET")
    narrow(Path(sys.argv[1]), Path(sys.argv[2]))
