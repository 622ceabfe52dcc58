"""Training runs, in this process or several side by side in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from mecbench.benchmarks.isolation.linux import die_with_parent
from mecbench.problems.errors import InputError

if TYPE_CHECKING:
    from mecbench.rl.trainables import Trainable
    from mecbench.rl.training import Point, Run

__all__ = ["Failed", "side_by_side", "train"]

THREADS = {f"{library}_NUM_THREADS": "1" for library in ("MKL", "NUMBA", "NUMEXPR", "OMP", "OPENBLAS", "VECLIB_MAXIMUM")}


class Failed(Exception):  # noqa: N818 - what happened
    """A training process ended without a result; the others were not disturbed."""


def train(kind: type[Trainable], run: Run) -> dict[str, Any]:
    """Train in this process; no other may train into the folder meanwhile.

    Returns
    -------
    dict
        Header of the checkpoint.
    """
    from mecbench.rl.training import alone

    with alone(run.out):
        return kind.train(run).header


def side_by_side(
    kind: type[Trainable], runs: Sequence[Run], jobs: int, progress: Callable[[int, int, Point | None], None]
) -> list[dict[str, Any] | Failed]:
    """Train in processes with one thread each.

    Parameters
    ----------
    kind
        What to train.
    runs
        Runs into folders of their own.
    jobs
        How many at a time.
    progress
        Is told a run's place among the runs, how far it is, and a point of its curve when there is a new one.

    Returns
    -------
    list
        Header of each run's checkpoint, or why there is none.

    Raises
    ------
    InputError
        If a run finds its input bad, as every one would; the others are stopped.
    """
    context = get_context("spawn")
    waiting = list(enumerate(runs))[::-1]
    working: dict[Connection, tuple[int, Any]] = {}
    results: list[dict[str, Any] | Failed] = [Failed("not begun")] * len(runs)
    try:
        while waiting or working:
            while waiting and len(working) < jobs:
                place, run = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(kind, run, theirs), daemon=True)
                with _environment(THREADS):
                    process.start()
                theirs.close()
                working[ours] = place, process
            for pipe in wait(list(working)):
                assert isinstance(pipe, Connection)
                place, process = working[pipe]
                try:
                    word, *rest = pipe.recv()
                except EOFError:
                    process.join()
                    del working[pipe]
                    if isinstance(results[place], Failed):
                        code = process.exitcode
                        how = f"with signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
                        results[place] = Failed(f"its process ended {how}")
                    continue
                if word == "progress":
                    progress(place, *rest)
                elif word == "refused":
                    raise InputError(*rest)
                else:
                    (results[place],) = rest
    finally:
        for _, process in working.values():
            process.terminate()
        for _, process in working.values():
            process.join()
    return results


def _child(kind: type[Trainable], run: Run, pipe: Connection) -> None:
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its children
    try:
        pipe.send(("done", train(kind, replace(run, progress=lambda done, point=None: pipe.send(("progress", done, point))))))
    except InputError as error:
        pipe.send(("refused", str(error)))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        sys.exit(1)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables for processes that are started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
