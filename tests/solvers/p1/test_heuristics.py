"""LC, EC and Random by the letter of their rules, on a world computed by hand and where they were measured."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import MT19937, RandomState, SeedSequence

from mecbench.problems.p1 import SIZES, evaluate, generate
from mecbench.problems.p1.instance import SERVER
from mecbench.solvers.p1.heuristics import EdgeComputing, LocalComputing, Random, algorithms


def test_lc_splits_the_source_among_its_new_tasks(by_hand, played):
    """Half of 40 % is less than the best 23 % and in time; alone a task takes 23 %; at 15 % it would take 1.33 s and fails."""
    solution = played(LocalComputing(), by_hand())[0]
    assert solution.fail.tolist() == [False, False, False, True]
    assert solution.node.tolist() == [[1, 1], [1, 1], [2, 2], [1, 1]]
    assert solution.layers_done.tolist() == [[2, 2], [2, 2], [2, 2], [0, 0]]
    assert solution.share.tolist() == [[20, 0], [20, 0], [23, 0], [0, 0]]


def test_lc_takes_more_than_the_cheapest_share_only_for_the_deadline(by_hand, played):
    """0.2 Gcycle in 0.5 s need 40 % of 1 GHz; half of 40 % is too slow, and a task does not wait for a better slot."""
    solution = played(LocalComputing(), by_hand(deadline=0.5))[0]
    assert solution.fail.tolist() == [True, True, False, True]
    assert solution.share.tolist() == [[0, 0], [0, 0], [40, 0], [0, 0]]


@pytest.mark.parametrize(
    ("subcarriers", "share"),
    [
        (1, [[100, 0], [0, 100], [0, 0], [0, 100]]),  # one hop a slot: in order, the others wait
        (2, [[50, 0], [50, 0], [0, 0], [100, 0]]),  # two hops: they share the server equally
    ],
)
def test_ec_hops_in_order_and_shares_the_server(by_hand, played, subcarriers, share):
    """Waiting tasks take free subcarriers in order and retry; a device without a link to the server fails."""
    instance = by_hand(subcarriers=subcarriers, bandwidth=1e6 * subcarriers)
    solution = played(EdgeComputing(), instance)[0]
    assert solution.fail.tolist() == [False, False, True, False]
    assert solution.share.tolist() == share
    assert (solution.node[solution.share > 0] == SERVER).all()
    assert (solution.subcarrier > 0).tolist() == (np.array(share) > 0).tolist()


def test_ec_waits_where_an_equal_part_is_too_slow(by_hand, played):
    """Three tasks at a third of a server of 0.5 GHz miss the deadline, so none hops in slot 0; it is the same in slot 1."""
    instance = by_hand(source=[1, 1, 1], release=[0, 0, 0], subcarriers=3, bandwidth=3e6, frequency=[5e8, 1e9, 1e9], device_range=0.0)
    solution = played(EdgeComputing(), instance)[0]
    assert solution.fail.all()
    assert not solution.subcarrier.any()


def test_random_is_lc_or_ec_task_by_task(by_hand, played):
    """Draws are those of the seed, the same in every episode of a batch; each part shares among its own."""
    instances = [generate(SIZES["n10"], seed) for seed in range(4)]
    batch = played(Random(), *instances, seed=7)
    draws = RandomState(MT19937(SeedSequence(7)))
    bits = np.array([draws.randint(2) for _ in range(max(instance.tasks for instance in instances))], dtype=bool)
    for instance, solution in zip(instances, batch, strict=True):
        assert played(Random(), instance, seed=7)[0] == solution
        ran = solution.share.any(axis=1)
        on_server = ((solution.node == SERVER) & (solution.share > 0)).any(axis=1)
        assert (on_server[ran] == bits[: instance.tasks][ran]).all()
    assert batch != played(Random(), *instances, seed=8)


@pytest.mark.parametrize("devices", [10, 30, 50])
def test_rules_are_where_they_were_measured(measured, played, devices):
    """Mean cost and completion of the five instances of each size, to the digits that were noted; Random by other draws."""
    noted = {
        ("lc", 10): (None, 0.27),
        ("lc", 30): (None, 0.32),
        ("lc", 50): (None, 0.32),
        ("ec", 10): (18.5, 0.78),
        ("ec", 30): (60.3, 0.80),
        ("ec", 50): (120.0, 0.80),
    }
    instances = measured(devices)
    mean = {}
    for algorithm in algorithms:
        verdicts = [evaluate(i, s) for i, s in zip(instances, played(algorithm(), *instances), strict=True)]
        mean[algorithm.name] = np.mean([verdict.objective for verdict in verdicts])
        cost, completion = noted.get((algorithm.name, devices), (None, None))
        if cost is not None:
            assert mean[algorithm.name] == pytest.approx(cost, abs=0.1)
        if completion is not None:
            assert np.mean([verdict.metrics["completion_rate"] for verdict in verdicts]) == pytest.approx(completion, abs=0.006)
    assert mean["ec"] < mean["random"] < mean["lc"]
