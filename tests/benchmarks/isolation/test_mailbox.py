"""The mailbox always holds the last whole message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from mecbench.benchmarks.isolation.mailbox import Mailbox


def test_latest() -> None:
    """Only the latest message is there, of whatever length, empty ones included."""
    mailbox = Mailbox()
    assert mailbox.get() is None
    for message in (b"first", b"second, which is longer", b"", b"third"):
        mailbox.put(message)
        assert mailbox.get() == message
    mailbox.put(largest := bytes(Mailbox.capacity))
    assert mailbox.get() == largest
    mailbox.close()


WRITER = """
import os, sys
from mecbench.benchmarks.isolation.mailbox import Mailbox
mailbox = Mailbox()
child = os.fork()
if child == 0:
    number = 0
    while True:
        number += 1
        mailbox.put(f"{number} ".encode() * 20_000)
while mailbox.get() is None:
    pass
print(child, flush=True)
os.wait()
words = mailbox.get().split()
print(len(words), len(set(words)))
"""


def test_writer_is_killed() -> None:
    """A writer that is killed at any moment leaves a whole message of one number, which it does a few hundred times a second."""
    for pause in (0.0, 0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            time.sleep(pause)
            os.kill(child, signal.SIGKILL)
            assert process.stdout.read().split() == ["20000", "1"]
