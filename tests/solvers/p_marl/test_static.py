"""The search on one epoch: where it begins, where it stops, and what it makes of what is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, generate
from mecbench.problems.p_marl.certificate import Tree, check_proof
from mecbench.solvers.p_marl.epoch import Epoch
from mecbench.solvers.p_marl.static import Search, solve_epoch


@pytest.fixture(scope="module")
def hard():
    """An epoch whose optimum no values prove without cases."""
    instance = generate(SIZES["orig-60x5"], 18)
    return Epoch(instance, 0, instance.previous_edge)


def test_cases_prove_what_values_do_not(hard):
    """The optimum is proved by a tree of more than one node; just above it the proof is none."""
    found = solve_epoch(hard, lambda: 60.0)
    assert found.optimal
    assert found.bound == found.decisions.cost
    assert isinstance(found.proof, Tree)
    assert found.proof.parent.size > 1
    check_proof(hard.instance, 0, found.proof)


def test_it_stops_at_the_gap_or_when_time_is_over(hard):
    """A gap asked for is enough; without time there is a bound, and decisions only if they were given."""
    assert 0.0 < solve_epoch(hard, lambda: 60.0, gap=5e-3).decisions.cost / solve_epoch(hard, lambda: 0.0).bound - 1.0 <= 2e-2
    started = solve_epoch(hard, lambda: 0.0, start=np.zeros(60, dtype=np.int64))
    assert started.decisions.cost == pytest.approx(hard.choices.local.max(), rel=1e-12)
    assert not started.optimal


def test_only_better_edges_are_taken_over(hard):
    """Offers are priced with their best cuts and shares, worse ones are refused and told to nobody."""
    told = []
    search = Search(hard, lambda: 60.0, told.append, 0, 0.0)
    assert search.cost == math.inf
    assert search.offer(np.zeros(60, dtype=np.int64))
    before = len(told)
    assert not search.offer(np.zeros(60, dtype=np.int64))
    assert not search.offer(np.ones(60, dtype=np.int64))  # sixty on one edge
    assert len(told) == before
    assert told[-1].decisions.cost == search.cost
