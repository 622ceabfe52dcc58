"""How often, and by how much, each reading of FOCI's Algorithm 1 is suboptimal, and how often it would not end.

``python -m mecbench.benchmarks.studies.algorithm_1`` prints a table in Markdown, with ``--json`` the same as data.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import get_args

from mecbench.problems.p_edge import SIZES, Instance, Solution, evaluate, generate
from mecbench.problems.p_edge.generate import Family
from mecbench.solvers.outcome import Budget, Outcome
from mecbench.solvers.p_edge.algorithm_1 import Algorithm1, Reading
from mecbench.solvers.p_edge.threshold import Threshold

__all__ = ["Finding", "main", "markdown", "measure"]

SIZES_STUDIED = ((5, 256), (20, 24), (20, 256), (100, 256), (1000, 4096))  # |M|, L
STEPS = (1e-2, 1e-3)
OPTIMAL = 1e-9  # relative excess up to which a result counts as optimal


@dataclass(frozen=True)
class Finding:
    """One reading on one kind of instance.

    Attributes
    ----------
    family, devices, multiprocessors
        The instances.
    eps, reading, fix
        The parameters of Algorithm 1.
    instances
        How many were solved.
    would_not_end
        Share of them on which the printed loop has no end.
    suboptimal
        Share of them whose result is not optimal.
    mean_excess, max_excess
        Distance of the suboptimal results from the optimum, relative to the optimum; 0 if there are none.
    """

    family: str
    devices: int
    multiprocessors: int
    eps: float
    reading: str
    fix: bool
    instances: int
    would_not_end: float
    suboptimal: float
    mean_excess: float
    max_excess: float


def measure(family: Family, devices: int, multiprocessors: int, instances: int) -> Iterator[Finding]:
    """Solve instances of the test split, seeds 0, 1, ..., with every reading and step."""
    size = SIZES["paper"].model_copy(update={"family": family, "devices": (devices, devices), "multiprocessors": multiprocessors})
    drawn = [generate(size, seed) for seed in range(instances)]
    optima = [_objective(instance, Threshold().solve(instance, Budget(), 0)) for instance in drawn]
    for eps, reading, fix in itertools.product(STEPS, get_args(Reading), (False, True)):
        excesses, endless = _excesses(Algorithm1(reading, fix, eps), drawn, optima)
        wrong = [excess for excess in excesses if excess > OPTIMAL]
        yield Finding(
            family,
            devices,
            multiprocessors,
            eps,
            reading,
            fix,
            instances,
            would_not_end=endless / instances,
            suboptimal=len(wrong) / instances,
            mean_excess=sum(wrong) / len(wrong) if wrong else 0.0,
            max_excess=max(wrong, default=0.0),
        )


def _objective(instance: Instance, outcome: Outcome) -> float:
    assert isinstance(outcome.solution, Solution)
    return evaluate(instance, outcome.solution).objective


def _excesses(algorithm: Algorithm1, instances: list[Instance], optima: list[float]) -> tuple[list[float], int]:
    excesses, endless = [], 0
    for instance, optimum in zip(instances, optima, strict=True):
        outcome = algorithm.solve(instance, Budget(), 0)
        excesses.append(_objective(instance, outcome) / optimum - 1.0)
        endless += int(outcome.metrics["would_not_end"])
    return excesses, endless


def markdown(findings: Iterable[Finding]) -> str:
    """Table of the findings: a row per kind of instance and step, a column per reading."""
    lines = [
        "| instances | \\|M\\|, L | eps | number | would not end | literal, no fix | literal, fix | minmax, no fix | minmax, fix |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows: dict[tuple[str, int, int, float, int], dict[tuple[str, bool], Finding]] = {}
    for finding in findings:
        row = (finding.family, finding.devices, finding.multiprocessors, finding.eps, finding.instances)
        rows.setdefault(row, {})[finding.reading, finding.fix] = finding
    for (family, devices, multiprocessors, eps, instances), cells in rows.items():
        readings = [_cell(cells[reading, fix]) for reading, fix in itertools.product(get_args(Reading), (False, True))]
        endless = _percent(cells["literal", False].would_not_end)
        label = family.replace("-", " ").replace("nsg", "NSG")
        lines.append(f"| {label} | {devices}, {multiprocessors} | {eps:g} | {instances} | {endless} | {' | '.join(readings)} |")
    return "\n".join(lines)


def _cell(finding: Finding) -> str:
    if not finding.suboptimal:
        return "0"
    return " / ".join(map(_percent, (finding.suboptimal, finding.mean_excess, finding.max_excess)))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=500, help="instances of each kind; a fifth of them at 1000 devices")
    parser.add_argument("--json", action="store_true", help="data instead of a table")
    arguments = parser.parse_args()
    findings: list[Finding] = []
    for family, (devices, multiprocessors) in itertools.product(get_args(Family), SIZES_STUDIED):
        instances = arguments.instances if devices < 1000 else -(-arguments.instances // 5)
        findings += measure(family, devices, multiprocessors, instances)
    print(json.dumps([asdict(finding) for finding in findings]) if arguments.json else markdown(findings))


if __name__ == "__main__":
    main()
