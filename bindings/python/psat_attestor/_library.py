"""Finds the shared library and makes sure that this package can use it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from psat_attestor import _capi
from psat_attestor.errors import LibraryError

VARIABLE = "PSAT_ATTESTOR_LIBRARY"
FILE = f"libpsat_attestor.so.{_capi.PSAT_ABI_VERSION}"

# Functions that an older library of the same ABI version lacks.
_LATER = frozenset({"psat_attestor_explain", "psat_attestor_check"})

_loaded: ctypes.CDLL | None = None


def load() -> ctypes.CDLL:
    """The library, loaded once. Raises LibraryError if there is none, or not the right one."""
    global _loaded
    # Two threads may both load it at first. They get the same library, without a lock that a fork could break.
    if _loaded is None:
        _loaded = _open(_where())
    return _loaded


def version() -> str:
    """The version of the library, such as "0.1.0"."""
    text: bytes = load().psat_version()
    return text.decode()


def _where() -> str:
    """A path; or the bare name of the file, which the system's loader looks for."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    bundled = Path(__file__).with_name(FILE)
    return str(bundled) if bundled.exists() else FILE


def _open(where: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(where)
    except OSError as error:
        raise LibraryError(
            f"the library {where} cannot be loaded: {error}. Install a wheel of this package, which brings the library "
            f"along; or put {FILE} where the system's loader finds it; or name its path in {VARIABLE}"
        ) from None
    _capi.declare(library)
    if not hasattr(library, "psat_abi_version"):
        raise LibraryError(f"{where} is not {FILE}: it has no psat_abi_version")
    spoken = library.psat_abi_version()
    if spoken != _capi.PSAT_ABI_VERSION:
        raise LibraryError(
            f"{where} speaks version {spoken} of the ABI, and this package version {_capi.PSAT_ABI_VERSION}: "
            "use library and package of the same release"
        )
    missing = [name for name in _capi.FUNCTIONS if name not in _LATER and not hasattr(library, name)]
    if missing:
        raise LibraryError(f"{where} lacks {', '.join(missing)}: use library and package of the same release")
    return library


def require(library: ctypes.CDLL, function: str) -> None:
    """Raise LibraryError if the library is too old to have the function."""
    if not hasattr(library, function):
        raise LibraryError(
            f"the library {library.psat_version().decode()} has no {function}: use one of this package's release"
        )
