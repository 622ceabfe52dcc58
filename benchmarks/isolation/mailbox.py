"""The last incumbent of a run in shared memory, where it survives the run's death."""

from __future__ import annotations

import mmap
import struct

__all__ = ["Mailbox"]

_HEADER = struct.Struct("=QQ")  # number of the message, its length


class Mailbox:
    """Room for one message of one writer, readable whole by another process at any moment.

    A fork shares it. There are two slots: a message goes over the older one and counts only from when its number is
    written, so a writer that is killed halfway leaves the newer message as it was.
    """

    capacity = 8 * 2**20

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * (self.capacity + _HEADER.size))  # pages cost nothing until they are written
        self._written = 0

    def put(self, message: bytes) -> None:
        """Replace the message; at most `capacity` bytes."""
        number = self._written + 1
        offset = number % 2 * (self.capacity + _HEADER.size)
        start = offset + _HEADER.size
        self._memory[start : start + len(message)] = message
        _HEADER.pack_into(self._memory, offset, number, len(message))
        self._written = number

    def get(self) -> bytes | None:
        """Read the latest whole message, ``None`` if there never was one."""
        slots = [(*_HEADER.unpack_from(self._memory, offset), offset) for offset in (0, self.capacity + _HEADER.size)]
        number, length, offset = max(slots)
        start = offset + _HEADER.size
        return self._memory[start : start + length] if number else None

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
