from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p import SIZES, Instance, evaluate, generate
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.options import of_trace
from mecbench.solvers.p.exact import Exact

Decisions = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(instance: Instance, seed: int, failing: float = 0.1) -> Decisions:
    """Random decisions that fit: a deployment, servers that hold the service (-1 where none does, and sometimes), and cuts."""
    random = np.random.RandomState(seed)
    held = np.zeros((instance.intervals, instance.services, instance.servers), dtype=bool)
    for n, j in np.ndindex(instance.intervals, instance.servers):
        room = instance.storage[j]
        for i in random.permutation(instance.services):
            if instance.service_bytes[i] <= room:
                held[n, i, j] = True
                room -= instance.service_bytes[i]
    server, cut = np.empty(instance.service.shape, dtype=np.int64), np.zeros(instance.service.shape, dtype=np.int64)
    for t, k in np.ndindex(instance.service.shape):
        i = instance.service[t, k]
        holders = np.flatnonzero(held[t // instance.interval, i])
        may_fail = holders.size < instance.servers
        server[t, k] = -1 if holders.size == 0 or (may_fail and random.random_sample() < failing) else random.choice(holders)
        cut[t, k] = 0 if server[t, k] < 0 else random.randint(instance.cuts[i] + 1)
    return held, server, cut


def verdict(instance: Instance, decisions: Decisions) -> float:
    """Objective of polished decisions according to the evaluator, infinite if they miss the delay limit."""
    held, server, cut = decisions
    lacking = (~held).argmax(axis=2)[np.arange(instance.slots)[:, None] // instance.interval, instance.service]
    found = evaluate(instance, polish(instance, of_trace(instance), held, np.where(server < 0, lacking, server), cut))
    return found.objective if found.feasible else np.inf


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from(["tiny", "small"]),
    seed=st.integers(0, 50),
    choice=st.integers(0, 1000),
    limit=st.sampled_from([3.0, 10.0, 100.0, 1000.0]),
    guess=st.sampled_from([1e-9, 1.0, 1e6]),
)
def test_compiled_cost_is_that_of_the_polished_solution(size: str, seed: int, choice: int, limit: float, guess: float) -> None:
    """Two root searches written apart, and the evaluator, agree to 1e-9 on what choices cost, wherever the search begins."""
    instance = generate(SIZES[size].model_copy(update={"delay_limit": limit}), seed)
    decisions = draw(instance, choice)
    cost, multiplier = Exact(instance, of_trace(instance)).cost(*decisions[1:], guess)
    assert cost == pytest.approx(verdict(instance, decisions), rel=1e-9)
    assert np.isfinite(multiplier) == np.isfinite(cost)


@pytest.mark.parametrize("seed", range(6))
def test_no_single_move_improves_on_where_the_descent_ends(seed: int) -> None:
    """The filter by the current multiplier drops no move that gains: all of them are tried here, polished."""
    instance = generate(SIZES["tiny"].model_copy(update={"delay_limit": 10.0}), seed)
    exact = Exact(instance, of_trace(instance))
    starts = [decisions for choice in range(100) if np.isfinite(exact.cost(*(decisions := draw(instance, choice))[1:])[0])][:3]
    assert starts
    for held, server, cut in starts:
        before, _ = exact.cost(server, cut)
        cost, _, server, cut = exact.descend(held, server, cut, 1.0, 100_000)
        assert cost <= before
        assert cost == pytest.approx(verdict(instance, (held, server, cut)), rel=1e-9)
        for t, k in np.ndindex(instance.service.shape):
            i = instance.service[t, k]
            holders = np.flatnonzero(held[t // instance.interval, i])
            places = list(itertools.product(holders, range(instance.cuts[i] + 1)))
            if holders.size < instance.servers:
                places.append((-1, 0))
            for j, z in places:
                other_server, other_cut = server.copy(), cut.copy()
                other_server[t, k], other_cut[t, k] = j, z
                assert exact.cost(other_server, other_cut)[0] >= cost * (1 - 1e-9)


def test_few_trials_stop_the_descent_early_and_never_worsen() -> None:
    """The descent obeys its trials, and what it returns is what its choices cost."""
    instance = generate(SIZES["small"].model_copy(update={"delay_limit": 30.0}), 1)
    exact = Exact(instance, of_trace(instance))
    held, server, cut = next(d for choice in range(100) if np.isfinite(exact.cost(*(d := draw(instance, choice, 0.0))[1:])[0]))
    costs = [exact.descend(held, server, cut, 1.0, trials)[0] for trials in (0, 10, 100, 10_000)]
    assert costs[0] == pytest.approx(exact.cost(server, cut)[0], rel=1e-9)
    assert all(later <= earlier for earlier, later in itertools.pairwise(costs))
    assert costs[-1] < costs[0]
