"""The C ABI for ctypes. Generated from include/psat_attestor.h by `make generate`. Do not edit."""

from __future__ import annotations

from ctypes import CDLL, POINTER, Structure, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Final

PSAT_ABI_VERSION: Final = 1
PSAT_OK: Final = 0
PSAT_NULL_POINTER: Final = 1000
PSAT_CLOSED: Final = 1001
PSAT_FORKED: Final = 1002
PSAT_PANIC: Final = 1003
PSAT_OPTIONS_MALFORMED: Final = 1004
PSAT_COMPLETION_ATTESTATION: Final = 1
PSAT_COMPLETION_EVENT: Final = 2


class psat_completion_t(Structure):  # noqa: N801
    _fields_ = [
        ("kind", c_uint32),
        ("code", c_int32),
        ("tag", c_uint64),
        ("operation", c_uint64),
        ("json", c_void_p),
        ("json_len", c_size_t),
    ]


# Result and parameters of each function. A document that is handed out stays a plain pointer: ctypes would turn a
# c_char_p into bytes, and it could not be freed any more.
FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "psat_abi_version": (
        c_uint32,
        [],
    ),
    "psat_version": (
        c_char_p,
        [],
    ),
    "psat_string_free": (
        None,
        [c_void_p],
    ),
    "psat_config_validate": (
        c_int32,
        [c_char_p, c_size_t, POINTER(c_void_p)],
    ),
    "psat_attestor_new": (
        c_int32,
        [c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p)],
    ),
    "psat_attestor_configure": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, POINTER(c_void_p)],
    ),
    "psat_attestor_shutdown": (
        c_int32,
        [c_void_p, c_uint32],
    ),
    "psat_attestor_free": (
        None,
        [c_void_p],
    ),
    "psat_attestor_attest": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p)],
    ),
    "psat_attestor_explain": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p)],
    ),
    "psat_attestor_submit": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_uint64, POINTER(c_uint64)],
    ),
    "psat_attestor_cancel": (
        c_int32,
        [c_void_p, c_uint64],
    ),
    "psat_attestor_stats": (
        c_int32,
        [c_void_p, POINTER(c_void_p)],
    ),
    "psat_attestor_events": (
        c_int32,
        [c_void_p, c_void_p, c_int32],
    ),
    "psat_attestor_check": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, POINTER(c_void_p)],
    ),
    "psat_queue_new": (
        c_int32,
        [POINTER(c_void_p)],
    ),
    "psat_queue_fd": (
        c_int,
        [c_void_p],
    ),
    "psat_queue_next": (
        c_int32,
        [c_void_p, POINTER(psat_completion_t), c_size_t, c_int32, POINTER(c_size_t)],
    ),
    "psat_queue_wake": (
        None,
        [c_void_p],
    ),
    "psat_queue_close": (
        None,
        [c_void_p],
    ),
    "psat_queue_free": (
        None,
        [c_void_p],
    ),
}


def declare(library: CDLL) -> None:
    """Tell ctypes the types of all functions that the library has."""
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is not None:
            function.restype = result
            function.argtypes = parameters
