"""How long the decomposition of P1 takes to a bound and to a plan, and how long the monoliths take to the same.

``python -m mecbench.benchmarks.studies.p1_monoliths --out DIR`` runs what DIR does not hold yet and prints a table in
Markdown. Each run has a process of its own under the harness's limits and one thread. The bound is that of column
generation, the plan that of large-neighbourhood search; a method has either when it first told as much, HiGHS and SCIP at
each improvement.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.traces import bounds, objectives, ratio_text, seconds_text
from mecbench.instances import library
from mecbench.problems.p1.network import size
from mecbench.solvers.catalogue import resolve

__all__ = ["BOUND", "INSTANCES", "METHODS", "PLAN", "Comparison", "compare", "main", "markdown"]

INSTANCES = ("p1-n5-0000", "p1-n5-0002", "p1-n10-0008", "p1-n10-0002", "p1-n10-0000")
BOUND, PLAN = "p1/column-generation", "p1/lns"
METHODS = {  # with the seconds that each has
    BOUND: 10.0,
    PLAN: 10.0,
    "p1/branch-and-price": 30.0,
    "p1/milp-highs:gap=0.0001,search_part=0.01": 300.0,
    "p1/milp-highs:gap=0.0001": 300.0,
    "p1/milp-scip:gap=0.0001": 300.0,
    "p1/cp-sat:gap=0.0001": 300.0,
}
NEAR = 1e-6  # relative, by which bound and plan may be missed
MEMORY_LIMIT = 8192  # MiB


@dataclass(frozen=True)
class Comparison:
    """A method beside the decomposition on one instance.

    Attributes
    ----------
    instance, algorithm
        What was solved, and by what.
    objective, bound
        Its best feasible objective and best bound; ``None`` without one.
    certified
        Whether the bound is recomputed without a solver.
    closed
        Whether it proved its solution optimal, to its gap.
    seconds, processor_seconds
        What it took, and how much of it a processor worked for it [s]: less on a busy machine.
    to_bound, to_plan
        When it first told the decomposition's bound, a plan as good [s]; ``None`` if never.
    own_bound, own_plan
        When the decomposition had them [s].
    limit
        What it had [s].
    """

    instance: str
    algorithm: str
    objective: float | None
    bound: float | None
    certified: bool
    closed: bool
    seconds: float
    processor_seconds: float
    to_bound: float | None
    to_plan: float | None
    own_bound: float
    own_plan: float
    limit: float

    @property
    def gap(self) -> float | None:
        """Between solution and bound, relative to the solution."""
        return None if self.objective is None or self.bound is None else (self.objective - self.bound) / self.objective


def compare(record: Record, bounded: Record, planned: Record) -> Comparison:
    """Look up when a run first told the bound of one run and a plan as good as that of another."""
    told, costs = bounds(record), objectives(record)
    own_bounds, own_costs = bounds(bounded), objectives(planned)
    bound, cost = max(value for _, value in own_bounds), min(value for _, value in own_costs)
    bound, cost = bound - NEAR * abs(bound), cost + NEAR * abs(cost)
    return Comparison(
        instance=record.instance,
        algorithm=record.algorithm,
        objective=min((value for _, value in costs), default=None),
        bound=max((value for _, value in told), default=None),
        certified=record.bound_kind == "certified",
        closed=record.status == "ok" and record.solver_status == "optimal",
        seconds=record.wall_seconds,
        processor_seconds=record.cpu_seconds,
        to_bound=min((after for after, value in told if value >= bound), default=None),
        to_plan=min((seconds for seconds, value in costs if value <= cost), default=None),
        own_bound=min(seconds for seconds, value in own_bounds if value >= bound),
        own_plan=min(seconds for seconds, value in own_costs if value <= cost),
        limit=record.time_limit,
    )


def markdown(comparisons: Iterable[Comparison], binaries: Mapping[str, int]) -> str:
    """Table: a row per instance and method."""
    lines = [
        "| instance, binaries | method | plan | bound | gap | after | processor | same bound | times longer | same plan | times longer |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    seen: set[str] = set()
    for one in comparisons:
        title = "" if one.instance in seen else f"{one.instance}, {binaries[one.instance]:,}"
        seen.add(one.instance)
        cells = (
            title,
            one.algorithm.removeprefix("p1/").replace("gap=0.0001,", "").replace(":gap=0.0001", ""),
            _number(one.objective),
            _number(one.bound) + (", certified" if one.certified else ""),
            "" if one.gap is None else f"{100 * one.gap:.3f} %",
            seconds_text(one.seconds) + (", closed" if one.closed else ""),
            seconds_text(one.processor_seconds),
            *_beside(one.to_bound, one.own_bound, one.limit),
            *(("", "") if one.algorithm == BOUND else _beside(one.to_plan, one.own_plan, one.limit)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _beside(after: float | None, own: float, limit: float) -> tuple[str, str]:
    """Cells of a time, and how many times the decomposition's it is; where it never came, at least the limit."""
    return ("never", f"at least {ratio_text(limit / own)}") if after is None else (seconds_text(after), ratio_text(after / own))


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6f}"


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--instances", nargs="+", default=INSTANCES)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--held", action="store_true", help="run nothing: print what the folder holds")
    arguments = parser.parse_args()
    stored = [library.load(name) for name in arguments.instances]
    methods = dict.fromkeys((BOUND, PLAN, *arguments.methods))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Store(arguments.out) as store:
        for name in () if arguments.held else methods:
            job = plan(stored, [resolve(name)], time_limit=METHODS[name], memory_limit=MEMORY_LIMIT, held=store.finished())
            harness.run(job, store, jobs=1)
        records = {(record.instance, record.algorithm): record for record in store.records()}
    comparisons = [
        compare(records[one.name, resolve(name).text], records[one.name, BOUND], records[one.name, PLAN])
        for one in stored
        for name in methods
        if (one.name, resolve(name).text) in records
    ]
    print(markdown(comparisons, {one.name: size(one.instance) for one in stored}))


if __name__ == "__main__":
    main()
