"""Entry of a warm process: ``python -m mecbench.benchmarks.isolation PARENT``, started by `pool`.

It takes requests from its standard input, answers on its standard output, and dies with the harness: a signal at the
end of the thread that started it, and the end of its input, whichever comes first.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from mecbench.benchmarks.isolation import linux


def main() -> None:
    """Serve until the harness ends; nothing heavy is imported before the parent-death signal is set."""
    linux.die_with_parent(signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):  # it ended before the line above
        return
    linux.adopt_orphans()
    signal.signal(signal.SIGTERM, _end)
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)  # what an import prints must not get between the messages

    from mecbench.benchmarks.isolation.server import Server

    Server(requests, replies).serve()


def _end(number: int, frame: Any) -> NoReturn:
    linux.kill_descendants(os.getpid(), _reap)
    os._exit(1)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
