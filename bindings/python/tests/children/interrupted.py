"""Blocks in the main thread until Ctrl-C, tells what became of the operation, and ends as Python ends then."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from psat_attestor import Attestor

CALL, CONFIG, PAYLOAD = sys.argv[1:]

attestor = Attestor(Path(CONFIG).read_bytes())
print("begins", flush=True)
try:
    if CALL == "check":
        attestor.check()
    else:
        getattr(attestor, CALL)(Path(PAYLOAD).read_bytes())
except KeyboardInterrupt:
    if CALL == "attest":
        while "CANCELED" not in attestor.stats().attestations:
            time.sleep(0.01)
        print(dict(attestor.stats().attestations), flush=True)
    attestor.close()
    print("closed", flush=True)
    raise
