"""What a run was made on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from programs import ROOT


def description() -> dict[str, str]:
    upstream = re.search(r"spiffe/spire (v\S+)", (ROOT / "bench/go/go.mod").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}",
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        "Rust": said("rustc", "--version"),
        "Go": said("go", "version"),
        "Python": platform.python_version(),
        "SPIRE": upstream[1] if upstream else "unknown",
        "this project": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "load when it began": "{:.1f}, {:.1f}, {:.1f} (1, 5, 15 minutes)".format(*os.getloadavg()),
    }


def said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() or "unknown"
