"""What CERL's paper says of its agents in section 5: their order, completion, and the distance to local computing."""

from __future__ import annotations

from mecbench.benchmarks.studies.claims import Change, Claims, Figure, Ordering

__all__ = ["CLAIMS"]

CLAIMS = Claims(
    agents=("cerl", "d2qn", "ddqn"),
    figures=(Figure("cerl", "completion_rate", 1.0, "at least"),),
    orderings=(
        Ordering("cerl", "d2qn", "objective"),
        Ordering("d2qn", "ddqn", "objective"),
        *(Ordering("cerl", rule, "objective") for rule in ("lc3", "ec", "random")),
        Ordering("ec", "lc3", "objective"),
    ),
    changes=(Change("cerl", "lc3", "completion_rate", 0.575), Change("cerl", "lc3", "objective", -0.657)),
)
"""The paper's LC is LC3 here, local computing with the whole window; times per decision and epoch are no metrics of the evaluator."""
