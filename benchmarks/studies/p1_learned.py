"""CERL, D2QN and DDQN as trained here, beside the paper's claims, rules, predictive control and certified bounds.

``python -m mecbench.benchmarks.studies.p1_learned --checkpoints DIR --out STORE [--doc FILE]``, see `mecbench.benchmarks.studies.learned`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mecbench.benchmarks.studies.learned import main
from mecbench.benchmarks.studies.p1_claims import CLAIMS
from mecbench.benchmarks.studies.study import Metric, Study, Suite
from mecbench.problems.errors import InputError

__all__ = ["STUDY", "suites_of"]

SUITES = {"n10": ("p1-n10", "p1-n30", "p1-n50"), "n30": ("p1-n30",), "n50": ("p1-n50",)}


def suites_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Suites on which an agent is judged: that of the size it was trained for and, as its network belongs to no node, any larger one.

    Raises
    ------
    InputError
        If there is none.
    """
    if header.get("size") not in SUITES:
        raise InputError(f"checkpoint of {header['agent']}: expected size {', '.join(SUITES)}, found {header.get('size')}")
    return SUITES[header["size"]]


STUDY = Study(
    problem="p1",
    suites={
        "p1-n10": Suite("Ten devices", 20.0, of_the_paper=True),
        "p1-n30": Suite("Thirty devices", 20.0, of_the_paper=True),
        "p1-n50": Suite("Fifty devices", 20.0, of_the_paper=True),
    },
    suites_of=suites_of,
    simple=("lc3", "ec", "random"),
    rules=("fair-greedy", "outlook", "mpc-hidden"),
    metrics={
        "objective": Metric("cost", 2, spread=True),
        "completion_rate": Metric("completed", 1, percent=True),
        "cost_without_penalty": Metric("without penalties", 2),
        "collaborations": Metric("collaborations", 1),
        "hops": Metric("hops", 1),
        "mean_delay_s": Metric("delay [s]", 2),
    },
    claims=CLAIMS,
    sampled=False,
)

if __name__ == "__main__":
    main(STUDY)
