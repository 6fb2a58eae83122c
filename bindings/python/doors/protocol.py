"""The conformance runner's protocol, as tests/conformance/README.md has it: requests on stdin, replies on stdout."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import psat_attestor

# The length that stands for the NULL pointer.
_NULL = 0xFFFFFFFF

# How many attestations the verb T begins at once.
CROWD = 3


class Request(NamedTuple):
    """One question of the runner. None is the NULL pointer."""

    verb: str
    config: bytes | None
    payload: bytes | None
    options: bytes | None


class Reply(NamedTuple):
    """A code and a document, which is empty where there is none."""

    code: int
    document: bytes


def serve(doors: dict[str, Callable[[Request], Reply]]) -> None:
    """Answers until the runner has asked for the statistics. An exception that is no answer ends the program with 3."""
    verbs = {"V": _validate, "X": _statistics, **doors}
    while (request := _read(sys.stdin.buffer)) is not None:
        try:
            reply = verbs[request.verb](request)
        except psat_attestor.AttestorError as refused:
            reply = reply_of(refused)
        except Exception as broken:
            print(f"door: {broken!r}", file=sys.stderr)
            sys.exit(3)
        sys.stdout.buffer.write(struct.pack("<iI", reply.code, len(reply.document)) + reply.document)
        sys.stdout.buffer.flush()
        if request.verb == "X":
            return


def reply_of(refused: psat_attestor.AttestorError) -> Reply:
    return Reply(refused.code, refused.document or b"")


def spelled_out(refused: psat_attestor.AttestorError) -> Reply:
    """The blocking call of C has a document for every refusal; an exception without one has its parts."""
    if refused.document is not None:
        return reply_of(refused)
    members = {"code": refused.code, "reason": refused.reason, "message": refused.message}
    return Reply(refused.code, json.dumps(members).encode())


def _validate(request: Request) -> Reply:
    validation = psat_attestor.validate(request.config)
    code = 0 if validation.valid else psat_attestor.reasons.TABLE["CONFIG_INVALID"].code
    return Reply(code, validation.document)


def _statistics(_: Request) -> Reply:
    """Those of an attestor that does nothing: the count of documents is of the whole process."""
    with psat_attestor.Attestor() as attestor:
        return Reply(0, attestor.stats().document)


def _read(source: BinaryIO) -> Request | None:
    verb = source.read(1)
    return Request(verb.decode(), _blob(source), _blob(source), _blob(source)) if verb else None


def _blob(source: BinaryIO) -> bytes | None:
    (length,) = struct.unpack("<I", source.read(4))
    if length == _NULL:
        return None
    blob = source.read(length)
    if len(blob) < length:
        raise EOFError("the runner ended within a request")
    return blob
