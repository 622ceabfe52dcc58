"""Messages through pipes: a kind of one byte, a length, a JSON body."""

from __future__ import annotations

import os
import struct

__all__ = [
    "FORKED",
    "INCUMBENT",
    "INSTANCE",
    "LARGEST",
    "OUTCOME",
    "READY",
    "REPORT",
    "REQUEST",
    "STARTED",
    "WANTED",
    "Inbox",
    "Message",
    "MessageError",
    "send",
]

Message = tuple[bytes, bytes]

# Harness to warm process.
REQUEST = b"Q"  # a run
INSTANCE = b"D"  # the data of an instance
# Warm process to harness.
READY = b"R"  # imports are done
WANTED = b"W"  # the instance of the request is not known
FORKED = b"F"  # the run has its process
REPORT = b"E"  # how the run ended; the last message of a run
# Run to warm process, passed on unread; the first at once.
STARTED = b"S"  # the clock of the run began
INCUMBENT = b"I"  # [seconds, solution or null, bound or null]
OUTCOME = b"O"  # what the algorithm returned or raised

LARGEST = 64 * 2**20
_HEADER = struct.Struct("!cI")
_CHUNK = 2**20


class MessageError(ValueError):
    """Bytes that are no message: what wrote them does not follow the protocol."""


def send(pipe: int, kind: bytes, body: bytes = b"") -> None:
    """Write a whole message, waiting for the reader where the pipe is full.

    Raises
    ------
    MessageError
        If the body is longer than `LARGEST` bytes.
    OSError
        If nobody reads any more.
    """
    if len(body) > LARGEST:
        raise MessageError(f"expected a message of at most {LARGEST} bytes, found {len(body)}")
    rest = memoryview(_HEADER.pack(kind, len(body)) + body)
    while rest:
        rest = rest[os.write(pipe, rest) :]


class Inbox:
    """Reader of a pipe that gives whole messages only.

    Attributes
    ----------
    ended
        Whether every writer has closed the pipe.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._bytes = bytearray()
        self.ended = False

    def pull(self) -> list[Message]:
        """Read once and return the messages that are complete; none if the pipe is non-blocking and empty.

        Raises
        ------
        MessageError
            If a length is beyond the limit.
        """
        try:
            chunk = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return []
        self.ended = not chunk
        self._bytes += chunk
        messages: list[Message] = []
        while len(self._bytes) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._bytes)
            if length > LARGEST:
                raise MessageError(f"expected a message of at most {LARGEST} bytes, found {length}")
            if len(self._bytes) < _HEADER.size + length:
                break
            messages.append((kind, bytes(self._bytes[_HEADER.size : _HEADER.size + length])))
            del self._bytes[: _HEADER.size + length]
        return messages
