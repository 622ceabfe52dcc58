"""What the rules and the causal controller reach on CMG over the paper's sweeps, beside its tables 3 and 4 and certified bounds.

``python -m mecbench.benchmarks.studies.cmg_baselines`` prints tables in Markdown. All figures are the evaluator's, on
instances of the test split.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mecbench.problems.cmg import SIZES, Instance, Solution, evaluate, generate
from mecbench.problems.evaluation import Evaluation
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget

__all__ = ["ALGORITHMS", "PAPER", "STUDIED", "Finding", "Runs", "beside_the_paper", "main", "markdown", "run", "summarise"]

STUDIED = (
    "paper",
    *("n30", "n40", "n50"),
    *("moderate", "strong"),
    *("battery-9", "battery-10", "battery-11"),
    *("harvest-05", "harvest-15"),
    "scarce",
)
BOUND = "column-generation"
BLIND = "greedy-stationary:blind=1"
ALGORITHMS = (
    "random",
    *("local-myopic", "local-stationary", "local-horizon"),
    *("greedy-myopic", "greedy-stationary", "greedy-horizon"),
    BLIND,
    "causal-resolve",
    BOUND,  # last
)
PAPER = {  # CPO-MADDPG's reward, ECPR and SOR [%]: tables 3 and 4; `paper` is a row of each
    "paper": (1.27, 0.415, 86.28),
    "n30": (1.22, 0.623, 86.17),
    "n40": (1.17, 0.931, 85.97),
    "n50": (1.13, 1.236, 85.90),
    "moderate": (1.14, 1.369, 81.31),
    "strong": (1.03, 4.012, 74.12),
}
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Runs:
    """Runs of one algorithm.

    Attributes
    ----------
    algorithm, sees
        Which, and what it sees.
    verdicts, bounds
        Of each instance; the bound infinite where none is claimed.
    processor_seconds
        Of a slot, all devices together; mean.
    """

    algorithm: str
    sees: str
    verdicts: list[Evaluation]
    bounds: list[float]
    processor_seconds: float


@dataclass(frozen=True)
class Finding:
    """One algorithm on the instances of one size; means over them.

    Attributes
    ----------
    size, algorithm, sees
        Which, and what it sees.
    reward, interval
        Objective of a device and slot, and half of the interval of its mean over traces; nan for a single trace.
    ecpr, sor
        The paper's shares of energy beyond the limit and of requests that are executed [%]; the latter nan without requests.
    offloads
        On each channel of a slot.
    regret
        Part of the certified bound that is missing.
    feasible
        Part of the instances on which the evaluator accepts what was done.
    processor_seconds
        Of a slot, all devices together.
    """

    size: str
    algorithm: str
    sees: str
    reward: float
    interval: float
    ecpr: float
    sor: float
    offloads: float
    regret: float
    feasible: float
    processor_seconds: float


def run(name: str, instances: Sequence[Instance], time_limit: float) -> Runs:
    """Run an algorithm, with its parameters after its name, on some instances; only the one that bounds uses up its limit [s]."""
    algorithm = resolve(f"cmg/{name}")
    algorithm.prepare()
    verdicts, bounds, seconds = [], [], []
    for instance in instances:
        start = time.process_time()
        outcome = algorithm.solve(instance, Budget(time_limit), 0)
        seconds.append((time.process_time() - start) / instance.slots)
        assert isinstance(outcome.solution, Solution)
        verdicts.append(evaluate(instance, outcome.solution))
        bounds.append(np.inf if outcome.bound is None else outcome.bound)
    return Runs(name, algorithm.sees, verdicts, bounds, float(np.mean(seconds)))


def summarise(size: str, runs: Runs, bounds: Sequence[float]) -> Finding:
    """Average the runs on the instances of a size, of which bounds are given."""
    verdicts = runs.verdicts
    rewards = np.array([verdict.metrics["reward"] for verdict in verdicts])
    count = rewards.size
    spread = stats.t.ppf(0.5 + CONFIDENCE / 2.0, count - 1) * rewards.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    success = [verdict.metrics["sor_percent"] for verdict in verdicts if "sor_percent" in verdict.metrics]

    def mean(metric: str) -> float:
        return float(np.mean([verdict.metrics[metric] for verdict in verdicts]))

    return Finding(
        size=size,
        algorithm=runs.algorithm,
        sees=runs.sees,
        reward=float(rewards.mean()),
        interval=float(spread),
        ecpr=mean("ecpr_percent"),
        sor=float(np.mean(success)) if success else np.nan,
        offloads=mean("offloads_per_channel"),
        regret=float(np.mean([(bound - verdict.objective) / abs(bound) for bound, verdict in zip(bounds, verdicts, strict=True)])),
        feasible=float(np.mean([verdict.feasible for verdict in verdicts])),
        processor_seconds=runs.processor_seconds,
    )


def markdown(findings: Iterable[Finding]) -> str:
    """Table of one size: a row per algorithm."""
    headings = ["sees", "reward", "+-", "regret", "ECPR", "SOR", "offloads of a channel", "feasible", "processor time of a slot [ms]"]
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    for one in findings:
        shares = [f"{one.ecpr:.2f} %", "" if np.isnan(one.sor) else f"{one.sor:.1f} %"]
        cells = [one.sees, f"{one.reward:.3f}", f"{one.interval:.3f}", f"{100.0 * one.regret:.2f} %", *shares]
        cells += [f"{one.offloads:.2f}", f"{100.0 * one.feasible:.0f} %", f"{1e3 * one.processor_seconds:.1f}"]
        lines.append(f"| {one.algorithm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def beside_the_paper(found: Mapping[str, Mapping[str, Finding]]) -> str:
    """Table of the sizes that the paper has figures of: its own, and those of ours that are meant to be compared.

    Parameters
    ----------
    found
        Findings by size and algorithm.
    """
    shown = ("random", "greedy-stationary", "greedy-horizon", "causal-resolve", BOUND)
    headings = ["paper: reward", "ECPR", "SOR", *(f"{name}: reward" for name in shown), "random: ECPR", "blind: SOR"]
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    for size, (reward, ecpr, sor) in PAPER.items():
        if size in found:
            mine = found[size]
            cells = [f"{reward:.2f}", f"{ecpr:.3f} %", f"{sor:.1f} %", *(f"{mine[name].reward:.3f}" for name in shown)]
            cells += [f"{mine['random'].ecpr:.1f} %", f"{mine[BLIND].sor:.1f} %"]
            lines.append(f"| {size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="instances of each size, from seed 0")
    parser.add_argument("--sizes", nargs="+", default=STUDIED)
    parser.add_argument("--time-limit", type=float, default=10.0, help="seconds for each bound")
    arguments = parser.parse_args()
    found: dict[str, dict[str, Finding]] = {}
    for size in arguments.sizes:
        instances = [generate(SIZES[size], seed) for seed in range(arguments.seeds)]
        runs = [run(name, instances, arguments.time_limit) for name in ALGORITHMS]
        found[size] = {one.algorithm: summarise(size, one, runs[-1].bounds) for one in runs}
        print(f"### {size}\n\n{markdown(found[size].values())}\n", flush=True)
    print(f"### Beside the paper\n\n{beside_the_paper(found)}")


if __name__ == "__main__":
    main()
