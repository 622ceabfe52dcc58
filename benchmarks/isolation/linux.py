"""What Linux offers to hold a process with all its descendants."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["adopt_orphans", "descendants", "die_with_parent", "kill_descendants", "proportional_memory", "resident_memory"]

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def die_with_parent(number: signal.Signals) -> None:
    """Have a signal sent to this process when the *thread* that started it ends."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none can leave the tree."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - polled: no Path per process
        with open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123
            found += map(int, file.read().split())
    return found


def descendants(pid: int) -> list[int]:
    """Processes below a process, those that have ended and are not reaped yet included."""
    if not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():  # a kernel without it, or no Linux
        import psutil

        try:
            return [process.pid for process in psutil.Process(pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
    found: list[int] = []
    unseen = [pid]
    while unseen:
        try:
            children = _children(unseen.pop())
        except OSError:  # it ended meanwhile
            continue
        found += children
        unseen += children
    return found


def resident_memory(pid: int) -> int:
    """Resident memory of a process [byte], 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def proportional_memory(pid: int) -> int:
    """Memory of a process [byte] with pages shared by n processes counted as 1/n; slow, 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:  # noqa: PTH123
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def _ended(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def kill_descendants(pid: int, reap: Callable[[], None] | None = None) -> None:
    """Kill everything below a process, again and again until nothing is left.

    Parameters
    ----------
    pid
        A process that adopts orphans, so that what is born between two looks is found by the next one.
    reap
        Called after each round if `pid` is this process. Without it, those that have ended but are not reaped count
        as gone.
    """
    while True:
        left = descendants(pid)
        if reap is None:
            left = [descendant for descendant in left if not _ended(descendant)]
        if not left:
            return
        for descendant in left:
            with suppress(ProcessLookupError):
                os.kill(descendant, signal.SIGKILL)
        if reap is not None:
            reap()
        time.sleep(0.0002)
