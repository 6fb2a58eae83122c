"""A plain ctypes host of the C ABI: handles, bytes and JSON documents, nothing else."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

CLOSED = 1001
ATTESTATION = 1


class ContractBroken(AssertionError):
    """The library did something that the ABI rules out."""


class Refused(Exception):
    """An attestor could not be made, or an operation was not accepted."""


class _Completion(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_uint32),
        ("code", ctypes.c_int32),
        ("tag", ctypes.c_uint64),
        ("operation", ctypes.c_uint64),
        ("json", ctypes.c_void_p),
        ("json_len", ctypes.c_size_t),
    ]


@dataclass(frozen=True)
class Answer:
    """One attestation: the code that was returned, and the document beside it."""

    code: int
    document: Mapping[str, Any]

    @property
    def reason(self) -> str:
        return str(self.document["reason"])

    @property
    def message(self) -> str:
        return str(self.document["message"])

    @property
    def spiffe_id(self) -> str:
        return str(self.document["agent_attributes"]["spiffe_id"])

    @property
    def selectors(self) -> list[str]:
        return [str(each) for each in self.document["agent_attributes"]["selector_values"]]

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["diagnostics"]
        return found

    @property
    def calls(self) -> list[str]:
        """The API calls that were made, in order."""
        return [str(each["call"]) for each in self.diagnostics["api_calls"]]


@dataclass(frozen=True)
class Step:
    """One thing that `explain` or `check` looked at."""

    check: str
    outcome: str
    detail: str
    reason: str = ""
    remedy: str = ""

    @property
    def block(self) -> str:
        """What the remedy gives to be used as it stands; empty if it is a sentence alone."""
        return self.remedy.partition(":\n")[2]


def first_failed(steps: Sequence[Step]) -> Step | None:
    return next((step for step in steps if step.outcome == "fail"), None)


@dataclass(frozen=True)
class Explanation(Answer):
    """An attestation with every check shown."""

    steps: Sequence[Step]


@dataclass(frozen=True)
class Check:
    """Whether clusters can be used: the steps of each."""

    code: int
    document: Mapping[str, Any]
    clusters: Mapping[str, Sequence[Step]]


def _steps(document: Mapping[str, Any]) -> list[Step]:
    return [Step(**step) for step in document["steps"]]


@dataclass(frozen=True)
class Completion:
    tag: int
    operation: int
    answer: Answer


class Library:
    """The loaded library. Every document that it hands out is freed at once; its text is kept in `documents`."""

    def __init__(self, path: Path) -> None:
        self.c = ctypes.CDLL(str(path))
        self.documents: list[str] = []
        pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
        bytes_in = [text, size]
        self._declare("psat_string_free", None, [pointer])
        self._declare("psat_attestor_new", ctypes.c_int32, [*bytes_in, pointer, pointer])
        self._declare("psat_attestor_free", None, [pointer])
        for blocking in ("psat_attestor_attest", "psat_attestor_explain"):
            self._declare(blocking, ctypes.c_int32, [pointer, *bytes_in, *bytes_in, pointer])
        self._declare("psat_attestor_check", ctypes.c_int32, [pointer, *bytes_in, pointer])
        submit = [pointer, *bytes_in, *bytes_in, pointer, ctypes.c_uint64, pointer]
        self._declare("psat_attestor_submit", ctypes.c_int32, submit)
        self._declare("psat_attestor_stats", ctypes.c_int32, [pointer, pointer])
        self._declare("psat_queue_new", ctypes.c_int32, [pointer])
        self._declare("psat_queue_next", ctypes.c_int32, [pointer, pointer, size, ctypes.c_int32, pointer])
        self._declare("psat_queue_close", None, [pointer])
        self._declare("psat_queue_free", None, [pointer])

    def _declare(self, name: str, result: Any, arguments: list[Any]) -> None:
        function = getattr(self.c, name)
        function.restype = result
        function.argtypes = arguments

    def take(self, address: int | None, code: int) -> Mapping[str, Any]:
        """Copies a document, frees it, and checks that it repeats the code that was returned."""
        if not address:
            raise ContractBroken(f"no document was set beside code {code}")
        text = ctypes.string_at(address).decode("utf-8")
        self.c.psat_string_free(address)
        self.documents.append(text)
        document: Mapping[str, Any] = json.loads(text)
        if document.get("code") != code:
            raise ContractBroken(f"code {code} was returned beside {text}")
        return document


class Attestor:
    """An attestor for one configuration; `with` frees it."""

    def __init__(self, library: Library, config: Mapping[str, Any] | None) -> None:
        self._library = library
        self._handle = ctypes.c_void_p()
        text = b"" if config is None else json.dumps(config).encode()
        document = ctypes.c_void_p()
        code = int(
            library.c.psat_attestor_new(text or None, len(text), ctypes.byref(self._handle), ctypes.byref(document))
        )
        self.configuration = library.take(document.value, code)
        if code != 0:
            raise Refused(json.dumps(self.configuration))

    def __enter__(self) -> Attestor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free()

    def free(self) -> None:
        self._library.c.psat_attestor_free(self._handle)
        self._handle = ctypes.c_void_p()

    def attest(self, payload: bytes, options: Mapping[str, Any] | None = None) -> Answer:
        return self._ask(self._library.c.psat_attestor_attest, payload, options)

    def explain(self, payload: bytes, options: Mapping[str, Any] | None = None) -> Explanation:
        answer = self._ask(self._library.c.psat_attestor_explain, payload, options)
        return Explanation(answer.code, answer.document, _steps(answer.document))

    def check(self, options: Mapping[str, Any] | None = None) -> Check:
        more = _options(options)
        document = ctypes.c_void_p()
        code = int(self._library.c.psat_attestor_check(self._handle, more, len(more or b""), ctypes.byref(document)))
        taken = self._library.take(document.value, code)
        clusters = {name: _steps(cluster) for name, cluster in taken.get("clusters", {}).items()}
        return Check(code, taken, clusters)

    def _ask(self, call: Any, payload: bytes, options: Mapping[str, Any] | None) -> Answer:
        more = _options(options)
        document = ctypes.c_void_p()
        code = int(call(self._handle, payload, len(payload), more, len(more or b""), ctypes.byref(document)))
        return Answer(code, self._library.take(document.value, code))

    def submit(self, queue: Queue, tag: int, payload: bytes, options: Mapping[str, Any] | None = None) -> int:
        """Returns the operation's id; exactly one completion with this tag then comes out of the queue."""
        more = _options(options)
        operation = ctypes.c_uint64()
        code = int(
            self._library.c.psat_attestor_submit(
                self._handle, payload, len(payload), more, len(more or b""), queue.handle, tag, ctypes.byref(operation)
            )
        )
        if code != 0:
            raise Refused(f"submit returned {code}")
        return operation.value

    def stats(self) -> Mapping[str, Any]:
        document = ctypes.c_void_p()
        code = int(self._library.c.psat_attestor_stats(self._handle, ctypes.byref(document)))
        if not document.value:
            raise ContractBroken("stats set no document")
        text = ctypes.string_at(document.value).decode("utf-8")
        self._library.c.psat_string_free(document)
        if code != 0:
            raise ContractBroken(f"stats returned {code}: {text}")
        self._library.documents.append(text)
        found: Mapping[str, Any] = json.loads(text)
        return found


class Queue:
    """A completion queue; `with` frees it."""

    CAPACITY = 64

    def __init__(self, library: Library) -> None:
        self._library = library
        self.handle = ctypes.c_void_p()
        code = int(library.c.psat_queue_new(ctypes.byref(self.handle)))
        if code != 0:
            raise Refused(f"psat_queue_new returned {code}")

    def __enter__(self) -> Queue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.c.psat_queue_free(self.handle)

    def next(self, timeout_ms: int) -> list[Completion]:
        """What has completed; empty after the timeout."""
        found = (_Completion * self.CAPACITY)()
        count = ctypes.c_size_t()
        code = int(self._library.c.psat_queue_next(self.handle, found, self.CAPACITY, timeout_ms, ctypes.byref(count)))
        if code != 0:
            raise Refused(f"psat_queue_next returned {code}")
        return [self._completion(each) for each in found[: count.value]]

    def _completion(self, raw: _Completion) -> Completion:
        if raw.kind != ATTESTATION:
            raise ContractBroken(f"a completion of kind {raw.kind} came without events being asked for")
        return Completion(raw.tag, raw.operation, Answer(raw.code, self._library.take(raw.json, raw.code)))


def _options(options: Mapping[str, Any] | None) -> bytes | None:
    return None if options is None else json.dumps(options).encode()
