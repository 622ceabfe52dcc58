"""What the rules of CERL's figures 5 to 7 and the controllers reach on P1, beside the certified bound and the best plans.

``python -m mecbench.benchmarks.studies.p1_baselines --out DIR`` runs what DIR does not hold yet and prints tables in
Markdown. Each run has a process of its own under the harness's limits and one thread. All figures are the evaluator's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.instances.files import StoredInstance
from mecbench.instances.generation import generate
from mecbench.problems.p1.instance import SERVER
from mecbench.solvers.catalogue import resolve

__all__ = ["ALGORITHMS", "SIZES", "Finding", "main", "markdown", "remaining", "summarise", "utilisation"]

SIZES = tuple(profile + size for profile in ("", "literal-", "slot-fit-") for size in ("n10", "n30", "n50"))
REFERENCE = "auto"  # whose bounds are taken
ALGORITHMS = ("lc", "lc3", "ec", "random", "greedy", "fair-greedy", "mpc-hidden", "mpc", REFERENCE)
LIMIT = 120.0  # seconds for all but the reference, which alone may use up what it is given
MEMORY_LIMIT = 8192  # MiB
COLUMNS = {  # of the table, by metric: heading and decimals; shares are shown in per cent
    "cost_without_penalty": ("cost less penalties", 2),
    "completion_rate": ("completed", 1),
    "collaborations": ("collaborations", 1),
    "hops": ("hops", 1),
    "server_utilisation": ("server used", 0),
    "device_utilisation": ("devices used", 0),
    "mean_slots_waited": ("slots waited", 2),
    "mean_delay_s": ("delay, mean [s]", 2),
    "delay_p95_s": ("delay, 95 % [s]", 2),
}
PERCENT = {"completion_rate", "server_utilisation", "device_utilisation"}


@dataclass(frozen=True)
class Finding:
    """One algorithm on the instances of one size; means over them.

    Attributes
    ----------
    size, algorithm, sees
        Which, and what it sees.
    objective, metrics
        Cost with penalties, and the evaluator's metrics; those of completed tasks over the instances that have any.
    ratio, worst
        Mean and largest ratio of the objective to the certified bound.
    processor_seconds
        Of a run, all decisions of its slots together.
    left
        What tasks leave of the full server and of the full devices in each slot, each of shape [H].
    """

    size: str
    algorithm: str
    sees: str
    objective: float
    metrics: dict[str, float]
    ratio: float
    worst: float
    processor_seconds: float
    left: dict[str, np.ndarray]


def summarise(size: str, records: Sequence[Record], bounds: dict[str, float], before: dict[str, dict[str, np.ndarray]]) -> Finding:
    """Average the runs of one algorithm.

    Parameters
    ----------
    size
        Of the instances.
    records
        A feasible run per instance.
    bounds, before
        Certified bounds, and what `remaining` says, by the name of the instance.
    """
    objectives = [record.objective for record in records if record.objective is not None and record.feasible]
    if len(objectives) < len(records):
        raise ValueError(
            f"expected a feasible solution of every run of {records[0].algorithm} on {size}, found {len(objectives)} of {len(records)}"
        )
    ratios = [objective / bounds[record.instance] for objective, record in zip(objectives, records, strict=True)]
    names = {name for record in records for name in record.metrics}
    return Finding(
        size=size,
        algorithm=records[0].algorithm.removeprefix("p1/"),
        sees=records[0].sees,
        objective=float(np.mean(objectives)),
        metrics={name: float(np.mean([record.metrics[name] for record in records if name in record.metrics])) for name in sorted(names)},
        ratio=float(np.mean(ratios)),
        worst=max(ratios),
        processor_seconds=float(np.mean([record.cpu_seconds for record in records])),
        left={
            node: np.mean([_after(before[record.instance], record, node) for record in records], axis=0) for node in ("server", "device")
        },
    )


def _after(before: dict[str, np.ndarray], record: Record, node: str) -> np.ndarray:
    used = [record.metrics[f"{node}_utilisation_slot_{t}"] for t in range(before[node].size)]
    after: np.ndarray = before[node] * (1.0 - np.array(used))
    return after


def markdown(findings: Iterable[Finding], bound: float) -> str:
    """Table of one size: a row per algorithm, the mean bound above them."""
    headings = ["sees", "cost", "/ bound, mean", "worst", *(heading for heading, _ in COLUMNS.values()), "processor time [s]"]
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    lines.append(f"| **bound** | | {bound:.3f} |{' |' * (len(headings) - 2)}")
    for one in findings:
        cells = [one.sees, f"{one.objective:.3f}", f"{one.ratio:.3f}", f"{one.worst:.3f}"]
        for name, (_, decimals) in COLUMNS.items():
            value = one.metrics.get(name)
            shown = "" if value is None else f"{100 * value:.{decimals}f} %" if name in PERCENT else f"{value:.{decimals}f}"
            cells.append(shown)
        lines.append(f"| {one.algorithm} | {' | '.join(cells)} | {one.processor_seconds:.2f} |")
    return "\n".join(lines)


def remaining(stored: StoredInstance) -> dict[str, np.ndarray]:
    """What background loads leave of the full server and of the full devices in each slot, each of shape [H]."""
    availability = stored.instance.availability / 100.0
    return {"server": availability[SERVER], "device": availability[1:].mean(axis=0)}


def utilisation(findings: Iterable[Finding], before: dict[str, dict[str, np.ndarray]]) -> str:
    """Table of one size in the manner of figure 5: what is left of devices and server in each slot, before and after."""
    rows = [("before", {node: np.mean([one[node] for one in before.values()], axis=0) for node in ("device", "server")})]
    rows += [(one.algorithm, one.left) for one in findings]
    slots = range(rows[0][1]["server"].size)
    lines = [f"| left of | {' | '.join(f'devices, slot {t}' for t in slots)} | {' | '.join(f'server, slot {t}' for t in slots)} |"]
    lines.append("|---|" + "---|" * (2 * len(slots)))
    for name, left in rows:
        lines.append(f"| {name} | {' | '.join(f'{100 * value:.0f} %' for value in (*left['device'], *left['server']))} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--seeds", type=int, default=10, help="instances of each size, from seed 0")
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--time-limit", type=float, default=30.0, help="seconds of the reference")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    limits = {resolve(f"p1/{name}").text: arguments.time_limit if name == REFERENCE else LIMIT for name in ALGORITHMS}
    with Store(arguments.out) as store:
        for size in arguments.sizes:
            stored = [generate("p1", size, seed) for seed in range(arguments.seeds)]
            for name, limit in limits.items():
                job = plan(stored, [resolve(name)], time_limit=limit, memory_limit=MEMORY_LIMIT, held=store.finished())
                harness.run(job, store, jobs=arguments.jobs)
            mine = {one.name for one in stored}
            records = [one for one in store.records() if one.instance in mine and one.time_limit == limits.get(one.algorithm)]
            of = {name: [record for record in records if record.algorithm == name] for name in limits}
            bounds = {record.instance: record.bound for record in of[f"p1/{REFERENCE}"] if record.bound is not None}
            before = {one.name: remaining(one) for one in stored}
            findings = [summarise(size, of[f"p1/{name}"], bounds, before) for name in ALGORITHMS]
            table = markdown(findings, float(np.mean(list(bounds.values()))))
            print(f"### {size}\n\n{table}\n\n{utilisation(findings, before)}\n", flush=True)


if __name__ == "__main__":
    main()
