"""What the tests of the artefacts share: running commands, attesting on the dev cluster, counting."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ParamSpec

import project

DEVCLUSTER = project.ROOT / "target" / "debug" / "devcluster"
IDENTITY = "spiffe://example.org/spire/agent/k8s_psat/demo/"
REASON = "SERVICE_ACCOUNT_NOT_ALLOWED"

P = ParamSpec("P")

_results: list[bool] = []


def check(name: str, test: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
    """Runs one test, and goes on with the next whatever comes of it."""
    fault = ""
    try:
        test(*arguments, **named)
    except subprocess.CalledProcessError as error:
        fault = f"{' '.join(map(str, error.cmd))} ended with {error.returncode}:\n{error.stdout}{error.stderr}"
    except (AssertionError, OSError, LookupError, ValueError, subprocess.TimeoutExpired) as error:
        fault = f"{type(error).__name__}: {error}"
    print(f"{'FAILED' if fault else 'ok':7} {name}", flush=True)
    if fault:
        print(fault, flush=True)
    _results.append(not fault)


def summary() -> int:
    passed = sum(_results)
    print(f"{passed} passed, {len(_results) - passed} failed")
    return int(passed < len(_results))


def run(*command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, limit: int = 120) -> str:
    """What the command prints."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True, timeout=limit)
    return done.stdout


def clean_environment() -> dict[str, str]:
    """The environment, without what would lead to another library or other packages."""
    leading = ("PSAT_", "PYTHON", "LD_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(leading)}


def attests(program: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> None:
    """The program attests the agent that may, and refuses the one that may not: PROGRAM CONFIG PAYLOAD."""
    for payload, code, words in (("DEVCLUSTER_PAYLOAD", 0, IDENTITY), ("DEVCLUSTER_PAYLOAD_REFUSED", 1, REASON)):
        script = f'exec "$@" "$DEVCLUSTER_CONFIG" "${payload}"'
        command = [str(DEVCLUSTER), "exec", "--", "bash", "-c", script, "program", *program]
        surroundings = {**clean_environment(), **environment}
        done = subprocess.run(
            command, cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code and words in done.stdout, (
            f"{program[0]} ended with {done.returncode}, and should have said {words}:\n{done.stdout}{done.stderr}"
        )
