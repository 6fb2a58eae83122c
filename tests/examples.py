"""Run every example as its reader would, on the dev cluster, and hold the README against them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = Path(os.environ.get("PSAT_LIB", ROOT / "target" / "ship" / "release" / "libpsat_attestor.so"))
OUT = ROOT / "target" / "examples"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
LINK = [f"-L{LIBRARY.parent}", "-lpsat_attestor", f"-Wl,-rpath,{LIBRARY.parent}"]

# What an example prints for an agent that attests, and for one that is refused.
IDENTITY = "spiffe://example.org/spire/agent/k8s_psat/demo/"
REASON = "SERVICE_ACCOUNT_NOT_ALLOWED"


def compile_c(source: str, compiler: list[str]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    program = OUT / f"{Path(source).stem}-{compiler[-1].removeprefix('-std=')}"
    command = [*compiler, *STRICT, f"-I{ROOT / 'include'}", str(ROOT / source), "-o", str(program), *LINK]
    subprocess.run(command, check=True)
    return program


def commands() -> dict[str, list[str]]:
    """Each example and how it is run; CONFIG and PAYLOAD come after."""
    programs: dict[str, list[str]] = {}
    for source in ("examples/attest.c", "examples/attest_queue.c"):
        for compiler in (["cc", "-std=c99"], ["cc", "-std=c11"], ["c++", "-x", "c++", "-std=c++11"]):
            program = compile_c(source, compiler)
            programs[f"{source} ({compiler[-1].removeprefix('-std=')})"] = [str(program)]
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--example", "attest"], cwd=ROOT, check=True)
    programs["examples/attest.rs"] = [str(ROOT / "target" / "debug" / "examples" / "attest")]
    subprocess.run(["make", "-s", "-C", "bindings/go", "example"], cwd=ROOT, check=True)
    programs["bindings/go/examples/attest"] = [str(ROOT / "target" / "go" / "attest")]
    for script in (
        "examples/attest.py",
        "bindings/python/examples/attest.py",
        "bindings/python/examples/attest_aio.py",
    ):
        programs[script] = [sys.executable, str(ROOT / script)]
    return programs


def run_on_devcluster(command: list[str], payload: str) -> tuple[int, str]:
    script = f'exec "$@" "$DEVCLUSTER_CONFIG" "${payload}"'
    inside = ["bash", "-c", script, "example", *command]
    devcluster = [str(ROOT / "target" / "debug" / "devcluster"), "exec", "--", *inside]
    package = {"PYTHONPATH": str(ROOT / "bindings" / "python"), "PSAT_ATTESTOR_LIBRARY": str(LIBRARY)}
    environment = {**os.environ, "PSAT_LIB": str(LIBRARY), **package}
    done = subprocess.run(devcluster, capture_output=True, text=True, env=environment, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def check_example(name: str, command: list[str]) -> list[str]:
    faults = []
    code, output = run_on_devcluster(command, "DEVCLUSTER_PAYLOAD")
    if code != 0 or IDENTITY not in output:
        faults.append(f"{name}: a genuine agent got code {code}:\n{output}")
    code, output = run_on_devcluster(command, "DEVCLUSTER_PAYLOAD_REFUSED")
    if code != 1 or REASON not in output:
        faults.append(f"{name}: an agent that is not allowed got code {code}:\n{output}")
    return faults


def check_quotes() -> list[str]:
    """Every quoted file in the README is the file."""
    readme = (ROOT / "README.md").read_text()
    quotes = re.findall(r"<!-- (\S+/\S+\.\w+) -->\n```\w+\n(.*?)```\n", readme, re.DOTALL)
    quoted = {
        "examples/attest.c",
        "examples/attest.rs",
        "bindings/python/examples/attest.py",
        "bindings/go/examples/attest/main.go",
    }
    missing = quoted - {name for name, _ in quotes}
    faults = [f"README.md does not quote {name}" for name in sorted(missing)]
    faults += [
        f"README.md quotes {name} as it no longer is" for name, text in quotes if (ROOT / name).read_text() != text
    ]
    return faults


def main() -> int:
    passed = failed = 0
    checks = [(name, lambda n=name, c=command: check_example(n, c)) for name, command in commands().items()]
    for name, check in [*checks, ("the README's quotes", check_quotes)]:
        faults = check()
        print(f"{'FAILED' if faults else 'ok':7} {name}", flush=True)
        for fault in faults:
            print(fault)
        passed += not faults
        failed += bool(faults)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
