"""Attest one payload with nothing but ctypes: attest.py CONFIG PAYLOAD, both files.

The library is found by the system's loader, or at the path in PSAT_LIB.
"""

import ctypes
import json
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_void_p
from pathlib import Path
from typing import Any

psat = ctypes.CDLL(os.environ.get("PSAT_LIB", "libpsat_attestor.so.1"))

# char **json stays a plain pointer here: a c_char_p would turn into bytes, and could not be freed any more.
psat.psat_attestor_new.argtypes = [c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p)]
psat.psat_attestor_new.restype = c_int32
psat.psat_attestor_attest.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p)]
psat.psat_attestor_attest.restype = c_int32
psat.psat_attestor_free.argtypes = [c_void_p]
psat.psat_attestor_free.restype = None
psat.psat_string_free.argtypes = [c_void_p]
psat.psat_string_free.restype = None


def take(document: c_void_p) -> dict[str, Any]:
    """Reads a document and frees it."""
    try:
        return dict(json.loads(ctypes.string_at(document.value or 0)))
    finally:
        psat.psat_string_free(document)


def main(config: bytes, payload: bytes) -> int:
    attestor, document = c_void_p(), c_void_p()
    code = psat.psat_attestor_new(config, len(config), byref(attestor), byref(document))
    notes = take(document)
    if code != 0:
        print(json.dumps(notes, indent=2), file=sys.stderr)
        return 2
    code = psat.psat_attestor_attest(attestor, payload, len(payload), None, 0, byref(document))
    answer = take(document)
    psat.psat_attestor_free(attestor)

    print(json.dumps(answer, indent=2))
    if code == 0:
        print("spiffe_id:", answer["agent_attributes"]["spiffe_id"])
    else:
        print("reason:", answer["reason"])
        print("message:", answer["message"])
    return int(code != 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: attest.py CONFIG PAYLOAD")
    sys.exit(main(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()))
