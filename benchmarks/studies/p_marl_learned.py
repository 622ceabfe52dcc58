"""FOCI, its ablations, IQL and AMFQ as trained here, beside the paper's Table 1, rules, rolling optimisation and certified bounds.

``python -m mecbench.benchmarks.studies.p_marl_learned --checkpoints DIR --out STORE [--doc FILE]``, see
`mecbench.benchmarks.studies.learned`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mecbench.benchmarks.studies.learned import main
from mecbench.benchmarks.studies.p_marl_claims import CLAIMS
from mecbench.benchmarks.studies.study import Metric, Study, Suite
from mecbench.problems.errors import InputError

__all__ = ["STUDY", "suites_of"]

SIZES = ("60x5", "240x11")


def suites_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Suite on which an agent is judged: that of the size it was trained for.

    Raises
    ------
    InputError
        If there is none.
    """
    if header.get("size") not in SIZES:
        raise InputError(f"checkpoint of {header['agent']}: expected size {' or '.join(SIZES)}, found {header.get('size')}")
    return (f"p-marl-{header['size']}",)


STUDY = Study(
    problem="p-marl",
    suites={
        "p-marl-60x5": Suite("Small: 60 devices, 5 edges, 20 epochs", 120.0),
        "p-marl-240x11": Suite("The paper's size: 240 devices, 11 edges, an hour", 900.0, of_the_paper=True),
    },
    suites_of=suites_of,
    simple=("random", "alp", "neurosurgeon"),
    rules=("greedy", "best-response"),
    metrics={
        "objective": Metric("mean worst cost W", 4, spread=True),
        "above_bound": Metric("above the bound", 1, percent=True, spread=True),
        "max_cost": Metric("worst mean cost J", 4, spread=True),
        "mean_cost": Metric("mean cost", 4),
        "mean_latency_ms": Metric("latency [ms]", 2),
        "max_latency_ms": Metric("worst latency [ms]", 2),
        "mean_energy_mj": Metric("energy [mJ]", 2),
        "max_energy_mj": Metric("worst energy [mJ]", 2),
        "switches_per_minute": Metric("switches a minute", 2),
        "late_share": Metric("late", 1, percent=True),
    },
    claims=CLAIMS,
    sampled=False,
)

if __name__ == "__main__":
    main(STUDY)
