"""An attestor of the library, as both kinds of Python attestors use it."""

from __future__ import annotations

import ctypes
import logging
import threading
import weakref
from typing import Any

from psat_attestor import _capi, _fork, reasons
from psat_attestor._answers import Answer
from psat_attestor._ending import end_with_the_program, hold_at_the_end
from psat_attestor._events import EventLog
from psat_attestor._input import engine_alone
from psat_attestor._library import load, require
from psat_attestor._queue import Queue, freed, take
from psat_attestor.errors import AttestorError, error_of, refusal
from psat_attestor.results import Validation

# How long `close` waits for calls that are on their way out, and for handlers of log records.
_PATIENCE_S = 5.0
# The same at the end of the program.
_PATIENCE_AT_THE_END_S = 1.0


class Core:
    """A psat_attestor_t. No call starts on it once its free has begun.

    Whoever calls into it holds it, so that it is collected, and freed, only when nobody is inside.
    """

    def __init__(self, config: bytes | None, logger: logging.Logger | None, level: int | None) -> None:
        self.library = load()
        self._born = _fork.generation()
        self._calls = threading.Condition()
        # A signal handler may close the attestor while its own thread does.
        self._closing = threading.RLock()
        self._inside = 0
        self._closed = False
        self._log = None if logger is None else EventLog(self.library, logger, level)
        first, more = (config, False) if self._log is None else engine_alone(config)
        self._pointer, self.validation = _new(self.library, first, config)
        # Not freed at the end of the program: the system takes everything back.
        self._free = weakref.finalize(self, _free, self.library, self._pointer, self._log)
        self._free.atexit = False
        end_with_the_program(self)
        try:
            self._begin(config if more else None)
        except BaseException:
            self._free()
            raise

    def _begin(self, config: bytes | None) -> None:
        """Subscribes to log records before it configures, so that those of the configuration are among them."""
        if self._log is None:
            return
        code = self.library.psat_attestor_events(self._pointer, self._log.queue.pointer, self._log.level)
        if code != _capi.PSAT_OK:
            raise error_of(code, None)
        self._log.start()
        if config is not None:
            self.configure(config)

    def configure(self, config: bytes | None) -> Validation:
        code, document = self.call("psat_attestor_configure", config, _length(config))
        if code != _capi.PSAT_OK or document is None:
            raise error_of(code, document)
        self.validation = Validation.of(document)
        return self.validation

    def call(self, function: str, *arguments: Any) -> Answer:
        """Calls a function that takes the attestor first and `json` last."""
        document, answer = ctypes.c_void_p(), None
        require(self.library, function)
        self._enter()
        try:
            code = getattr(self.library, function)(self._pointer, *arguments, ctypes.byref(document))
        finally:
            answer = take(self.library, document)
            self._leave()
        return Answer(code, answer)

    def attest(self, payload: bytes | None, options: bytes | None) -> Answer:
        return self.call("psat_attestor_attest", payload, _length(payload), options, _length(options))

    def explain(self, payload: bytes | None, options: bytes | None) -> Answer:
        return self.call("psat_attestor_explain", payload, _length(payload), options, _length(options))

    def check(self, options: bytes | None) -> Answer:
        return self.call("psat_attestor_check", options, _length(options))

    def submit(
        self, payload: bytes | None, options: bytes | None, queue: Queue, tag: int, operation: ctypes.c_uint64
    ) -> int:
        """Begins an attestation. `operation` has its ID before this returns, for `cancel`."""
        self._enter()
        try:
            code: int = self.library.psat_attestor_submit(
                self._pointer,
                payload,
                _length(payload),
                options,
                _length(options),
                queue.pointer,
                tag,
                ctypes.byref(operation),
            )
        finally:
            self._leave()
        return code

    def cancel(self, operation: ctypes.c_uint64) -> None:
        """Cancels an operation, if there is still something to be cancelled."""
        try:
            self._enter()
        except AttestorError:
            return
        try:
            self.library.psat_attestor_cancel(self._pointer, operation)
        finally:
            self._leave()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Ends everything that runs and frees the attestor. In a forked child it does nothing, as the library does."""
        if self._forked():
            return
        with self._calls:
            self._closed = True
        with self._closing:
            if self._free.alive:
                self._shut_down()
        if self._log is not None:
            self._log.end()
            self._log.join(_PATIENCE_S)

    def _shut_down(self) -> None:
        code = self.library.psat_attestor_shutdown(self._pointer, 0)
        if code == _capi.PSAT_FORKED or not self._pointer:
            # By a fork that Python does not know of; or a signal handler has closed it just now.
            return
        if code != _capi.PSAT_OK:
            raise error_of(code, None)
        with self._calls:
            left = self._calls.wait_for(lambda: self._inside == 0, _PATIENCE_S)
        # Ctrl-C can leave a call counted as inside for ever. Then the attestor is freed when it is collected.
        if left:
            self._free()

    def end(self) -> bool:
        """At the end of the program: ends the calls of other threads. Whether there were any."""
        with self._calls:
            if self._inside == 0 or self._closed:
                return False
            self._closed = True
        self.library.psat_attestor_shutdown(self._pointer, int(_PATIENCE_AT_THE_END_S * 1000))
        with self._calls:
            self._calls.wait_for(lambda: self._inside == 0, _PATIENCE_AT_THE_END_S)
        return True

    def ensure_open(self) -> None:
        """Raises what a call would, if the attestor is closed or freed, or is the parent's."""
        if self._forked():
            raise refusal(reasons.FORKED)
        if self._closed or not self._pointer:
            raise refusal(reasons.SHUTTING_DOWN)

    def _enter(self) -> None:
        # At first without the lock, which another thread may have held at a fork.
        self.ensure_open()
        hold_at_the_end()
        with self._calls:
            self.ensure_open()
            self._inside += 1

    def _leave(self) -> None:
        with self._calls:
            self._inside -= 1
            self._calls.notify_all()
        hold_at_the_end()

    def _forked(self) -> bool:
        return self._born != _fork.generation()


def validate(config: bytes | None) -> Validation:
    library = load()
    document = ctypes.c_void_p()
    code = library.psat_config_validate(config, _length(config), ctypes.byref(document))
    answer = take(library, document)
    if answer is None or code not in (_capi.PSAT_OK, reasons.TABLE[reasons.CONFIG_INVALID].code):
        raise error_of(code, answer)
    return Validation.of(answer)


def _new(library: ctypes.CDLL, first: bytes | None, whole: bytes | None) -> tuple[ctypes.c_void_p, Validation]:
    """Makes an attestor of the first part of a configuration. An error is about the whole of it."""
    attestor, document = ctypes.c_void_p(), ctypes.c_void_p()
    code = library.psat_attestor_new(first, _length(first), ctypes.byref(attestor), ctypes.byref(document))
    answer = take(library, document)
    if code == _capi.PSAT_OK and answer is not None:
        return attestor, Validation.of(answer)
    if code == reasons.TABLE[reasons.CONFIG_INVALID].code and first != whole:
        answer = validate(whole).document
    raise error_of(code, answer)


def _free(library: ctypes.CDLL, attestor: ctypes.c_void_p, log: EventLog | None) -> None:
    library.psat_attestor_free(freed(attestor))
    if log is not None:
        log.end()


def _length(text: bytes | None) -> int:
    return 0 if text is None else len(text)
