"""How long the solvers of P-EDGE take, side by side, at 5 to 1000 devices.

``python -m mecbench.benchmarks.studies.solver_speed`` prints a table in Markdown, with ``--json`` the same as data. Each
solver runs in a process of its own under the harness's limits; what does not finish is shown as "at least".
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.run import run
from mecbench.instances.generation import generate
from mecbench.problems.p_edge import Instance
from mecbench.problems.p_edge.generate import Family
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["METHODS", "SIZES_MEASURED", "Repeated", "Timing", "main", "markdown", "measure"]

METHODS = ("threshold", "greedy-marginal", "algorithm-1", "conic-rounding", "scip", "milp-secant", "milp-onehot", "cp-sat")
SIZES_MEASURED = ((5, 256), (20, 256), (100, 256), (1000, 4096))  # |M|, L
MEMORY_LIMIT = 8192  # MiB
LONG_ENOUGH = 0.5  # seconds of repetition after which a median is steady
MOST_REPEATS = 500
OPTIMAL = 1e-9  # relative excess up to which a result counts as optimal


@dataclass(frozen=True)
class Repeated:
    """Any method of P-EDGE, quick ones over and over on the same instance: the median is free of the first call's costs.

    Attributes
    ----------
    method
        Name of the method without the problem.
    """

    problem: ClassVar[str] = "p-edge"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"

    method: str

    @property
    def requires(self) -> tuple[str, ...]:
        """What the method requires."""
        return resolve(f"p-edge/{self.method}").requires

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance until the median is steady."""
        algorithm = resolve(f"p-edge/{self.method}")
        seconds: list[float] = []
        while not seconds or (sum(seconds) < LONG_ENOUGH and len(seconds) < MOST_REPEATS):
            start = time.perf_counter()
            outcome = algorithm.solve(instance, budget, seed)
            seconds.append(time.perf_counter() - start)
        metrics = {"seconds": statistics.median(seconds), "repeats": float(len(seconds))}
        return Outcome(outcome.solution, outcome.bound, outcome.certificate, outcome.status, metrics)


@dataclass(frozen=True)
class Timing:
    """One method on one instance.

    Attributes
    ----------
    method, family, devices, multiprocessors
        What was solved, and by what.
    seconds
        Median of `repeats` calls; where it did not finish, the time it had until then.
    repeats
        How many calls.
    finished
        Whether the method came to its own end: an exact one with a proof.
    status
        The harness's verdict.
    excess
        Distance of its solution from the optimum, relative to the optimum; ``None`` without a solution.
    """

    method: str
    family: str
    devices: int
    multiprocessors: int
    seconds: float
    repeats: int
    finished: bool
    status: str
    excess: float | None


def measure(method: str, family: Family, devices: int, multiprocessors: int, time_limit: float, pool: Pool, seed: int = 0) -> Timing:
    """Run a method in a process of its own, single-threaded.

    Parameters
    ----------
    method
        Name without the problem.
    family, devices, multiprocessors, seed
        The instance, drawn with the paper's parameters otherwise.
    time_limit
        Wall-clock limit of the run [s].
    pool
        Warm processes to fork from.
    """
    overrides: dict[str, Any] = {"family": family, "devices": devices, "multiprocessors": multiprocessors}
    stored = generate("p-edge", "paper", seed, overrides)
    optimum = resolve("p-edge/auto").solve(stored.instance, Budget(), seed).bound
    assert optimum is not None
    algorithm = resolve(f"{__file__}:Repeated:method={method}")
    record = run(plan([stored], [algorithm], time_limit=time_limit, memory_limit=MEMORY_LIMIT).runs[0], pool)
    ended = record.status == "ok" and (record.solver_status == "optimal" or resolve(f"p-edge/{method}").kind != "exact")
    return Timing(
        method,
        family,
        devices,
        multiprocessors,
        seconds=record.metrics["seconds"] if ended else min(record.wall_seconds, time_limit),
        repeats=int(record.metrics.get("repeats", 1)),
        finished=ended,
        status=record.status,
        excess=None if record.counted is None else record.counted / optimum - 1.0,
    )


def markdown(timings: Iterable[Timing]) -> str:
    """Table of the timings: a row per instance, a column per method."""
    rows: dict[tuple[int, int, str], dict[str, Timing]] = {}
    for timing in timings:
        rows.setdefault((timing.devices, timing.multiprocessors, timing.family), {})[timing.method] = timing
    lines = [f"| \\|M\\|, L | instance | {' | '.join(METHODS)} |", "|---|---|" + "---|" * len(METHODS)]
    for (devices, multiprocessors, family), cells in rows.items():
        texts = [_cell(cells[method]) if method in cells else "" for method in METHODS]
        lines.append(f"| {devices}, {multiprocessors} | {family.replace('-', ' ').replace('nsg', 'NSG')} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _cell(timing: Timing) -> str:
    text = f"{1e3 * timing.seconds:.2g} ms" if timing.seconds < 0.0995 else f"{timing.seconds:.3g} s"
    if timing.status == "memout":
        return f"out of memory after {text}"
    if timing.excess is None:
        text += ", nothing found"
    elif timing.excess > OPTIMAL:
        text += f", {100 * timing.excess:.2g} % above"
    return text if timing.finished else f"at least {text}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds per run")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--json", action="store_true", help="data instead of a table")
    arguments = parser.parse_args()
    timings: list[Timing] = []
    with Pool() as pool:
        for (devices, multiprocessors), family, method in itertools.product(SIZES_MEASURED, get_args(Family), arguments.methods):
            timings.append(measure(method, family, devices, multiprocessors, arguments.time_limit, pool))
            print(f"{devices} devices, {family}, {method}: {_cell(timings[-1])}", file=sys.stderr)
    print(json.dumps([asdict(timing) for timing in timings]) if arguments.json else markdown(timings))


if __name__ == "__main__":
    main()
