"""HC-MAPPO-L and its ablations as trained here, beside the paper's figures, rules, causal controllers and certified bounds.

``python -m mecbench.benchmarks.studies.p_learned --checkpoints DIR --out STORE [--doc docs/p-learned.md]``, see
`mecbench.benchmarks.studies.learned`. Failed requests are in all figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mecbench.benchmarks.studies.learned import main
from mecbench.benchmarks.studies.p_claims import CLAIMS
from mecbench.benchmarks.studies.study import Limited, Metric, Study, Suite
from mecbench.problems.errors import InputError

__all__ = ["STUDY", "WORLD", "suites_of"]

WORLD = 20_000  # of p-paper-50-world


def suites_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Suites on which an agent is judged: those of its size or larger, and where it knows one world only, its own.

    Raises
    ------
    InputError
        If no suite is of its size, or of its world.
    """
    size, world = str(header.get("size")), header.get("world")
    of_paper = ("p-paper-50-world", "p-paper-50", "p-paper-200")
    if size == "small" and world is None:
        return ("p-small", *of_paper)
    if size.startswith("paper-") and world is None:
        return of_paper
    if size.startswith("paper-") and world == WORLD:
        return ("p-paper-50-world",)
    raise InputError(
        f"checkpoint of {header['agent']}: expected size small or paper-*, of many worlds or world {WORLD}, found {size}, {world}"
    )


STUDY = Study(
    problem="p",
    suites={
        "p-paper-50-world": Suite("One world, held-out traces: the paper's protocol", 30.0, of_the_paper=True),
        "p-small": Suite("Small: a world of its own for every instance", 5.0),
        "p-paper-50": Suite("The paper's size: a world of its own for every instance", 30.0, of_the_paper=True),
        "p-paper-200": Suite("The paper's size for 200 slots: a world of its own for every instance", 120.0),
    },
    suites_of=suites_of,
    simple=("random", "local-only", "edge-only", "greedy"),
    rules=("lru", "causal-reference", "drift-plus-penalty"),
    metrics={
        "objective": Metric("cost", 1, spread=True),
        "mean_delay_s": Metric("delay [s]", 2, spread=True),
        "mean_energy_j": Metric("energy [J]", 2),
        "mean_privacy": Metric("privacy", 2),
        "success_rate": Metric("served", 1, percent=True),
        "users_within_delay": Metric("users within 3 s", 1, percent=True),
    },
    limited=Limited("mean_delay_s", CLAIMS.limit, "3 s", constrained=lambda agent: agent.endswith("-l")),
    claims=CLAIMS,
)

if __name__ == "__main__":
    main(STUDY)
