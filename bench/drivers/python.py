"""Measures what a refusal costs in Python: python.py raw|package LIBRARY CONFIG PAYLOAD COUNT.

`raw` is ctypes alone, the document taken over as bytes; `package` is psat_attestor, which makes an exception of it.
Prints the median in nanoseconds, as the other programs do.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_void_p
from pathlib import Path

Attest = Callable[[bytes], int]
"""Judges a payload; the answer is the code."""


def raw(library: str, config: bytes) -> Attest:
    psat = ctypes.CDLL(library)
    psat.psat_attestor_new.argtypes = [c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p)]
    psat.psat_attestor_new.restype = c_int32
    psat.psat_attestor_attest.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p)]
    psat.psat_attestor_attest.restype = c_int32
    psat.psat_string_free.argtypes = [c_void_p]
    psat.psat_string_free.restype = None
    attestor = c_void_p()
    if psat.psat_attestor_new(config, len(config), byref(attestor), None) != 0:
        sys.exit("python.py: the configuration was refused")

    def attest(payload: bytes) -> int:
        document = c_void_p()
        code: int = psat.psat_attestor_attest(attestor, payload, len(payload), None, 0, byref(document))
        ctypes.string_at(document.value or 0)
        psat.psat_string_free(document)
        return code

    return attest


def package(_library: str, config: bytes) -> Attest:
    psat = importlib.import_module("psat_attestor")
    attestor = psat.Attestor(config)

    def attest(payload: bytes) -> int:
        try:
            attestor.attest(payload)
        except psat.AttestorError as refusal:
            return int(refusal.code)
        return 0

    return attest


def main(way: str, library: str, config: str, payload: str, count: int) -> None:
    attest = {"raw": raw, "package": package}[way](library, Path(config).read_bytes())
    sent = Path(payload).read_bytes().strip()
    times = []
    codes: dict[str, int] = {}
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(count):
        begun = time.perf_counter_ns()
        code = attest(sent)
        times.append(time.perf_counter_ns() - begun)
        codes[str(code)] = codes.get(str(code), 0) + 1
    print(json.dumps({"latency_ns": {"p50": statistics.median_low(times)}, "codes": codes}))


if __name__ == "__main__":
    way, library, config, payload, count = sys.argv[1:]
    main(way, library, config, payload, int(count))
