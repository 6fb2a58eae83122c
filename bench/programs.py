"""The programs that attest, and one run of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import Server

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "target" / "bench"
LIBRARY = ROOT / "target" / "ship" / "release" / "libpsat_attestor.so"
PYTHON_PACKAGE = ROOT / "bindings" / "python" / "psat_attestor"
ALLOCATIONS = OUT / "allocations.so"
ATTESTED = "0"
# What stops a run that hangs; the longest takes half a minute.
RUN_SECONDS = 300

Settings = tuple[tuple[str, Any], ...]
Sample = dict[str, Any]
"""What a program has printed, and `server`: what the server has counted and spent meanwhile."""


@dataclass(frozen=True)
class Load:
    """What is attested, and how."""

    payloads: str = "genuine"
    count: int = 0
    warm_up: int = 0
    warm_up_payloads: str | None = None
    in_flight: int = 1
    delay_ms: int = 0
    expect: str = ATTESTED
    """The code that each answer has to have."""
    beside: int = 0
    """How many attestations of the hanging cluster go on meanwhile."""
    blocking: bool = False
    count_allocations: bool = False
    clusters: int = 1
    settings: Settings = ()
    """Of the cluster, where they are not the defaults. Ours only."""


def attest(side: str, load: Load, server: Server) -> Sample:
    """Runs the program of a side: `upstream`, `ours`; ours from Go: `psat`; ours from Python: `raw`, `package`."""
    server.delay(load.delay_ms)
    command = command_of(side, load, server.folder)
    with subprocess.Popen(
        command, env=environment(side, load), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        cut = threading.Timer(RUN_SECONDS, program.kill)
        cut.start()
        try:
            assert program.stdout is not None
            ready = program.stdout.readline()
            # From here on the server's counters are about what is measured.
            before = server.counters()
            result, _ = program.communicate("\n")
        finally:
            cut.cancel()
    after = server.counters()
    if program.returncode != 0 or ready != "ready\n":
        raise RuntimeError(f"{side} ended with {program.returncode}: {' '.join(command)}")
    sample: Sample = json.loads(result)
    sample["server"] = {key: after[key] - before[key] for key in after}
    check(side, load, sample)
    return sample


def command_of(side: str, load: Load, folder: Path) -> list[str]:
    config = str(config_file(side, load, folder))
    payloads = str(folder / load.payloads)
    if side in ("raw", "package"):
        script = str(ROOT / "bench" / "drivers" / "python.py")
        return [sys.executable, script, side, str(LIBRARY), config, payloads, str(load.count)]
    command = [str(OUT / side), "--config", config, "--payloads", payloads, "--count", str(load.count)]
    command += ["--warm-up", str(load.warm_up), "--in-flight", str(load.in_flight)]
    if load.warm_up_payloads:
        command += ["--warm-up-payloads", str(folder / load.warm_up_payloads)]
    if load.beside:
        command += ["--beside", str(folder / "hanging.payloads"), "--beside-in-flight", str(load.beside)]
    if load.blocking:
        command += ["--blocking", "1"]
    return command


def environment(side: str, load: Load) -> dict[str, str]:
    variables = dict(os.environ)
    if load.count_allocations and side == "ours":
        variables["LD_PRELOAD"] = str(ALLOCATIONS)
    if side == "package":
        variables |= {"PYTHONPATH": str(PYTHON_PACKAGE.parent), "PSAT_ATTESTOR_LIBRARY": str(LIBRARY)}
    return variables


def forms() -> dict[str, int]:
    """What reading the answers of one attestation costs SPIRE's plugin, in JSON and in protobuf."""
    objects = [str(ROOT / "bench" / "server" / "src" / name) for name in ("pod.json", "node.json")]
    done = subprocess.run([OUT / "forms", *objects], stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS, check=True)
    costs: dict[str, int] = json.loads(done.stdout)
    return costs


def check(side: str, load: Load, sample: Sample) -> None:
    """A run in which an answer is not the expected one measures something else. A crowd of 5,000 may lose some."""
    right = sample["codes"].get(load.expect, 0)
    if right < load.count * 0.9:
        raise RuntimeError(f"{side}: {right} of {load.count} were answered with {load.expect}: {sample}")


def config_file(side: str, load: Load, folder: Path) -> Path:
    """Writes the configuration of a side, with the cluster `demo` and others."""
    kubeconfigs = {"demo": folder / "demo" / "kubeconfig"}
    if load.beside:
        kubeconfigs["hanging"] = folder / "hanging" / "kubeconfig"
    for number in range(1, load.clusters):
        kubeconfigs[f"cluster-{number}"] = copied(folder / "demo" / "kubeconfig", number)
    path = folder / f"{side}.conf"
    path.write_text(hcl(kubeconfigs) if side == "upstream" else ours(kubeconfigs, load))
    return path


def copied(kubeconfig: Path, number: int) -> Path:
    """A kubeconfig of its own for each cluster, as in the field."""
    copy = kubeconfig.with_name(f"kubeconfig-{number}")
    if not copy.exists():
        copy.write_text(kubeconfig.read_text())
    return copy


def hcl(kubeconfigs: dict[str, Path]) -> str:
    return "".join(
        f'clusters "{name}" {{\n'
        '  service_account_allow_list = ["spire:spire-agent"]\n'
        f'  kube_config_file = "{path}"\n'
        '  allowed_node_label_keys = ["region"]\n'
        '  allowed_pod_label_keys = ["app"]\n'
        "}\n"
        for name, path in kubeconfigs.items()
    )


def ours(kubeconfigs: dict[str, Path], load: Load) -> str:
    clusters = {
        name: {
            "service_account_allow_list": ["spire:spire-agent"],
            "kube_config_file": str(path),
            "allowed_node_label_keys": ["region"],
            "allowed_pod_label_keys": ["app"],
            **dict(load.settings),
        }
        for name, path in kubeconfigs.items()
    }
    return json.dumps({"trust_domain": "example.org", "clusters": clusters})
