"""Builds what the end-to-end tests run: kube-apiserver, etcd, kubectl, SPIRE, and small programs of their own.

All come from the Go modules below `tools/`, so that a Go toolchain is the only thing needed. The first build of
kube-apiserver takes several minutes, that of SPIRE some more; afterwards Go's build cache answers in seconds.

    python3 tests/e2e/build_tools.py
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KUBERNETES = HERE / "tools" / "kubernetes"
CERTIFICATES = HERE / "tools" / "certificates"
SPIRE = HERE / "tools" / "spire"
HEARTBEAT_SECONDS = 30.0


class BuildFailed(Exception):
    """A tool could not be built; the text is what the compiler said."""


@dataclass(frozen=True)
class Tools:
    """Where the built programs lie."""

    directory: Path = ROOT / "target" / "e2e" / "bin"

    @property
    def kube_apiserver(self) -> Path:
        return self.directory / "kube-apiserver"

    @property
    def etcd(self) -> Path:
        return self.directory / "etcd"

    @property
    def kubectl(self) -> Path:
        return self.directory / "kubectl"

    @property
    def certificates(self) -> Path:
        return self.directory / "certificates"

    @property
    def spire_server(self) -> Path:
        return self.directory / "spire-server"

    @property
    def spire_agent(self) -> Path:
        return self.directory / "spire-agent"

    @property
    def many_agents(self) -> Path:
        return self.directory / "many-agents"


def kubernetes_version() -> str:
    return required_version(KUBERNETES, "k8s.io/kubernetes")


def spire_version() -> str:
    return required_version(SPIRE, "github.com/spiffe/spire")


def required_version(module: Path, dependency: str) -> str:
    """The version that go.mod requires, such as `v1.37.2`."""
    found = re.search(rf"{re.escape(dependency)} (v[0-9.]+)", (module / "go.mod").read_text())
    if found is None:
        raise BuildFailed(f"{module / 'go.mod'} requires no {dependency}")
    return found.group(1)


def linker_flags(version: str) -> str:
    """Strips the binaries and stamps the version, without which the server calls itself v0.0.0-master."""
    major, minor, _ = version.removeprefix("v").split(".")
    stamp = "-X k8s.io/component-base/version."
    return f"-s -w {stamp}gitVersion={version} {stamp}gitMajor={major} {stamp}gitMinor={minor}"


def build(tools: Tools = Tools()) -> Tools:
    tools.directory.mkdir(parents=True, exist_ok=True)
    flags = linker_flags(kubernetes_version())
    compile_package(tools.certificates, CERTIFICATES, ".", "-s -w")
    compile_package(tools.etcd, KUBERNETES, "go.etcd.io/etcd/server/v3", flags)
    compile_package(tools.kubectl, KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", flags)
    compile_package(tools.kube_apiserver, KUBERNETES, "k8s.io/kubernetes/cmd/kube-apiserver", flags)
    return tools


def build_spire(tools: Tools = Tools()) -> Tools:
    tools.directory.mkdir(parents=True, exist_ok=True)
    stamp = f"-X github.com/spiffe/spire/pkg/common/version.gittag={spire_version().removeprefix('v')}"
    # Its sqlite3 is C.
    for program in (tools.spire_server, tools.spire_agent):
        package = f"github.com/spiffe/spire/cmd/{program.name}"
        compile_package(program, SPIRE, package, f"-s -w {stamp}", cgo=True)
    compile_package(tools.many_agents, SPIRE, "./many-agents", "-s -w", cgo=True)
    return tools


def archive_flags() -> dict[str, str]:
    """The environment in which cgo links the static library."""
    archive = ROOT / "target" / "ship" / "libpsat_attestor.a"
    # Go's build cache does not look at archives: the digest of this one among the flags makes it.
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    return {
        "CGO_ENABLED": "1",
        "CGO_CFLAGS": f"-O2 -g -I{ROOT / 'include'} -DPSAT_DIGEST=0x{digest}",
        "CGO_LDFLAGS": str(archive),
    }


def compile_package(output: Path, module: Path, package: str, flags: str, *, cgo: bool = False) -> None:
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", str(output), package]
    began = time.monotonic()
    compiler = subprocess.Popen(
        command,
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "1" if cgo else "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = wait_with_heartbeat(compiler, output.name, began)
    except BaseException:
        compiler.terminate()
        compiler.wait()
        raise
    if compiler.returncode != 0:
        raise BuildFailed(f"{output.name} could not be built:\n{said}")
    report(f"{output.name} is built ({time.monotonic() - began:.0f} s)")


def wait_with_heartbeat(compiler: subprocess.Popen[str], name: str, began: float) -> str:
    while True:
        try:
            said, _ = compiler.communicate(timeout=HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            report(f"{name} is being built, {time.monotonic() - began:.0f} s so far")
        else:
            return said


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        build_spire(build())
    except BuildFailed as failure:
        sys.exit(str(failure))
