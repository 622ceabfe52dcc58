"""Monoliths beside what knows a problem's structure: when each first had the same gap, in processor time.

What was on the clock counts times the part of it that a processor worked for the run, so that a busy machine weighs on neither side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.traces import first, ratio_text, seconds_text
from mecbench.instances.files import StoredInstance
from mecbench.solvers.catalogue import resolve

__all__ = ["CLOSED", "Comparison", "compare", "markdown", "run"]

CLOSED = 1e-4  # gap at which monoliths are told to stop
MEMORY_LIMIT = 8192  # MiB


@dataclass(frozen=True)
class Comparison:
    """A monolith beside ours on one instance; times of a processor [s].

    Attributes
    ----------
    instance, algorithm
        What was solved, and by what.
    objective, bound, gap
        Its best feasible objective and best bound, ``None`` without one, and between them.
    closed
        Whether it came to the gap at which it is told to stop.
    limit, seconds
        What it had on the clock, and how much of that a processor worked for it.
    to_own, ours_to_own
        When it first had its own last gap, and when ours had as little; the first ``None`` if it had no plan, the second if never.
    target
        The gap asked of all.
    to_target, ours_to_target
        When each had that; ``None`` if never.
    """

    instance: str
    algorithm: str
    objective: float | None
    bound: float | None
    gap: float
    closed: bool
    limit: float
    seconds: float
    to_own: float | None
    ours_to_own: float | None
    target: float
    to_target: float | None
    ours_to_target: float | None

    @property
    def own_ratio(self) -> float | None:
        """How many times longer it took to its own last gap than ours took to the same; ``None`` where one of them never did."""
        return None if self.to_own is None or self.ours_to_own is None else self.to_own / self.ours_to_own

    @property
    def target_ratio(self) -> float | None:
        """The same of the gap asked; at least, if it never came to it; ``None`` if ours never did."""
        return None if self.ours_to_target is None else (self.to_target or self.seconds) / self.ours_to_target


def compare(record: Record, ours: Record, target: float) -> Comparison:
    """Look up when a monolith's run and ours had the same gaps, a target among them."""
    own = max(record.gap, CLOSED)
    return Comparison(
        instance=record.instance,
        algorithm=record.algorithm,
        objective=record.counted,
        bound=record.bound,
        gap=record.gap,
        closed=record.gap <= CLOSED,
        limit=record.time_limit,
        seconds=record.cpu_seconds,
        to_own=None if record.counted is None else _worked(record, own),
        ours_to_own=_worked(ours, own),
        target=target,
        to_target=_worked(record, target),
        ours_to_target=_worked(ours, target),
    )


def _worked(record: Record, gap: float) -> float | None:
    """Processor time after which a run first had a gap [s], as if spread evenly over the run."""
    after = first(record, gap)
    return None if after is None else after * min(1.0, record.cpu_seconds / record.wall_seconds)


def markdown(comparisons: Iterable[Comparison], ours: Mapping[str, Record], shapes: Mapping[str, tuple[int, ...]], letters: str) -> str:
    """Table: a row for ours on each instance, whose shape has these letters, and one for each monolith."""
    headings = [f"instance ({letters})", "method", "plan", "bound", "gap", "after", "its gap: it", "ours", "times longer"]
    headings += ["gap asked", "it", "ours", "times longer"]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    seen: set[str] = set()
    for one in comparisons:
        if one.instance not in seen:
            seen.add(one.instance)
            own = ours[one.instance]
            proven = f"{_number(own.bound)}, {own.bound_kind}"
            title = f"{one.instance} ({', '.join(map(str, shapes[one.instance]))})"
            end = _row(title, "ours", _number(own.counted), proven, _percent(own.gap), seconds_text(own.cpu_seconds), *[""] * 7)
            lines.append(end)
        asked = "" if one.target_ratio is None else ratio_text(one.target_ratio)
        lines.append(
            _row(
                "",
                one.algorithm.partition("/")[2].removesuffix(f":gap={CLOSED}"),
                _number(one.objective),
                _number(one.bound),
                _percent(one.gap) if one.objective is not None else "no plan",
                seconds_text(one.seconds) + (", closed" if one.closed else f" of {one.limit:.0f} s"),
                _time(one.to_own),
                _time(one.ours_to_own),
                "" if one.own_ratio is None else ratio_text(one.own_ratio),
                _percent(one.target),
                _time(one.to_target),
                _time(one.ours_to_target),
                f"at least {asked}" if asked and one.to_target is None else asked,
            )
        )
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6f}"


def _percent(gap: float) -> str:
    return f"{100 * gap:.2g} %" if gap < 0.1 else f"{100 * gap:.0f} %"


def _time(value: float | None) -> str:
    return "never" if value is None else seconds_text(value)


def run(folder: Path, stored: Sequence[StoredInstance], limits: Mapping[str, float]) -> dict[tuple[str, str], Record]:
    """Run algorithms on instances, each with its seconds on the clock, unless the folder has it; all it holds by instance and algorithm."""
    folder.mkdir(parents=True, exist_ok=True)
    with Store(folder) as store:
        for name, time_limit in limits.items():
            job = plan(stored, [resolve(name)], time_limit=time_limit, memory_limit=MEMORY_LIMIT, held=store.finished())
            harness.run(job, store, jobs=1)
        return {(record.instance, record.algorithm): record for record in store.records()}
