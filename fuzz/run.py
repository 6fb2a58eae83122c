"""Builds the fuzz targets, runs each for a while, and counts.

    python3 fuzz/run.py [--keep] [TARGET…]

FUZZ_SECONDS is the time for each target. With --keep, what was found is kept: fuzz/corpus is written anew, with the
fewest inputs that reach all that is reached. Needs stable Rust and a C++ compiler; the coverage counters are the
compiler's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import seeds

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
BUILT = ROOT / "target" / "fuzz"
SECONDS = int(os.environ.get("FUZZ_SECONDS", "25"))

# Bytes of an input: twice what the largest seeds have.
LONGEST = {"payload": 4096, "config": 4096, "jws": 2048, "jwks": 4096, "answers": 4096, "kubeconfig": 8192, "abi": 128}

COVERAGE = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]

# One input takes a few milliseconds; a sequence of calls 30 s at most.
LIMITS = ["-timeout=60", "-rss_limit_mb=2048", "-malloc_limit_mb=256"]

STATUS = re.compile(r"^#\d+\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
STATISTICS = re.compile(r"^stat::(number_of_executed_units|average_exec_per_sec):\s*(\d+)", re.MULTILINE)
FOUND = re.compile(r"Test unit written to (\S+)")


@dataclass
class Result:
    """What became of one target."""

    target: str
    executed: int = 0
    rate: int = 0
    edges: int = 0
    features: int = 0
    corpus: int = 0
    fault: str = ""

    def row(self) -> str:
        numbers = f"{self.executed:>12,} {self.rate:>9,} {self.edges:>7,} {self.features:>9,} {self.corpus:>7,}"
        return f"{self.target:<11}{numbers} {1 if self.fault else 0:>8}"


def build(triple: str) -> Path:
    environment = {**os.environ, "RUSTFLAGS": " ".join(COVERAGE)}
    environment.pop("CARGO_ENCODED_RUSTFLAGS", None)
    # With --target, build scripts and macros are built without counters.
    command = ["cargo", "build", "--locked", "--release", "--target", triple, "--target-dir", str(BUILT)]
    subprocess.run(command, cwd=FUZZ, env=environment, check=True)
    return BUILT / triple / "release"


def host() -> str:
    told = subprocess.run(["rustc", "--print", "host-tuple"], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def fuzz(binary: Path, corpora: list[Path], options: list[str]) -> str:
    """Runs a target, and returns what it said. Its files and its standard input are its own."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with tempfile.TemporaryDirectory() as folder:
        environment |= {"TMPDIR": folder, "RUST_BACKTRACE": "1"}
        command = [str(binary), *LIMITS, *options, *map(str, corpora)]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    said = done.stdout.decode(errors="replace")
    return said if done.returncode == 0 else f"{said}\nexit code {done.returncode}"


def run(target: str, binary: Path) -> Result:
    own, crashes = BUILT / "corpus" / target, BUILT / "crashes"
    for folder in (own, crashes, FUZZ / "corpus" / target):
        folder.mkdir(parents=True, exist_ok=True)
    given, dictionary = BUILT / "seeds" / target, BUILT / "seeds" / f"{target}.dict"
    shutil.rmtree(given, ignore_errors=True)
    seeds.write(target, given, dictionary)
    options = [
        f"-max_total_time={SECONDS}",
        f"-max_len={LONGEST[target]}",
        f"-artifact_prefix={crashes}/{target}-",
        "-print_final_stats=1",
    ]
    if dictionary.stat().st_size:
        options.append(f"-dict={dictionary}")
    said = fuzz(binary, [own, FUZZ / "corpus" / target, given], options)
    statistics = {name: int(number) for name, number in STATISTICS.findall(said)}
    result = Result(target, statistics.get("number_of_executed_units", 0), statistics.get("average_exec_per_sec", 0))
    if states := STATUS.findall(said):
        result.edges, result.features, result.corpus = map(int, states[-1][1:])
    if "exit code" in said.rpartition("\n")[2]:
        crash = FOUND.search(said)
        again = f"{binary} {crash[1]}" if crash else f"{binary} {given}"
        result.fault = f"{said[-6000:]}\n{target}: again with: {again}"
    elif not result.edges:
        result.fault = f"{said[-2000:]}\n{target}: no coverage was measured"
    return result


def guided(binary: Path) -> str:
    """What is wrong with the guidance: without any seed, coverage alone must lead to a growing corpus."""
    with tempfile.TemporaryDirectory() as empty:
        said = fuzz(binary, [Path(empty)], ["-runs=100000", "-seed=1", "-max_len=64"])
        kept = len(list(Path(empty).iterdir()))
    edges = [int(state[1]) for state in STATUS.findall(said)]
    if kept >= 20 and edges and edges[-1] > 2 * edges[0]:
        print(f"without seeds, 100,000 executions found {edges[-1]} edges, {edges[0]} at first, and kept {kept} inputs")
        return ""
    return f"{said[-2000:]}\n{binary.name}: coverage does not guide: {kept} inputs kept, edges {edges[:1]} {edges[-1:]}"


def keep(target: str, binary: Path) -> None:
    """Writes the committed corpus of a target anew."""
    committed, own = FUZZ / "corpus" / target, BUILT / "corpus" / target
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / target
        kept.mkdir()
        sources = [path for path in (kept, committed, own, BUILT / "seeds" / target) if path.exists()]
        fuzz(binary, sources, ["-set_cover_merge=1", f"-max_len={LONGEST[target]}"])
        shutil.rmtree(committed)
        shutil.copytree(kept, committed)
    files = list(committed.iterdir())
    print(f"{target}: {len(files)} inputs kept, {sum(file.stat().st_size for file in files)} bytes")


def main() -> int:
    arguments = sys.argv[1:]
    targets = [word for word in arguments if word != "--keep"] or list(seeds.SEEDS)
    if unknown := set(targets) - set(seeds.SEEDS):
        print(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(seeds.SEEDS)}", file=sys.stderr)
        return 2
    binaries = build(host())
    if "--keep" in arguments:
        for target in targets:
            keep(target, binaries / target)
        return 0
    faults = [guided(binaries / "payload")]
    print(f"{'target':<11}{'executions':>12} {'per s':>9} {'edges':>7} {'features':>9} {'corpus':>7} {'crashes':>8}")
    for target in targets:
        result = run(target, binaries / target)
        print(result.row(), flush=True)
        faults.append(result.fault)
    found = [fault for fault in faults if fault]
    print(*found, sep="\n")
    print(f"{len(faults) - len(found)} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
