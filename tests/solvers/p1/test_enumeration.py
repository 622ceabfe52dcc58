"""Enumeration: complete lists without what is dominated, and proofs that agree with the tree's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p1 import SIZES, bound, evaluate, generate
from mecbench.problems.p1.plans import account
from mecbench.problems.p1.rows import Row, count
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.branch_and_price import BranchAndPrice
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.enumeration import Enumeration, enumerate_plans, prove
from mecbench.solvers.p1.master import Side
from mecbench.solvers.p1.pool import Pool

FOREVER = 1e9


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels, compiled off every clock."""
    Enumeration().prepare()


def generated(instance, sides=()):
    """Column generation to its end."""
    generation = Generation(Pool(instance), sides)
    generation.run(lambda: FOREVER, lambda value: None)
    return generation


@pytest.mark.parametrize(
    ("size", "seed"), [("tiny", 0), ("tiny", 1), ("tiny", 4), ("literal-tiny", 0), ("literal-tiny", 1), ("literal-tiny", 5)]
)
def test_two_exact_methods_agree(size, seed):
    """A MILP over all plans in the gap and a tree share pricing alone; both end at the same optimum and prove it."""
    instance = generate(SIZES[size], seed)
    tree, listed = BranchAndPrice().solve(instance, Budget(60), 0), Enumeration().solve(instance, Budget(60), 0)
    costs = [evaluate(instance, outcome.solution).objective for outcome in (tree, listed)]
    assert tree.status == listed.status == "optimal"
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    for outcome in (tree, listed):
        assert min(costs) * (1 - 1e-6) <= outcome.bound <= min(costs)


def test_a_word_is_no_certificate(tiny):
    """Where the MILP proves more than the prices, no certificate goes with the bound; elsewhere it is the certificate's."""
    by_word = Enumeration().solve(tiny("literal-n3-q4-s2-k2-7"), Budget(60), 0)
    assert by_word.certificate is None
    assert by_word.bound == pytest.approx(3.916467111, rel=1e-6)
    assert by_word.bound > by_word.metrics["certified_bound"] + 1e-3
    instance = tiny("mains-n3-q5-s2-k2-6")
    by_prices = Enumeration().solve(instance, Budget(60), 0)
    assert by_prices.certificate is None or by_prices.bound == bound(instance, by_prices.certificate)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), part=st.floats(1e-4, 2e-3))
def test_what_is_left_out_is_dominated(seed, part):
    """Every plan within the gap has one in the list that costs and uses no more and that branches count alike."""
    from mecbench.problems.p1.pricing import plans_below
    from mecbench.solvers.p1.column_generation import prices_of

    random, instance = np.random.default_rng(seed), generate(SIZES["tiny"], seed)
    sides = (Side(Row(counts="blocks", node=0, slot=0, layer=4), int(random.integers(0, 3)), int(random.choice([-1, 1]))),)
    generation = generated(instance, sides)
    gap = part * abs(generation.best)
    plans = enumerate_plans(generation.pool, sides, generation.duals, gap)
    if plans is None:
        return  # said to be too many
    prices, known = prices_of(generation.pool, sides, generation.duals), generation.pool.tables
    least = generation.pool.price(prices).value
    for g in range(known.source.size):
        listed = plans_below(known, prices, g, least[g] + gap, 10**6).plan
        mine = np.array([plan for group, plan in zip(plans.group, plans.plan, strict=True) if group == g]).reshape(-1, *listed.shape[1:])
        taken, kept = (account(instance, np.full(len(p), known.source[g]), p[:, 0], p[:, 1], p[:, 2]) for p in (listed, mine))
        counts = [count(sides[0].row, known, np.full(len(p), g), p, np.zeros(len(p), dtype=bool)) for p in (listed, mine)]
        for c, plan in enumerate(listed):
            fits = (kept.cost <= taken.cost[c]) & (counts[1] == counts[0][c]) & (kept.hop <= taken.hop[c]).all(axis=1)
            fits &= ((mine[:, 2] == 0) | ((mine[:, 0] == plan[0]) & (mine[:, 2] <= plan[2]))).all(axis=1)
            assert fits.any()


def test_a_gap_too_wide_to_list_proves_its_part(tiny, monkeypatch):
    """Where there are too many plans the gap is narrowed, and the bound rises by no more than what was listed."""
    instance = tiny("mains-n5-q9-s4-k3-7")
    generation = generated(instance)
    monkeypatch.setattr("mecbench.solvers.p1.enumeration.MOST_PLANS", 300)
    proof = prove(generation.pool, (), generation.duals, generation.best, 0.54, lambda: 60.0)
    assert 0 < proof.plans <= 300
    assert generation.best < proof.bound < 0.534226
