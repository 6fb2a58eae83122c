"""Links the archive and another Rust archive into one Go program, dynamic and static, and attests with it.

    python3 tests/beside/run.py

`make ship devcluster` comes first.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ARCHIVE = ROOT / "target" / "ship" / "libpsat_attestor.a"
DEVCLUSTER = ROOT / "target" / "debug" / "devcluster"
STATIC = ["-linkmode", "external", "-extldflags", "-static"]


def main() -> int:
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="psat-beside-") as name:
        directory = Path(name)
        other = directory / "libother.a"
        rustc = ["rustc", "--edition=2024", "-O", "--crate-type=staticlib"]
        subprocess.run([*rustc, HERE / "other.rs", "-o", other], check=True)
        for kind, linker_flags in (("dynamic", []), ("static", STATIC)):
            program = directory / kind
            works = build(program, other, linker_flags) and attests(program)
            print(f"{'ok' if works else 'FAILED':7} two Rust archives in one {kind} program", flush=True)
            passed, failed = passed + works, failed + (not works)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


def build(program: Path, other: Path, linker_flags: list[str]) -> bool:
    # Go's build cache does not look at archives: their digest among the flags makes it.
    digest = hashlib.sha256(ARCHIVE.read_bytes() + other.read_bytes()).hexdigest()[:16]
    environment = {
        **os.environ,
        "CGO_ENABLED": "1",
        "CGO_CFLAGS": f"-O2 -I{ROOT / 'include'} -DPSAT_DIGEST=0x{digest}",
        "CGO_LDFLAGS": f"{ARCHIVE} {other}",
    }
    flags = ["-tags", "psat_static,netgo,osusergo", "-ldflags", " ".join(linker_flags), "-o", str(program)]
    return subprocess.run(["go", "build", *flags, "."], cwd=HERE, env=environment, check=False).returncode == 0


def attests(program: Path) -> bool:
    done = subprocess.run([DEVCLUSTER, "exec", "--", program], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0 or not done.stdout.startswith("spiffe://example.org/"):
        print(done.stdout, done.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
