"""The search's state is that of its plans at any time, its best is feasible, and a number of rounds has one outcome."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, generate
from mecbench.problems.p1.evaluate import usage
from mecbench.problems.p1.plans import account
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.neighbourhood import Search, compile_search
from mecbench.solvers.p1.pool import Pool, solution_of

WORLDS = {
    "mains": SIZES["n10"],
    "literal": SIZES["literal-n10"],
    "slot-fit": SIZES["n10"].model_copy(update={"slot_fit": True, "deadline": 4.0}),
    "crowded": SIZES["n10"].model_copy(update={"subcarriers": (2, 2), "arrival_rate": 1.5}),
}


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels compiled."""
    compile_search()


@pytest.fixture(params=WORLDS)
def instance(request):
    """Worlds in which different capacities are scarce."""
    return generate(WORLDS[request.param], 10_000)


def search_of(instance, seed=0, rounds=200):
    """A search after some rounds at the prices of column generation."""
    pool = Pool(instance)
    generation = Generation(pool)
    generation.run(lambda: 1.0 - 0.1 * generation.iterations, lambda value: None)
    search = Search(pool, generation.duals, seed)
    search.run(lambda: 1.0, lambda: None, -np.inf, rounds)
    return search


def test_what_is_left_is_what_plans_leave(instance, accepted):
    """Thousands of moves add and subtract; a share lost in one of them would let plans overlap in the end."""
    search = search_of(instance)
    for state in (search._now, search._best):
        fail = state.fail.astype(bool)
        node, layers, share = (np.where(fail[:, None], rest, state.plan[:, i]) for i, rest in enumerate((instance.source[:, None], 0, 0)))
        assert (state.left == instance.availability - usage(instance, node, share)).all()
        taken = account(instance, instance.source, node, layers, share)
        hops = np.zeros(instance.slots, dtype=np.int64)
        np.add.at(hops, instance.release[:, None] + np.arange(instance.window), taken.hop)
        assert (state.hops == instance.subcarriers - hops).all()
        assert state.cost == pytest.approx(np.where(fail, instance.penalty, taken.cost), rel=1e-12)
        assert state.seconds == pytest.approx(taken.seconds, rel=1e-12)
        assert accepted(instance, solution_of(instance, fail, state.plan)) == pytest.approx(state.cost.sum(), rel=1e-12)
    assert search.cost == pytest.approx(search._best.cost.sum(), rel=1e-12)


def test_rounds_decide(instance):
    """With a limit of rounds the outcome is the same whatever the clock says, and another seed goes elsewhere."""
    first, again, other = search_of(instance), search_of(instance), search_of(instance, seed=1)
    assert first.rounds == again.rounds == 200
    assert (first.plan == again.plan).all()
    assert (first._now.plan == again._now.plan).all()
    assert (first._now.plan != other._now.plan).any()


def test_a_better_solution_is_taken_and_settled(instance):
    """A plan from elsewhere is the next start, at no greater cost than it came with; a worse one is ignored."""
    good, poor = search_of(instance), search_of(instance, seed=2, rounds=1)
    cost = good.cost
    good.accept(poor.fail, poor.plan, poor.cost)
    assert good.cost == cost
    poor.accept(good.fail, good.plan, good.cost)
    assert poor.cost <= cost * (1 + 1e-12)
