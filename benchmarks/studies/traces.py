"""What a run had told by when, and how tables of studies write times."""

from __future__ import annotations

from mecbench.benchmarks.record import Record
from mecbench.problems.evaluation import Sense, gap

__all__ = ["bounds", "first", "gaps", "objectives", "ratio_text", "seconds_text"]


def bounds(record: Record) -> list[tuple[float, float]]:
    """Bounds of a run, each after the seconds at which it told it; the last at its end."""
    told = [(after, bound) for after, _, bound in record.trace if bound is not None and after is not None]
    return told if record.bound is None else [*told, (record.wall_seconds, record.bound)]


def objectives(record: Record) -> list[tuple[float, float]]:
    """Objectives of the feasible solutions of a run, each after the seconds at which it told it; the last at its end."""
    told = [(after, objective) for after, objective, _ in record.trace if objective is not None and after is not None]
    return told if record.counted is None else [*told, (record.wall_seconds, record.counted)]


def gaps(record: Record) -> list[tuple[float, float]]:
    """Gaps of the best solution to the best bound of a run so far, each after the seconds at which it had them."""
    better, tighter = (min, max) if record.sense == Sense.MINIMISE else (max, min)
    found, proven = objectives(record), bounds(record)
    had = []
    for now in sorted({after for after, _ in found + proven}):
        solution = better((value for after, value in found if after <= now), default=None)
        bound = tighter((value for after, value in proven if after <= now), default=None)
        had.append((now, gap(solution, bound)))
    return had


def first(record: Record, target: float) -> float | None:
    """Seconds after which a run's own gap first was at most a target; ``None`` if never."""
    return next((after for after, had in gaps(record) if had <= target), None)


def seconds_text(value: float) -> str:
    """A time in milliseconds or seconds, two or three digits."""
    return f"{1e3 * value:.0f} ms" if value < 0.0995 else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def ratio_text(ratio: float) -> str:
    """A ratio of times, two digits or all before the point."""
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"
