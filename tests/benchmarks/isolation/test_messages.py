"""Messages arrive whole, in order, and no length can exhaust the reader's memory."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mecbench.benchmarks.isolation.messages import LARGEST, Inbox, Message, MessageError, send

MESSAGES = st.lists(st.tuples(st.sampled_from([b"A", b"B"]), st.binary(max_size=50)), max_size=8)


@given(MESSAGES, st.integers(1, 20))
def test_pieces(messages: list[Message], size: int) -> None:
    """However a pipe cuts the bytes, the same messages come out."""
    reading, writing = os.pipe()
    for message in messages:
        send(writing, *message)
    os.close(writing)
    stream = b""
    while chunk := os.read(reading, 4096):
        stream += chunk
    os.close(reading)
    reading, writing = os.pipe()
    inbox, found = Inbox(reading), []
    for start in range(0, len(stream), size):
        os.write(writing, stream[start : start + size])
        found += inbox.pull()
    os.close(writing)
    assert inbox.pull() == []
    assert inbox.ended
    assert found == messages
    os.close(reading)


def test_larger_than_the_pipe() -> None:
    """A message beyond the pipe's capacity waits for its reader instead of being cut."""
    reading, writing = os.pipe()
    body = os.urandom(5_000_000)
    writer = threading.Thread(target=send, args=(writing, b"A", body))
    writer.start()
    inbox, found = Inbox(reading), []
    while not found:
        found += inbox.pull()
    writer.join()
    assert found == [(b"A", body)]
    os.close(reading)
    os.close(writing)


def test_too_long() -> None:
    """A length beyond the limit is refused on both sides before memory is spent on it."""
    reading, writing = os.pipe()
    with pytest.raises(MessageError, match="at most"):
        send(writing, b"A", bytes(LARGEST + 1))
    os.write(writing, b"\xff" * 5)
    with pytest.raises(MessageError, match="found 4294967295"):
        Inbox(reading).pull()
    os.close(reading)
    os.close(writing)


def test_nothing_there() -> None:
    """An empty pipe gives nothing and does not block the watch over a run."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    inbox = Inbox(reading)
    assert inbox.pull() == []
    assert not inbox.ended
    os.close(writing)
    inbox.pull()
    assert inbox.ended
    os.close(reading)
