"""The cheapest plan of a task among others against exact pricing in what they leave."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, generate
from mecbench.problems.p1.pricing import price
from mecbench.problems.p1.tables import plain_prices
from mecbench.solvers.p1.insertion_compiled import insert, plan_one
from mecbench.solvers.p1.master import Duals
from mecbench.solvers.p1.neighbourhood import LEVELS, Search, compile_search
from mecbench.solvers.p1.pool import Pool
from mecbench.solvers.p1.shares_compiled import settle, withdraw
from mecbench.solvers.p1.state import MULTIPLIERS, empty_offers


@pytest.fixture(scope="module", params=["n10", "literal-n10", "n5"])
def search(request):
    """A solution at random prices, and what a search reads."""
    compile_search()
    pool = Pool(generate(SIZES[request.param], 10_001))
    duals = Duals(0.1 * np.random.default_rng(0).random(pool.capacity.size), np.zeros(0))
    search = Search(pool, duals, 0)
    search.run(lambda: 1.0, lambda: None, -np.inf, 20)
    return search


def planned(search, q, tolls, squeezing):
    """Cost and plan of a task that is not in the solution, at plain levels."""
    tables, state = search._tables, search._now
    duals = Duals(np.concatenate((np.zeros(state.left.size), tolls)), np.zeros(0))
    offers, levels = empty_offers(tables, duals, LEVELS), np.zeros(tolls.size, dtype=np.int64)
    attempt, plan = np.zeros((2, 3, tables.window), dtype=np.int64)
    return plan_one(tables, state, offers, MULTIPLIERS, levels, offers.hop_price, q, squeezing, attempt, plan), plan


def test_alone_it_is_exact_pricing(search):
    """Who asks nobody for shares gets the plan of least cost; a late one may miss it, by little, and never undercuts it."""
    tables, state = search._tables, search._now
    tolls = 0.05 * np.random.default_rng(1).random(state.hops.size)
    in_time = 0
    for q in range(tables.source.size):
        withdraw(tables, state, q)
        asked = tables._replace(availability=state.left, source=tables.source[q : q + 1], release=tables.release[q : q + 1])
        found = price(asked, plain_prices(asked, np.zeros(state.left.shape), np.where(state.hops > 0, tolls, np.inf)))
        cost, _ = planned(search, q, tolls, False)
        assert found.exact[0]
        if found.fail[0]:
            assert cost >= tables.penalty
            continue
        unhurried = price(
            asked._replace(deadline=np.inf), plain_prices(asked, np.zeros(state.left.shape), np.where(state.hops > 0, tolls, np.inf))
        )
        if unhurried.value[0] == pytest.approx(found.value[0], rel=1e-12):
            in_time += 1
            assert cost == pytest.approx(found.value[0], rel=1e-9)
        assert found.value[0] * (1 - 1e-9) <= cost <= found.value[0] * 1.02
    assert in_time > 0 or search._instance.energy_coefficient[0] > 0


def test_others_lose_what_an_insertion_is_charged(search):
    """Without prices, what a plan costs with what others lose is exactly the change of the objective."""
    tables, state = search._tables, search._now
    pay_nothing = np.zeros(state.hops.size)
    offers = empty_offers(tables, Duals(np.zeros(state.left.size + state.hops.size), np.zeros(0)), np.ones(1))
    levels = np.zeros(state.hops.size, dtype=np.int64)
    attempt, plan = np.zeros((2, 3, tables.window), dtype=np.int64)
    inserted = 0
    for q in range(tables.source.size):
        withdraw(tables, state, q)
        for m, t in np.ndindex(state.left.shape):
            settle(tables, state, m, t)
        cost, before = planned(search, q, pay_nothing, True)[0], state.cost.sum()
        if insert(tables, state, offers, MULTIPLIERS, levels, pay_nothing, q, attempt, plan):
            inserted += 1
            assert state.cost.sum() - before + tables.penalty >= cost - 1e-9  # two blocks of one user may cost it more
            assert state.cost.sum() - before + tables.penalty == pytest.approx(cost, rel=1e-2)
        assert (state.left >= 0).all()
    assert inserted > 0
