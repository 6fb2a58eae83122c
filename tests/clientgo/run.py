"""Compares what this library makes of kubeconfigs with what client-go makes of them.

    python3 tests/clientgo/run.py [NAME…]      all cases, or those whose name holds one of these words

cases/*.json has the kubeconfigs, cases/no_proxy.json the environments, differences.json what differs on purpose.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ORACLE = ROOT / "target" / "clientgo" / "oracle"
TEST = "cluster::tests::client_go::answers_are_written_for_the_comparison"
PLACEHOLDER = re.compile(r"\$\{(dir|file|base64|folded|json)(?::([^}]*))?\}")
SERVING = ["server-system.crt", "server-ca.crt", "server-ca2.crt", "server-own.crt", "server-own2.crt"]

Answer = dict[str, Any]


@dataclass
class Case:
    """A kubeconfig in a folder of its own, and the environment in which it is used."""

    name: str
    kubeconfig: str
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def main(words: list[str]) -> int:
    cases = [case for case in all_cases() if not words or any(word in case.name for word in words)]
    library = build()
    with tempfile.TemporaryDirectory(prefix="psat-clientgo-") as name:
        directory = Path(name)
        subprocess.run([ORACLE, "fixtures"], cwd=directory, check=True)
        shutil.copytree(HERE / "plugins", directory, dirs_exist_ok=True)
        questions = {case.name: question(case, directory) for case in cases}
        theirs: dict[str, Answer] = {}
        ours: dict[str, Answer] = {}
        # What the system trusts is the tests' own.
        (directory / "nothing").mkdir()
        system = {"SSL_CERT_FILE": str(directory / "system.crt"), "SSL_CERT_DIR": str(directory / "nothing")}
        for environment, names in by_environment(cases, system):
            asked = "".join(json.dumps(questions[name]) + "\n" for name in names)
            theirs |= ask_client_go(asked, environment, directory)
            ours |= ask_library(library, asked, environment, directory)
    return judge(cases, ours, theirs, complete=not words)


def all_cases() -> list[Case]:
    files = [load(file) for file in sorted(HERE.glob("cases/*.json"))]
    cases = [kubeconfig_case(case) for file in files for case in file.get("cases", [])]
    table = load(HERE / "cases" / "no_proxy.json")
    for row in table["table"]:
        environment = {**table["environment"], "NO_PROXY": row["NO_PROXY"]}
        for server in row["servers"]:
            name = f"NO_PROXY={row['NO_PROXY']} {server}"
            cases.append(Case(name, document({"server": server}, {}), environment=environment))
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), f"named twice: {sorted(name for name in names if names.count(name) > 1)}"
    return cases


def load(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def kubeconfig_case(case: dict[str, Any]) -> Case:
    """A case has the lines of a kubeconfig, or its cluster and its user; the server unless it names another."""
    if "kubeconfig" in case:
        kubeconfig = "\n".join(case["kubeconfig"])
    else:
        kubeconfig = document({"server": "https://api.example:6443", **case.get("cluster", {})}, case.get("user", {}))
    return Case(case["name"], kubeconfig, case.get("files", {}), case.get("environment", {}))


def document(cluster: dict[str, Any], user: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
    )


def build() -> Path:
    """Builds the program on client-go and the library's tests. The answer is the program of the latter."""
    ORACLE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", ORACLE, "."], cwd=HERE, check=True)
    cargo = ["cargo", "test", "--locked", "--lib", "--no-run", "--message-format", "json", "--package", "psat-attestor"]
    built = subprocess.run(cargo, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    [program] = [message["executable"] for message in messages if message.get("executable")]
    return Path(program)


def question(case: Case, directory: Path) -> dict[str, Any]:
    """Writes the files of a case, with certificates and folders in place of their names."""
    folder = directory / f"case-{sum(1 for _ in directory.glob('case-*'))}"
    folder.mkdir()

    def replaced(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "dir":
            return str(folder)
        content = (directory / name).read_text()
        return FORMS[kind](content)

    for name, content in {"kubeconfig": case.kubeconfig, **case.files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PLACEHOLDER.sub(replaced, content))
    case.environment = {key: PLACEHOLDER.sub(replaced, value) for key, value in case.environment.items()}
    return {
        "case": case.name,
        "kubeconfig": str(folder / "kubeconfig"),
        "serving": [str(directory / name) for name in SERVING],
    }


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def folded(text: str) -> str:
    """Base64 as a block of YAML, indented by six."""
    return ("\n" + 6 * " ").join(re.findall(".{1,64}", encoded(text)))


FORMS: dict[str, Callable[[str], str]] = {"file": str, "base64": encoded, "folded": folded, "json": json.dumps}


def by_environment(cases: list[Case], system: dict[str, str]) -> list[tuple[dict[str, str], list[str]]]:
    groups: dict[str, list[str]] = {}
    for case in cases:
        groups.setdefault(json.dumps(case.environment, sort_keys=True), []).append(case.name)
    # Nothing of the caller's environment but what programs need: it may name a proxy.
    base = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | system
    return [(base | json.loads(environment), names) for environment, names in groups.items()]


def ask_client_go(asked: str, environment: dict[str, str], directory: Path) -> dict[str, Answer]:
    done = run([str(ORACLE)], environment, asked, directory)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return answers(done.stdout)


def ask_library(library: Path, asked: str, environment: dict[str, str], directory: Path) -> dict[str, Answer]:
    questions, answered = directory / "questions", directory / "answers"
    questions.write_text(asked)
    environment = {**environment, "PSAT_QUESTIONS": str(questions), "PSAT_ANSWERS": str(answered)}
    done = run([str(library), "--ignored", "--exact", TEST], environment, "", directory)
    if done.returncode != 0 or "1 passed" not in done.stdout:
        sys.exit(f"{done.stdout}{done.stderr}")
    return answers(answered.read_text())


def run(
    command: list[str], environment: dict[str, str], asked: str, directory: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, input=asked, cwd=directory, check=False, capture_output=True, text=True, timeout=300
    )


def answers(lines: str) -> dict[str, Answer]:
    found = [json.loads(line) for line in lines.splitlines()]
    return {answer.pop("case"): answer for answer in found}


def judge(cases: list[Case], ours: dict[str, Answer], theirs: dict[str, Answer], *, complete: bool) -> int:
    wanted: dict[str, dict[str, Any]] = load(HERE / "differences.json")
    failures = 0
    for case in cases:
        found = differing(comparable(ours[case.name]), comparable(theirs[case.name]))
        expected = wanted.get(case.name, {}).get("fields", [])
        if found != expected:
            failures += 1
            print(f"FAILED {case.name}: differ {found}, expected {expected}")
            print(f"  here:      {json.dumps(ours[case.name], sort_keys=True)}")
            print(f"  client-go: {json.dumps(theirs[case.name], sort_keys=True)}")
    unknown = sorted(set(wanted) - {case.name for case in cases}) if complete else []
    for name in unknown:
        print(f"FAILED {name}: differences.json names a case that is not there")
    deliberate = sum(1 for case in cases if case.name in wanted)
    total = len(cases) + len(unknown)
    failed = failures + len(unknown)
    print(f"{len(cases)} kubeconfigs and environments, of which {deliberate} differ on purpose")
    print(f"{total - failed} passed, {failed} failed")
    return int(failed > 0)


def comparable(answer: Answer) -> Answer:
    """The answer without words, and with what was said to a plugin in one form: plugins here answer with that."""
    if "error" in answer:
        return {"error": True}
    answer = {"headers": {}, "proxy": None, "tls": None, **answer}
    answer["headers"] = {name: [one_form(value) for value in values] for name, values in answer["headers"].items()}
    return answer


def one_form(value: str) -> str:
    try:
        told = json.loads(base64.b64decode(value.removeprefix("Bearer "), validate=True))
    except ValueError:
        return value
    return json.dumps(told, sort_keys=True)


def differing(ours: Answer, theirs: Answer) -> list[str]:
    if "error" in ours or "error" in theirs:
        return [] if ours == theirs else ["error"]
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
