"""A name server that knows one address, which it tells for every name."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType

# An address of the loopback network that nobody else listens on.
ADDRESS = "127.0.0.77"
PORT = 53
HEADER = struct.Struct("!HHHHHH")
IS_ANSWER, AUTHORITATIVE, RECURSION_DESIRED, RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0100, 0x0080
TYPE_A, CLASS_IN, SECONDS = 1, 1, 5


class NameServer:
    """Answers while `with` lasts."""

    address = ADDRESS

    def __init__(self) -> None:
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, PORT))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"", (ADDRESS, PORT))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(512)
            if not query:
                return
            self.asked += 1
            self._socket.sendto(answer(query), asker)


def answer(query: bytes) -> bytes:
    """127.0.0.1 for type A, and nothing for any other."""
    number, flags, *_ = HEADER.unpack_from(query)
    end = query.index(b"\0", HEADER.size) + 1
    question = query[HEADER.size : end + 4]
    kind, _ = struct.unpack_from("!HH", query, end)
    said = IS_ANSWER | AUTHORITATIVE | RECURSION_AVAILABLE | flags & RECURSION_DESIRED
    # 0xC00C points back at the name of the question.
    record = struct.pack("!HHHIH", 0xC00C, TYPE_A, CLASS_IN, SECONDS, 4) + socket.inet_aton("127.0.0.1")
    records = record if kind == TYPE_A else b""
    return HEADER.pack(number, said, 1, 1 if records else 0, 0, 0) + question + records
