"""The exact allocator against brute force, greedy and itself."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mecbench.problems.p_edge import allocation_compiled
from mecbench.problems.p_edge.allocation import allocate, allocate_batch, apportion, required
from mecbench.problems.p_edge.physics import cost


def greedy(fixed, shared, multiprocessors):
    """Scalar twin: one multiprocessor at a time to the device that costs most, ties to the lowest index."""
    share = [1] * len(fixed)
    heap = [(-(fixed[m] + shared[m] / 1), m) for m in range(len(fixed))]
    heapq.heapify(heap)
    for _ in range(multiprocessors - len(fixed)):
        m = heap[0][1]
        share[m] += 1
        heapq.heapreplace(heap, (-(fixed[m] + shared[m] / share[m]), m))
    return share


def leximin_by_enumeration(fixed, shared, multiprocessors):
    """Sorted costs, worst first, of the lexicographically best allocation."""
    count = len(fixed)
    best = None
    for places in itertools.combinations(range(1, multiprocessors), count - 1):
        share = np.diff((0, *places, multiprocessors))
        costs = sorted(cost(fixed, shared, share), reverse=True)
        best = costs if best is None else min(best, costs)
    return best


def draw_costs(random, rows, count):
    """Costs in the paper's range, hopeless devices included."""
    fixed = random.uniform(0.1, 1.2, (rows, count)) + 2.0 * (random.random((rows, count)) < 0.02)
    shared = 6.23 * (1 - random.choice([0, 0.048, 0.197, 0.33, 0.415, 0.47, 0.70, 0.95], (rows, count)))
    return fixed, shared


def test_allocation_is_leximin_optimal():
    """500 tiny edges enumerated in full: the search attains the whole leximin order, not only the worst cost."""
    random = np.random.default_rng(1)
    for _ in range(500):
        count = int(random.integers(2, 5))
        multiprocessors = int(random.integers(count, 13))
        fixed, shared = (values[0] for values in draw_costs(random, 1, count))
        found = sorted(cost(fixed, shared, allocate(fixed, shared, multiprocessors)), reverse=True)
        assert found == pytest.approx(leximin_by_enumeration(fixed, shared, multiprocessors), abs=1e-12)


def test_paper_counterexample_has_optimum_3_25():
    """The edge on which the literal reading of Algorithm 1 is 46 % off is solved exactly."""
    fixed, shared = np.array([0.25, 0.25, 0.0]), np.array([9.0, 3.0, 9.0])
    share = allocate(fixed, shared, 7)
    assert share.tolist() == [3, 1, 3]
    assert cost(fixed, shared, share).max() == 3.25


@pytest.mark.parametrize(("count", "multiprocessors"), [(1, 1), (1, 9), (3, 3), (5, 256), (20, 24), (20, 256), (100, 256), (300, 4096)])
def test_batched_search_gives_the_allocations_of_greedy(count, multiprocessors):
    """Batched NumPy and compiled search equal one-at-a-time greedy in every allocation, not only in value."""
    random = np.random.default_rng(count)
    fixed, shared = draw_costs(random, 60, count)
    capacity = np.full(60, multiprocessors)
    expected = np.array([greedy(a, b, multiprocessors) for a, b in zip(fixed.tolist(), shared.tolist(), strict=True)])
    assert (allocate_batch(fixed, shared, capacity) == expected).all()
    assert (allocation_compiled.allocate_batch(fixed, shared, capacity) == expected).all()


@pytest.mark.parametrize("search", [allocate_batch, allocation_compiled.allocate_batch])
def test_masked_rows_equal_rows_alone(search):
    """Padding is invisible: edges of mixed sizes, an empty one among them, get what they get alone."""
    random = np.random.default_rng(7)
    fixed, shared = draw_costs(random, 80, 30)
    mask = random.random((80, 30)) < 0.6
    mask[3] = False
    capacity = random.integers(30, 64, 80)
    batch = search(fixed, shared, capacity, mask)
    assert (batch[~mask] == 0).all()
    for row in (row for row in range(80) if mask[row].any()):
        assert (batch[row, mask[row]] == allocate(fixed[row, mask[row]], shared[row, mask[row]], int(capacity[row]))).all()


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 7), elements=st.floats(0, 1e6)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
)
def test_wild_costs_are_solved_like_greedy(fixed, seed, spare):
    """Ties, flat costs and twelve orders of magnitude: both searches stay exact in value and spend everything."""
    shared = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, fixed.size)
    shared[:: 1 + seed % 3] = shared[0]
    multiprocessors = fixed.size + spare
    expected = cost(fixed, shared, np.array(greedy(fixed.tolist(), shared.tolist(), multiprocessors))).max()
    for share in (
        allocate(fixed, shared, multiprocessors),
        allocation_compiled.allocate_batch(fixed[None], shared[None], np.array([multiprocessors]))[0],
    ):
        assert share.sum() == multiprocessors
        assert share.min() >= 1
        assert cost(fixed, shared, share).max() == expected


@settings(max_examples=300, deadline=None)
@given(st.floats(0, 1e7), st.floats(0, 1e7), st.integers(1, 2**31), st.integers(-2, 2))
def test_required_is_minimal_in_the_evaluators_own_arithmetic(fixed, shared, share, nudge):
    """At, just below and just above a cost that is attained, the demand is minimal to the last bit."""
    most = 2**31 + 1
    threshold = float(cost(np.array(fixed), np.array(shared), np.array(share)))
    for _ in range(abs(nudge)):
        threshold = float(np.nextafter(threshold, np.inf * nudge))
    need = int(required(np.array([fixed]), np.array([shared]), threshold, most)[0])
    assert 1 <= need <= most
    assert need == most or cost(np.array(fixed), np.array(shared), np.array(need)) <= threshold
    assert need == 1 or cost(np.array(fixed), np.array(shared), np.array(need - 1)) > threshold


def test_more_devices_than_multiprocessors_is_refused():
    """An edge cannot be split below one multiprocessor each; the message says which edge and by how much."""
    with pytest.raises(ValueError, match="edge 1 has 3 devices but only 2"):
        allocate_batch(np.ones((2, 3)), np.ones((2, 3)), np.array([3, 2]))
    with pytest.raises(ValueError, match="edge 0 has 2 devices but only 1"):
        allocation_compiled.allocate_batch(np.ones((1, 2)), np.ones((1, 2)), np.array([1]))


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, st.integers(1, 9), elements=st.floats(0, 1e308)), st.integers(0, 90))
def test_apportion_spends_everything_with_at_least_one_each(shares, spare):
    """Whatever an agent asks for becomes a feasible allocation."""
    multiprocessors = shares.size + spare
    share = apportion(shares[None], np.array([multiprocessors]), np.ones((1, shares.size), dtype=bool))[0]
    assert share.sum() == multiprocessors
    assert share.min() >= 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_apportion_returns_an_allocation_unchanged(allocation):
    """A solver's allocation can be replayed through the task exactly."""
    share = np.array(allocation)
    assert (apportion(share[None].astype(float), np.array([share.sum()]), np.ones((1, share.size), dtype=bool))[0] == share).all()


def test_apportion_follows_the_largest_remainders():
    """Hand-computed: 10 by 1:2:4 is 1.43, 2.86, 5.71, so the two largest remainders are rounded up; tiny asks get one."""
    mask = np.ones((1, 3), dtype=bool)
    assert apportion(np.array([[1.0, 2.0, 4.0]]), np.array([10]), mask).tolist() == [[1, 3, 6]]
    assert apportion(np.array([[1e-9, 1.0, 1.0]]), np.array([10]), mask).tolist() == [[1, 5, 4]]
    assert apportion(np.zeros((1, 3)), np.array([10]), mask).tolist() == [[4, 3, 3]]
