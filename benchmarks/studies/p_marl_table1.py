"""Table 1 of FOCI's paper for ALP and Neurosurgeon beside ours, and greedy, best responses, rolling optimisation and bounds beside them.

``python -m mecbench.benchmarks.studies.p_marl_table1 --out DIR`` runs what DIR does not hold yet and prints a table in Markdown. Each run
has a process of its own under the harness's limits and one thread. All figures are the evaluator's, and bounds are those that certificates
prove.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.instances.generation import generate
from mecbench.solvers.catalogue import resolve

__all__ = ["BOUNDS", "PAPER", "RULES", "Finding", "distances", "main", "markdown", "summarise"]

SIZE = "240x11"
RULES = ("alp", "neurosurgeon", "random", "greedy", "best-response")
ROLLING = "rolling"
BOUNDS = {"per-epoch": "mean_worst_cost", "lagrangian": "worst_mean_cost"}  # and the metric that each bounds
PAPER = {  # its Table 1: mean and largest latency [ms], energy [mJ] and cost
    "alp": {"latency_ms": (34.20, 39.51), "energy_mj": (60.24, 71.44), "cost": (1.248, 1.417)},
    "neurosurgeon": {"latency_ms": (32.77, 62.72), "energy_mj": (22.16, 62.55), "cost": (1.157, 2.193)},
    "iql": {"latency_ms": (27.83, 30.08), "energy_mj": (23.95, 38.48), "cost": (0.988, 1.065)},
    "amfq": {"latency_ms": (27.33, 27.96), "energy_mj": (25.87, 35.16), "cost": (0.971, 0.997)},
    "foci": {"latency_ms": (26.82, 27.20), "energy_mj": (24.50, 33.50), "cost": (0.953, 0.973)},
}
DECIMALS = {"latency_ms": 2, "energy_mj": 2, "cost": 3}
LIMIT = 600.0  # seconds for rules and bounds
PER_EPOCH = 3.4  # seconds of rolling for each epoch: three, and what is kept in hand
MEMORY_LIMIT = 8192  # MiB


@dataclass(frozen=True)
class Finding:
    """One algorithm over the instances.

    Attributes
    ----------
    algorithm, sees
        Which, and what it sees.
    instances
        How many.
    metrics
        Mean over the instances of each of the evaluator's metrics.
    above
        Mean and largest excess over the bound of each bounded metric, over the instances that have one.
    processor_seconds
        Of a run.
    """

    algorithm: str
    sees: str
    instances: int
    metrics: dict[str, float]
    above: dict[str, tuple[float, float]]
    processor_seconds: float


def summarise(records: Sequence[Record], bounds: Mapping[str, Mapping[str, float]]) -> Finding:
    """Average the runs of one algorithm; the latency limit, which selfish devices break, is no ground to leave one out.

    Parameters
    ----------
    records
        A run per instance.
    bounds
        Bounds by metric, then by the name of the instance.

    Raises
    ------
    ValueError
        If a run has no solution.
    """
    if missing := [record.instance for record in records if record.objective is None]:
        raise ValueError(f"expected a solution of every run of {records[0].algorithm}, found none on {', '.join(missing)}")
    above = {}
    for metric, known in bounds.items():
        excess = [record.metrics[metric] / known[record.instance] - 1.0 for record in records if record.instance in known]
        if excess:
            above[metric] = float(np.mean(excess)), max(excess)
    names = sorted(set.intersection(*(set(record.metrics) for record in records)))
    return Finding(
        records[0].algorithm.removeprefix("p-marl/"),
        records[0].sees,
        len(records),
        {name: float(np.mean([record.metrics[name] for record in records])) for name in names},
        above,
        float(np.mean([record.cpu_seconds for record in records])),
    )


def distances(finding: Finding) -> dict[str, tuple[float, float]]:
    """How far the mean and the largest latency, energy and cost are from the paper's, relative to these."""
    ours = {name: (finding.metrics[f"mean_{name}"], finding.metrics[f"max_{name}"]) for name in DECIMALS}
    return {name: (ours[name][0] / mean - 1.0, ours[name][1] / most - 1.0) for name, (mean, most) in PAPER[finding.algorithm].items()}


def markdown(findings: Iterable[Finding]) -> str:
    """Table of all: the paper's rows, ours, and the distance where both have a row."""
    headings = ["sees", "instances", "latency [ms]", "energy [mJ]", "cost", "switches a minute", "late", "mean worst cost W", "above bound"]
    headings += ["worst mean cost J", "above bound", "processor time [s]"]
    lines = [f"| mean/max | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    for name, row in PAPER.items():
        cells = [f"{mean:.{DECIMALS[what]}f}/{most:.{DECIMALS[what]}f}" for what, (mean, most) in row.items()]
        lines.append(f"| paper: {name} | | | {' | '.join(cells)} |{' |' * (len(headings) - 5)}")
    for one in findings:
        metrics = one.metrics
        cells = [f"{metrics[f'mean_{what}']:.{digits}f}/{metrics[f'max_{what}']:.{digits}f}" for what, digits in DECIMALS.items()]
        cells += [f"{metrics['switches_per_minute']:.2f}", f"{100 * metrics['late_share']:.1f} %"]
        for metric in BOUNDS.values():
            cells.append(f"{metrics[metric]:.4f}")
            cells.append(
                "" if metric not in one.above else "{:.2f} %, at most {:.2f} %".format(*(100 * part for part in one.above[metric]))
            )
        lines.append(f"| {one.algorithm} | {one.sees} | {one.instances} | {' | '.join(cells)} | {one.processor_seconds:.1f} |")
        if one.algorithm in PAPER:
            cells = [f"{100 * mean:+.1f}/{100 * most:+.1f} %" for mean, most in distances(one).values()]
            lines.append(f"| {one.algorithm}, from the paper | | | {' | '.join(cells)} |{' |' * (len(headings) - 5)}")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--seeds", type=int, default=20, help="instances, from seed 0")
    parser.add_argument("--rules", nargs="*", default=RULES)
    parser.add_argument("--bound-seeds", type=int, default=20, help="how many of them are bounded")
    parser.add_argument("--rolling-seeds", type=int, default=20, help="how many of them rolling optimisation plays")
    parser.add_argument("--epochs", type=int, default=240)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    overrides = {} if arguments.epochs == 240 else {"epochs": arguments.epochs}
    limits = dict.fromkeys((*RULES, *BOUNDS), LIMIT) | {ROLLING: PER_EPOCH * arguments.epochs}
    seeds = {name: arguments.seeds if name in arguments.rules else 0 for name in RULES}
    seeds |= dict.fromkeys(BOUNDS, arguments.bound_seeds) | {ROLLING: arguments.rolling_seeds}
    with Store(arguments.out) as store:
        names: dict[str, list[str]] = {name: [] for name in limits}
        instances = [generate("p-marl", SIZE, seed, overrides) for seed in range(max(seeds.values()))]
        for name, limit in limits.items():
            for stored in instances[: seeds[name]]:
                names[name].append(stored.name)
                job = plan([stored], [resolve(f"p-marl/{name}")], time_limit=limit, memory_limit=MEMORY_LIMIT, held=store.finished())
                harness.run(job, store, jobs=arguments.jobs)
        records = [record for record in store.records() if record.time_limit == limits.get(record.algorithm.removeprefix("p-marl/"))]
    of = {name: [record for record in records if record.algorithm == f"p-marl/{name}" and record.instance in names[name]] for name in names}
    bounds = {metric: {record.instance: record.bound for record in of[name] if record.bound is not None} for name, metric in BOUNDS.items()}
    print(markdown(summarise(of[name], bounds) for name in (*RULES, ROLLING) if of[name]))
    for name in BOUNDS:
        if of[name]:
            seconds = [record.cpu_seconds for record in of[name]]
            print(f"\n{name}: mean {np.mean([record.bound for record in of[name]]):.4f}, processor time at most {max(seconds):.1f} s")


if __name__ == "__main__":
    main()
