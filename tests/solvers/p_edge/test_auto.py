from __future__ import annotations

import numpy as np

from mecbench.problems.p_edge import SIZES, bound, evaluate, generate
from mecbench.solvers import resolve, solve


def test_auto_is_exact_and_certified_at_every_size() -> None:
    """Who does not choose gets the strongest solver: proven optimal on all sizes of the library."""
    for size in SIZES.values():
        instance = generate(size, 1)
        outcome = solve(instance, "p-edge/auto")
        assert bound(instance, outcome.certificate) == evaluate(instance, outcome.solution).objective
        assert np.array_equal(outcome.solution.allocation, solve(instance, "p-edge/threshold").solution.allocation)
    assert resolve("p-edge/auto").kind == "exact"
