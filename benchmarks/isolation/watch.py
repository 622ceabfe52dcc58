"""The warm process's watch over one run: limits, memory, log, and the end of everything the run started."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from mecbench.benchmarks.isolation import linux
from mecbench.benchmarks.isolation.messages import OUTCOME, STARTED, Inbox, Message, MessageError

__all__ = ["GRACE", "START_ALLOWANCE", "Cause", "Watch"]

GRACE = 0.5  # seconds beyond its limit in which a solver that obeys it may return
START_ALLOWANCE = 20.0  # seconds to read a user's file and what it imports, before the clock starts
_TICK = 0.05
_LOG_TAIL = 65536
_CHUNK = 2**20

Cause = Literal["finished", "time", "memory", "died", "unstarted"]


class Orphaned(Exception):  # noqa: N818 - the field's word
    """The harness has ended; nobody waits for the run."""


@dataclass
class Watch:
    """Watch over one run.

    Attributes
    ----------
    child
        Process of the run.
    results, log, harness
        Pipes with the run's messages and prints, and the harness's requests, whose end means that the harness ended.
    time_limit, memory_limit
        Seconds from the message STARTED, MiB of all descendants together.
    on_start
        Called when that message arrives.
    messages
        The other messages of the run, to be passed on.
    """

    child: int
    results: int
    log: int
    harness: int
    time_limit: float
    memory_limit: int | None
    on_start: Callable[[], None]

    def __post_init__(self) -> None:
        self.messages: list[Message] = []
        self.cause: Cause | None = None
        self.status: int | None = None
        self.cpu_seconds = 0.0
        self.peak_memory = 0
        self.log_tail = bytearray()
        self.started: float | None = None
        self._forked = time.monotonic()
        self._inbox = Inbox(self.results)
        for pipe in (self.results, self.log):
            os.set_blocking(pipe, False)

    @property
    def _deadline(self) -> float:
        if self.started is None:
            return self._forked + START_ALLOWANCE
        return self.started + self.time_limit + GRACE

    def wait(self) -> None:
        """Return when the run has ended, by itself or by a limit, and none of its processes is left.

        Raises
        ------
        Orphaned
            If the harness has ended.
        """
        poller = select.poll()
        poller.register(self.results, select.POLLIN)
        poller.register(self.log, select.POLLIN)
        poller.register(self.harness, 0)  # only its end is of interest
        pidfd = os.pidfd_open(self.child) if hasattr(os, "pidfd_open") else -1  # without it the next tick notices
        if pidfd >= 0:
            poller.register(pidfd, select.POLLIN)
        tick = self._forked + _TICK
        try:
            while self.cause is None:
                pause = min(tick, self._deadline) - time.monotonic()
                ready = {descriptor for descriptor, _ in poller.poll(max(0.0, pause) * 1000)}
                if self.harness in ready:
                    raise Orphaned
                if self.log in ready and not self._pull_log():
                    poller.unregister(self.log)
                if self.results in ready:
                    self._pull_results()
                    if self._inbox.ended:
                        poller.unregister(self.results)
                now = time.monotonic()
                if now >= tick or pidfd in ready:
                    tick = now + _TICK
                    self._look_at_processes()
                if self.cause is None and now >= self._deadline:
                    self.cause = "unstarted" if self.started is None else "time"
        finally:
            if pidfd >= 0:
                os.close(pidfd)
            linux.kill_descendants(os.getpid(), self._reap)
        self._drain()

    @property
    def exit_code(self) -> int | None:
        """Exit code of the run's process, negative for a signal."""
        return None if self.status is None else os.waitstatus_to_exitcode(self.status)

    def _pull_log(self) -> int:
        try:
            chunk = os.read(self.log, _CHUNK)
        except BlockingIOError:
            return 0
        self.log_tail += chunk
        if len(self.log_tail) > _LOG_TAIL:
            del self.log_tail[:-_LOG_TAIL]
        return len(chunk)

    def _pull_results(self) -> None:
        try:
            messages = self._inbox.pull()
        except MessageError:  # bytes of the algorithm's own: nothing after them can be read
            self.cause = "died"
            return
        for kind, body in messages:
            if kind == STARTED:
                if self.started is None:  # once: a run cannot wind its clock back
                    self.started = time.monotonic()
                    self.on_start()
                continue
            if kind == OUTCOME and self.cause != "memory":
                self.cause = "finished"
            self.messages.append((kind, body))

    def _look_at_processes(self) -> None:
        self._reap()
        processes = linux.descendants(os.getpid())
        memory = sum(map(linux.resident_memory, processes))
        if self.memory_limit is not None and memory > self.memory_limit * 2**20 and len(processes) > 1:
            memory = sum(map(linux.proportional_memory, processes))  # forks of one another share most of it
        self.peak_memory = max(self.peak_memory, memory)
        if self.cause is None and self.memory_limit is not None and memory > self.memory_limit * 2**20:
            self.cause = "memory"
        elif self.cause is None and self.status is not None:
            self.cause = "died"

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.cpu_seconds += usage.ru_utime + usage.ru_stime
                self.peak_memory = max(self.peak_memory, usage.ru_maxrss * 1024)
                if pid == self.child:
                    self.status = status

    def _drain(self) -> None:
        while self._pull_log():
            pass
        arrived = select.poll()
        arrived.register(self.results, select.POLLIN)
        while not self._inbox.ended and arrived.poll(0):
            self._pull_results()
