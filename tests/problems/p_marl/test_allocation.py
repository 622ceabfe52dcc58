"""Sharing many edges at once against sharing each alone, and in time against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_marl.allocation import Attached, share_edges, share_in_time


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_edges_side_by_side_are_edges_alone(seed):
    """Every edge of every episode gets what the exact allocator gives it alone; local devices get nothing."""
    random = np.random.default_rng(seed)
    batch, devices, edges, capacity = (int(random.integers(1, most)) for most in (4, 12, 5, 20))
    capacity += devices
    edge = random.integers(0, edges + 1, (batch, devices))
    fixed, shared = random.random(edge.shape), random.random(edge.shape) * 10
    allocation = share_edges(Attached(edge, edges), fixed, shared, capacity)
    assert (allocation[edge == 0] == 0).all()
    for row in range(batch):
        for n in range(1, edges + 1):
            members = edge[row] == n
            if members.any():
                expected = allocate(fixed[row, members], shared[row, members], capacity)
                np.testing.assert_array_equal(allocation[row, members], expected)


@pytest.mark.parametrize("rule", ["prop", "equal"])
def test_other_rules_spend_everything_in_their_proportion(rule):
    """Proportional shares follow the work, equal ones nothing; each device holds at least one and no multiprocessor is lost."""
    edge = np.array([[1, 1, 1, 0, 2, 2]])
    shared = np.array([[1.0, 2.0, 5.0, 9.0, 0.0, 3.0]])
    allocation = share_edges(Attached(edge, 3), np.ones_like(shared), shared, 16, rule)[0]
    assert allocation.tolist() == ([2, 4, 10, 0, 1, 15] if rule == "prop" else [6, 5, 5, 0, 8, 8])


def test_nobody_attached_is_no_problem():
    """An epoch in which all devices run locally has no edge to share."""
    edge = np.zeros((2, 3), dtype=np.int64)
    for rule in ("maxmin", "prop", "equal"):
        assert not share_edges(Attached(edge, 2), np.ones((2, 3)), np.ones((2, 3)), 4, rule).any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_shares_in_time_are_optimal(seed):
    """With least shares the worst cost of every edge is what trying all allocations finds, or all agree that there is none."""
    random = np.random.default_rng(seed)
    devices, capacity = int(random.integers(1, 5)), int(random.integers(2, 9))
    edge = random.integers(0, 3, devices)
    fixed, shared, least = random.random(devices), random.random(devices) * 5, random.integers(1, 4, devices)
    found = share_in_time(edge, fixed, shared, least, capacity, 2)
    for n in (1, 2):
        members = np.flatnonzero(edge == n)
        if not members.size:
            continue
        best = np.inf
        for shares in product(*(range(least[m], capacity + 1) for m in members)):
            if sum(shares) <= capacity:
                best = min(best, max(fixed[m] + shared[m] / share for m, share in zip(members, shares, strict=True)))
        if found is None:
            if best == np.inf:
                return
            continue
        assert (found[members] >= least[members]).all()
        assert found[members].sum() <= capacity
        assert (fixed[members] + shared[members] / found[members]).max() == pytest.approx(best, rel=1e-12)
    assert found is not None or capacity < least[edge > 0].sum()
