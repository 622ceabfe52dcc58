"""LC3, greedy and fair greedy by the letter of their rules, on a world computed by hand and where they were measured."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, Instance, Task, evaluate, generate
from mecbench.solvers import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.greedy import FairGreedy, Greedy, LocalWindow, algorithms

ALONE = {"source": [1, 1], "release": [0, 0]}


def test_lc3_waits_for_a_slot_in_which_its_source_is_free(by_hand, played):
    """In slot 1 the first task has its best 23 %, which leaves 7 % beside 10 % in slot 0: a second and more, too slow for the other."""
    instance = by_hand(**ALONE, availability=[[100] * 3, [10, 30, 100], [100] * 3])
    solution = played(LocalWindow(), instance)[0]
    assert solution.fail.tolist() == [False, True]
    assert solution.layers_done.tolist() == [[0, 2], [0, 0]]
    assert solution.share.tolist() == [[0, 23], [0, 0]]
    assert not solution.subcarrier.any()


def test_greedy_takes_all_of_the_server_slot_by_slot(by_hand, played):
    """The server's time is cheapest: one task takes all of it in each slot, the third runs on its device at its best share."""
    instance = by_hand(source=[1, 1, 1], release=[0, 0, 0], subcarriers=3, bandwidth=3e6)
    solution = played(Greedy(), instance)[0]
    assert not solution.fail.any()
    ran = [(int(n), int(x)) for n, x in zip(solution.node[solution.share > 0], solution.share[solution.share > 0], strict=True)]
    assert sorted(ran) == [(0, 100), (0, 100), (1, 23)]


def test_greedy_hops_no_more_than_there_are_subcarriers(by_hand, played):
    """With one subcarrier two tasks of device 1 use both slots of their window; the third computes on its device."""
    instance = by_hand(source=[1, 1, 1], release=[0, 0, 0], availability=[[100] * 3] * 3)
    solution = played(Greedy(), instance)[0]
    hops = (solution.subcarrier > 0).sum(axis=0)
    assert hops.tolist() == [1, 1]
    assert sorted(solution.share[solution.share > 0].tolist()) == [23, 100, 100]


def test_fair_greedy_leaves_equal_parts_of_the_server(by_hand, played):
    """Two tasks of slot 0 take half each; for one of slot 1 half of the server is left to it there, and all of it in slot 2."""
    instance = by_hand(source=[1, 1, 1], release=[0, 0, 1], subcarriers=3, bandwidth=3e6, penalty=50.0)
    solution = played(FairGreedy(), instance)[0]
    assert not solution.fail.any()
    used = {(int(q), int(k)): int(solution.share[q, k]) for q, k in zip(*np.nonzero(solution.share), strict=True)}
    assert set(used.values()) <= {50, 100}
    assert [used[q, k] for q, k in used if q < 2] == [50, 50]
    # Tasks of slot 0 may not use slot 2, so that it waits for the whole server there.
    assert {k: x for (q, k), x in used.items() if q == 2} == {1: 100}


@pytest.mark.parametrize("algorithm", algorithms, ids=lambda algorithm: algorithm.name)
def test_plans_hold_in_any_world_and_batch(algorithm, played):
    """What is planned at release is admitted slot by slot, also where blocks must fit into slots; neighbours change nothing."""
    changes = ({}, {"profile": "literal"}, {"slot_fit": True, "deadline": 9.0}, {"subcarriers": (2, 2)}, {"arrival_rate": 2.0})
    instances = [generate(SIZES["n10"].model_copy(update=change), seed) for seed, change in enumerate(changes)]
    solutions = played(algorithm(), *instances)
    for instance, solution in zip(instances, solutions, strict=True):
        assert played(algorithm(), instance)[0] == solution
        assert not solution.fail.all()


@pytest.mark.parametrize("algorithm", algorithms, ids=lambda algorithm: algorithm.name)
def test_rules_know_coming_loads_but_no_coming_tasks(algorithm, played):
    """Another trace of later tasks leaves the plans of the earlier ones as they were; the label says what is seen."""
    instance, other = generate(SIZES["n10"], 3), generate(SIZES["n10"], 4)
    before, after = instance.release < 1, other.release >= 1
    trace = {name: np.concatenate((getattr(instance, name)[before], getattr(other, name)[after])) for name in ("source", "release")}
    twin = Instance.model_validate(instance.model_dump() | trace)
    kept = int(before.sum())
    assert kept
    one, two = played(algorithm(), instance)[0], played(algorithm(), twin)[0]
    for name in ("fail", "node", "layers_done", "share"):
        assert (getattr(one, name)[:kept] == getattr(two, name)[:kept]).all()
    assert algorithm.sees == "forecast"
    assert Task(**algorithm.task_options).forecast
    assert resolve(f"p1/{algorithm.name}").solve(instance, Budget(), 0).solution == one


def test_the_cheapest_plan_in_time_is_not_the_best_for_all(measured, played):
    """With ``exact`` a task that is alone never pays more, but all together do: who stays slower leaves less to others."""
    instances = measured(50)
    fast, exact = played(LocalWindow(), *instances), played(LocalWindow(exact=True), *instances)
    for instance in instances:
        alone = Instance.model_validate(instance.model_dump() | {"source": instance.source[:1], "release": instance.release[:1]})
        proven, found = (evaluate(alone, played(LocalWindow(exact=exact), alone)[0]).objective for exact in (True, False))
        assert proven <= found + 1e-12
    cost = [np.mean([evaluate(i, s).objective for i, s in zip(instances, solutions, strict=True)]) for solutions in (fast, exact)]
    assert cost[0] < cost[1]


@pytest.mark.parametrize(
    ("devices", "costs", "fair_completion"),
    [(10, (41.9, 9.6 * 1.253, 2.04), 1.0), (30, (135.3, 5.0 * 9.12, 16.7), 1.0), (50, (251.3, 2.8 * 32.8, 86.0), 0.98)],
)
def test_rules_are_where_they_were_measured(measured, played, devices, costs, fair_completion):
    """Mean cost of the five instances of each size, within what ties and unseen arrivals change: 3 %, greedy and fair greedy 6 %."""
    instances = measured(devices)
    for algorithm, cost, tolerance in zip((LocalWindow, Greedy, FairGreedy), costs, (0.03, 0.06, 0.06), strict=True):
        verdicts = [evaluate(i, s) for i, s in zip(instances, played(algorithm(), *instances), strict=True)]
        assert np.mean([verdict.objective for verdict in verdicts]) == pytest.approx(cost, rel=tolerance)
        if algorithm is FairGreedy:
            assert np.mean([verdict.metrics["completion_rate"] for verdict in verdicts]) >= fair_completion
