"""Learning curves of training runs as they come: a picture where somebody looks, a line per point elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mecbench.benchmarks.cli.console import print_note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mecbench.rl.training import Point

__all__ = ["Progress", "Watched", "picture", "sparkline", "watching"]

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 32  # columns of a curve

Progress = Callable[[int, int, "Point | None"], None]


@dataclass
class Watched:
    """A run under way.

    Attributes
    ----------
    name
        What it is called, where there are several.
    total
        Transitions of its budget.
    done
        Transitions so far.
    points
        Of its curve.
    """

    name: str
    total: int
    done: int = 0
    points: list[Point] = field(default_factory=list)
    _begun: tuple[float, int] | None = None

    def note(self, done: int, point: Point | None) -> None:
        """Take note of progress; a resumed run repeats the points that it has before it goes on."""
        self.done = done
        if point is not None:
            self.points.append(point)
        if self._begun is None or (point is not None and time.monotonic() - self._begun[0] < 1.0):
            self._begun = time.monotonic(), done

    @property
    def left(self) -> float:
        """Wall clock until the budget is spent, at the pace so far [s]; NaN before there is one."""
        if self._begun is None or self.done <= self._begun[1]:
            return math.nan
        began, before = self._begun
        return (time.monotonic() - began) * max(0, self.total - self.done) / (self.done - before)


@contextmanager
def watching(runs: Sequence[Watched], *, quiet: bool = False, console: Console | None = None) -> Iterator[Progress]:
    """Show runs while they are trained.

    Parameters
    ----------
    runs
        In the order in which progress speaks of them.
    quiet
        Show nothing.
    console
        Where to draw; by default stderr if somebody looks there, else lines are printed.
    """
    from rich.console import Console
    from rich.live import Live

    if quiet or (console is None and not sys.stderr.isatty()):

        def tell(place: int, done: int, point: Point | None) -> None:
            runs[place].note(done, point)
            if point is not None and not quiet:
                print_note(line(runs[place]))

        yield tell
        return
    with Live(console=console or Console(stderr=True), get_renderable=lambda: picture(runs), refresh_per_second=4, transient=True):
        yield lambda place, done, point: runs[place].note(done, point)


def line(run: Watched) -> str:
    """The last point of a run in one line."""
    from mecbench.reports.wording import seconds

    told = [
        f"{run.done:,} of {run.total:,} transitions",
        f"{seconds(run.left)} left",
        *(f"{name} {last}" for name, _, last in _curves(run)),
    ]
    return f"{run.name}: {', '.join(told)}" if run.name else ", ".join(told)


def picture(runs: Sequence[Watched]) -> Table:
    """Bars of all runs, and the curves of each beneath."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from mecbench.reports.wording import seconds

    table = Table.grid(padding=(0, 2))
    for run in runs:
        bar = ProgressBar(total=run.total, completed=min(run.done, run.total), width=WIDTH)
        table.add_row(run.name or "training", bar, f"{run.done:,} of {run.total:,} transitions, {seconds(run.left)} left")
        for name, values, last in _curves(run):
            table.add_row(f"  {name}", sparkline(values), last)
    return table


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Values as bars between their least and their greatest, evenly thinned to a width; a blank where one is no number."""
    shown = [values[round(place * (len(values) - 1) / (width - 1))] for place in range(width)] if len(values) > width else values
    numbers = [value for value in shown if math.isfinite(value)]
    low, span = min(numbers, default=0.0), (max(numbers, default=0.0) - min(numbers, default=0.0)) or 1.0
    return "".join(BARS[round((len(BARS) - 1) * (value - low) / span)] if math.isfinite(value) else " " for value in shown)


def _curves(run: Watched) -> list[tuple[str, list[float], str]]:
    """Name, values and last value in words of each curve that the run has."""
    from mecbench.reports.wording import quantity

    def curve(attribute: str) -> list[float]:
        return [getattr(point, attribute) for point in run.points]

    def last(values: list[float]) -> str:
        return quantity(float(f"{values[-1]:.4g}")) if values else ""

    limits, scores = curve("cost_limit"), curve("validation_score")
    against = f" (limit {last(limits)})" if limits and math.isfinite(limits[-1]) else ""
    rows = [
        ("reward", curve("train_reward"), ""),
        ("cost", curve("cost"), against),
        ("multiplier", curve("multiplier"), ""),
        ("validation", scores, f", best {last([min(scores)])}" if scores else ""),
        ("validation cost", curve("validation_cost"), against),
    ]
    return [(name, values, last(values) + note) for name, values, note in rows if any(math.isfinite(value) for value in values)]
