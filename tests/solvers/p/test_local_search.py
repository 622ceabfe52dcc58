from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.p import SIZES, Instance, generate
from mecbench.problems.p.allocation import choices, split
from mecbench.problems.p.options import of_trace
from mecbench.problems.p.physics import quotient
from mecbench.solvers.p.primal import Primal

MULTIPLIER = 1.7


@pytest.fixture(scope="module")
def searches() -> dict[str, Primal]:
    """Searches with deployments that fit, by size."""
    found = {}
    for size in ("small", "medium"):
        instance = generate(SIZES[size], 5)
        found[size] = Primal(instance, of_trace(instance), MULTIPLIER, seed=3)
        found[size].deploy()
    return found


def lagrangian(instance: Instance, search: Primal) -> np.ndarray:
    """Cost plus multiplier times delay of the current choices, summed over each interval, from the model's equations alone."""
    held, server, cut = search.decisions()
    options, slot, user = of_trace(instance), np.arange(instance.slots)[:, None], np.arange(instance.users)
    hit, server = server >= 0, np.maximum(server, 0)
    assert held[slot // instance.interval, instance.service, server][hit].all()
    chosen = choices(instance, options, hit, server, cut)
    shares = split(instance, chosen, MULTIPLIER)
    delay = chosen.delay + quotient(chosen.traffic, shares.bandwidth) + quotient(chosen.work, shares.compute)
    cost = options.cost[slot, user, cut] + quotient(chosen.upload, shares.bandwidth)
    value = np.where(hit, cost + MULTIPLIER * delay, options.failure + MULTIPLIER * instance.failure_delay)
    return np.add.reduceat(value.sum(axis=1), np.arange(0, instance.slots, instance.interval))


@settings(max_examples=25, deadline=None)
@given(
    size=st.sampled_from(["small", "medium"]),
    iterations=st.integers(1, 30),
    temperature=st.sampled_from([0.0, 1.0, 1e9]),
    noise=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_changes_add_up_to_the_true_difference(
    searches: dict[str, Primal], size: str, iterations: int, temperature: float, noise: float
) -> None:
    """The search only ever counts differences: they must be those of the model, however wildly deployments change."""
    search, instance = searches[size], generate(SIZES[size], 5)
    for interval in range(instance.intervals):
        before = lagrangian(instance, search)[interval]
        change = search.redeploy(interval, temperature, noise, iterations)
        after = lagrangian(instance, search)[interval]
        assert search.value(interval) == pytest.approx(after, rel=1e-10)
        assert after - before == pytest.approx(change, abs=1e-8 * before)
        assert temperature > 0 or after <= before * (1 + 1e-12)
        held = search.decisions()[0]
        assert (np.einsum("nij,i->nj", held.astype(np.int64), instance.service_bytes) <= instance.storage).all()


def test_settled_requests_have_no_better_place(searches: dict[str, Primal]) -> None:
    """Where the descent stops, no single request can be moved with gain: to no server that holds its service, at no cut."""
    search, instance = searches["small"], generate(SIZES["small"], 5)
    for interval in range(instance.intervals):
        search.settle(interval)
    settled = lagrangian(instance, search).sum()
    held, server, cut = search.decisions()
    options = of_trace(instance)

    def value(other_server: np.ndarray, other_cut: np.ndarray) -> float:
        hit = (other_server >= 0) & held[np.arange(instance.slots)[:, None] // instance.interval, instance.service, other_server]
        chosen = choices(instance, options, hit, np.maximum(other_server, 0), other_cut)
        shares = split(instance, chosen, MULTIPLIER)
        delay = chosen.delay + quotient(chosen.traffic, shares.bandwidth) + quotient(chosen.work, shares.compute)
        slot, user = np.arange(instance.slots)[:, None], np.arange(instance.users)
        cost = options.cost[slot, user, other_cut] + quotient(chosen.upload, shares.bandwidth) + MULTIPLIER * delay
        return float(np.where(hit, cost, options.failure + MULTIPLIER * instance.failure_delay).sum())

    assert value(server, cut) == pytest.approx(settled, rel=1e-12)
    for t, k in np.ndindex(instance.service.shape):
        for j in range(instance.servers):
            for z in range(instance.cuts[instance.service[t, k]] + 1):
                other_server, other_cut = server.copy(), cut.copy()
                other_server[t, k], other_cut[t, k] = j, z
                assert value(other_server, other_cut) >= settled * (1 - 1e-8)


def test_a_search_is_repeatable() -> None:
    """One seed, one sequence of redeployments: the kernels hold no state of their own."""
    instance = generate(SIZES["medium"], 2)
    ends = []
    for seed in (1, 1, 2):
        search = Primal(instance, of_trace(instance), MULTIPLIER, seed)
        search.deploy()
        for interval in range(instance.intervals):
            search.redeploy(interval, 5.0, 0.5, 50)
        ends.append(search.decisions())
    same = [all(np.array_equal(a, b) for a, b in zip(ends[0], other, strict=True)) for other in ends]
    assert same == [True, True, False]
