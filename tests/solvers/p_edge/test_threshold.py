from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p_edge import Solution, bound, evaluate
from mecbench.solvers import solve


def test_threshold_search_is_optimal_and_certified(random_instances, best_by_stages) -> None:
    """The flagship's answer equals a dynamic programme that knows nothing of thresholds, and proves itself."""
    for instance in random_instances(150, 12, 48, 2):
        outcome = solve(instance, "p-edge/threshold")
        assert bound(instance, outcome.certificate) == outcome.bound == best_by_stages(instance)
        assert evaluate(instance, outcome.solution).objective == outcome.bound


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_evaluation_beats_a_certified_bound(make_instance, data) -> None:
    """A certified bound is a theorem: whatever allocation anybody submits, the evaluator's verdict does not cross it."""
    devices = data.draw(st.integers(1, 6))
    quarter = st.integers(0, 40).map(lambda number: number / 4)  # few values, hence many ties
    fixed = data.draw(st.lists(quarter | st.floats(0, 50), min_size=devices, max_size=devices))
    shared = data.draw(st.lists(quarter.map(lambda b: b + 0.25) | st.floats(1e-3, 50), min_size=devices, max_size=devices))
    allocation = data.draw(st.lists(st.integers(0, 12), min_size=devices, max_size=devices))
    instance = make_instance(fixed, shared, data.draw(st.integers(devices, 8 * devices)))
    certificate = solve(instance, data.draw(st.sampled_from(["p-edge/threshold", "p-edge/greedy-marginal"]))).certificate
    verdict = evaluate(instance, Solution(allocation=np.array(allocation)))
    assert not verdict.feasible or verdict.objective >= bound(instance, certificate)
