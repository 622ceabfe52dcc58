"""How long the decomposition of P takes to its bound, and how long the monoliths take to the same.

``python -m mecbench.benchmarks.studies.p_monoliths --out DIR`` runs what DIR does not hold yet and prints a table in
Markdown. Each run has a process of its own under the harness's limits and one thread. A bound's time is when the method
first told it: SCIP and the trees tell each improvement, HiGHS tells a bound when one of its MILPs ends.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.traces import bounds, ratio_text, seconds_text
from mecbench.instances.files import StoredInstance
from mecbench.instances.generation import generate
from mecbench.solvers.catalogue import resolve

__all__ = ["MONOLITHS", "Comparison", "compare", "instances", "main", "markdown"]

WORLDS = {  # J, K, T and the class whose other parameters hold
    (3, 6, 4): "small",
    (3, 10, 4): "small",
    (5, 20, 2): "medium",
    (10, 50, 1): "paper-10",
}
MONOLITHS = (
    "p/monolith-scip:gap=0.0001",
    "p/monolith-highs:gap=0.0001",
    "p/monolith-scip:gap=0.0001,cones=lifted",
    "p/monolith-highs:gap=0.0001,relaxation_rounds=100",
    "p/branch-and-cut:gap=0.0001",
)
DECOMPOSITION = "p/lagrangian"
DECOMPOSITION_LIMIT = 20.0  # seconds
NEAR = 1e-5  # relative, of the decomposition's bound: its last seconds gain less
MEMORY_LIMIT = 8192  # MiB


@dataclass(frozen=True)
class Comparison:
    """A monolith beside the decomposition on one instance.

    Attributes
    ----------
    instance, algorithm
        What was solved, and by what.
    bound, seconds
        The monolith's best bound, and when it first told it; ``None`` if it had none.
    objective
        Its best feasible objective; ``None`` without one.
    closed
        Whether it came to its own end.
    limit, processor_seconds
        What it had, and how much of it a processor worked for it [s]: less on a busy machine.
    decomposed
        When the decomposition had its bound, but for `NEAR`.
    same
        When the monolith first told as much; ``None`` if never.
    """

    instance: str
    algorithm: str
    bound: float | None
    seconds: float | None
    objective: float | None
    closed: bool
    limit: float
    processor_seconds: float
    decomposed: float
    same: float | None

    @property
    def ratio(self) -> float:
        """How many times longer the monolith took to the decomposition's bound; where it never came to it, at least."""
        return (self.limit if self.same is None else self.same) / self.decomposed


def instances(seeds: Iterable[int]) -> list[StoredInstance]:
    """The instances, seed by seed; of one class they share everything but the sizes named."""
    return [
        generate("p", size, seed, {"servers": servers, "users": users, "slots": slots}, name=f"{servers}, {users}, {slots}, seed {seed}")
        for seed in seeds
        for (servers, users, slots), size in WORLDS.items()
    ]


def compare(monolith: Record, decomposition: Record) -> Comparison:
    """Look up when each first told the decomposition's bound."""
    told, own = bounds(monolith), bounds(decomposition)
    best = max((bound for _, bound in told), default=None)
    target = max(bound for _, bound in own)
    target -= NEAR * abs(target)
    return Comparison(
        instance=monolith.instance,
        algorithm=monolith.algorithm,
        bound=best,
        seconds=min((seconds for seconds, bound in told if bound == best), default=None),
        objective=monolith.counted,
        closed=monolith.status == "ok" and monolith.solver_status == "optimal",
        limit=monolith.time_limit,
        processor_seconds=monolith.cpu_seconds,
        decomposed=min(seconds for seconds, bound in own if bound >= target),
        same=min((seconds for seconds, bound in told if bound >= target), default=None),
    )


def markdown(comparisons: Iterable[Comparison], decompositions: dict[str, Record]) -> str:
    """Table: a row per instance and method."""
    lines = [
        "| J, K, T | method | objective | best bound | after | processor time in all | bound of p/lagrangian after | times longer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    seen: set[str] = set()
    for one in comparisons:
        if one.instance not in seen:
            seen.add(one.instance)
            own = decompositions[one.instance]
            best = max(bound for _, bound in bounds(own))
            after = seconds_text(min(seconds for seconds, bound in bounds(own) if bound == best))
            cells = (_number(own.counted), _number(best), after, seconds_text(own.cpu_seconds), seconds_text(one.decomposed))
            lines.append(_row(one.instance, DECOMPOSITION, *cells, ""))
        ratio = ratio_text(one.ratio)
        lines.append(
            _row(
                "",
                one.algorithm.removeprefix("p/").replace("gap=0.0001,", "").replace(":gap=0.0001", ""),
                _number(one.objective),
                _number(one.bound),
                "" if one.seconds is None else seconds_text(one.seconds) + (", closed" if one.closed else ""),
                seconds_text(one.processor_seconds),
                "never" if one.same is None else seconds_text(one.same),
                f"at least {ratio}" if one.same is None else ratio,
            )
        )
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--seeds", type=int, default=1, help="instances of each size, from seed 0")
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds per monolith")
    parser.add_argument("--monoliths", nargs="+", default=MONOLITHS)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    stored = instances(range(arguments.seeds))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Store(arguments.out) as store:
        for names, time_limit, jobs in (
            ((DECOMPOSITION,), DECOMPOSITION_LIMIT, 1),
            (arguments.monoliths, arguments.time_limit, arguments.jobs),
        ):
            algorithms = [resolve(name) for name in names]
            job = plan(stored, algorithms, time_limit=time_limit, memory_limit=MEMORY_LIMIT, held=store.finished())
            harness.run(job, store, jobs=jobs)
        records = {(record.instance, record.algorithm): record for record in store.records()}
    decompositions = {one.name: records[one.name, DECOMPOSITION] for one in stored}
    rows = [compare(records[one.name, resolve(name).text], decompositions[one.name]) for one in stored for name in arguments.monoliths]
    print(markdown(rows, decompositions))


if __name__ == "__main__":
    main()
