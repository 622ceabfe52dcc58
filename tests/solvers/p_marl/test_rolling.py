"""Rolling optimisation is feasible, causal, near its first stage, and its second stage switches less and never fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_marl import Instance, evaluate
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.epoch import Epoch
from mecbench.solvers.p_marl.greedy import greedy
from mecbench.solvers.p_marl.rolling import Rolling
from mecbench.solvers.p_marl.static import solve_epoch
from mecbench.solvers.p_marl.switching import fewest_switches

ROLLING = Rolling(epoch_seconds=60.0, gap=1e-2, second_seconds=60.0)  # so that gaps end stages, not seconds


def switched(edge: np.ndarray, previous: np.ndarray) -> int:
    """Number of switches between two epochs."""
    return int(((edge != previous) & (edge > 0) & (previous >= 0)).sum())


def test_no_epoch_is_late_and_none_exceeds_the_slack(small):
    """The evaluator finds every constraint kept, and the mean worst cost within the slack of the first stages' costs."""
    for overrides in ({}, {"latency_limit": 1000 / 30}, {"drain": "endogenous", "epoch_seconds": 600.0}, {"divided_switch_cost": True}):
        instance = small(1, 12, 3, epochs=4, **{"switch_cost": 0.05, "edge_multiprocessors": 64, "edge_work": 45.0} | overrides)
        outcome = ROLLING.solve(instance, Budget(3600.0), 0)
        verdict = evaluate(instance, outcome.solution)
        assert verdict.feasible
        assert verdict.objective <= outcome.metrics["first_stage_cost"] * (1.0 + ROLLING.slack) * (1.0 + 1e-12)


def test_rolling_sees_no_future(small):
    """Two traces that part after the second epoch are decided alike until then."""
    instance = small(2, 10, 3, epochs=4, switch_cost=0.02)
    shadowing = instance.shadowing.copy()
    shadowing[2:] += np.random.default_rng(0).normal(0.0, 6.0, shadowing[2:].shape)
    other = Instance.model_validate(instance.model_dump() | {"shadowing": shadowing})
    first, second = (ROLLING.solve(i, Budget(3600.0), 0).solution for i in (instance, other))
    for name in ("edge", "cut", "allocation"):
        np.testing.assert_array_equal(getattr(first, name)[:2], getattr(second, name)[:2])
    assert (first.allocation[2:] != second.allocation[2:]).any()


def test_nobody_beats_the_optimum_of_a_tiny_episode(small, exhaust):
    """What rolling plays is a solution among all; without switch cost it is the best one."""
    exact = replace(ROLLING, gap=0.0, slack=0.0)
    for seed in range(4):
        instance = small(seed, 2, 2, epochs=3, edge_multiprocessors=3, edge_work=3.0, switch_cost=(0.0, 0.1)[seed % 2])
        value = evaluate(instance, exact.solve(instance, Budget(3600.0), 0).solution).objective
        worst, _ = exhaust(instance)
        assert not beats(value, worst, Sense.MINIMISE)
        if instance.switch_cost == 0.0:
            assert value == pytest.approx(worst, rel=1e-9)


def test_time_that_is_over_is_no_failure(small):
    """Without any time for solvers the rule or the epoch before decides, and the second stage still keeps devices where it can."""
    instance = small(3, 20, 4, epochs=4)
    verdict = evaluate(instance, Rolling().solve(instance, Budget(0.0), 0).solution)
    assert verdict.feasible


def test_the_second_stage_switches_least(small):
    """Of all packings at the threshold none has fewer switches (counted by HiGHS without a start), and the cost stays within it."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    saved = 0
    for seed in range(4):
        instance = small(seed, 14, 3, epochs=2, switch_cost=0.01)
        before = solve_epoch(Epoch(instance, 0, instance.previous_edge), lambda: 60.0, gap=1e-2).decisions.edge
        epoch = Epoch(instance, 1, before)
        first = solve_epoch(epoch, lambda: 60.0, gap=1e-2).decisions
        threshold = first.cost * 1.02
        second = fewest_switches(epoch, before, first, threshold, 60.0, seed)
        assert second.cost <= threshold
        packing = epoch.packing(threshold)
        rest, (device, edge) = packing.rest.size, np.nonzero(packing.possible)
        rows = np.zeros((rest + instance.edges, device.size))
        rows[device, np.arange(device.size)] = 1.0
        rows[rest + edge, np.arange(device.size)] = packing.weight[device, edge]
        low, high = (np.append(np.ones(rest), np.full(instance.edges, value)) for value in (-np.inf, packing.capacity))
        charge = (before[packing.rest][device] != edge + 1).astype(float)
        solved = milp(charge, integrality=np.ones(device.size), bounds=Bounds(0, 1), constraints=LinearConstraint(rows, low, high))
        assert switched(second.edge, before) == round(solved.fun)
        saved += switched(first.edge, before) - switched(second.edge, before)
    assert saved > 0


def test_the_second_stage_needs_no_solver_where_epochs_are_large(small):
    """Beyond the size at which HiGHS is asked, rounding comes within a tenth of what split devices would switch, from far above it."""
    from mecbench.solvers.p_marl.switching import EXACT

    instance = small(0, 125, 5, epochs=2, edge_multiprocessors=256, edge_work=180.0)
    random = np.random.default_rng(0)
    before = random.integers(1, 6, 125)
    epoch = Epoch(instance, 1, before)
    first = epoch.decide(greedy(epoch.choices, 256).edge)
    second = fewest_switches(epoch, before, first, first.cost, 3600.0, 0)
    assert second.cost <= first.cost
    packing = epoch.packing(first.cost)
    assert packing.weight.size > EXACT
    away = packing.possible & (before[packing.rest, None] != np.arange(1, 6))
    split = fewest_if_split(packing.weight, packing.possible, away.astype(float), 256)
    assert split <= switched(second.edge, before) <= 1.1 * split + 1
    assert switched(second.edge, before) < 0.9 * switched(first.edge, before)


def fewest_if_split(weight: np.ndarray, possible: np.ndarray, charge: np.ndarray, capacity: int) -> float:
    """Fewest switches if devices may be split among edges, by SciPy."""
    from scipy.optimize import linprog

    (devices, edges), (device, edge) = weight.shape, np.nonzero(possible)
    rows, loads = np.zeros((devices, device.size)), np.zeros((edges, device.size))
    rows[device, np.arange(device.size)] = 1.0
    loads[edge, np.arange(device.size)] = weight[device, edge]
    return linprog(charge[device, edge], A_ub=loads, b_ub=np.full(edges, capacity), A_eq=rows, b_eq=np.ones(devices)).fun


def test_the_second_stage_falls_back_on_the_first(small):
    """At a threshold that only just admits the first stage's decisions and without time, the answer costs no more."""
    for seed in range(4):
        instance = small(seed, 14, 3, epochs=2)
        epoch = Epoch(instance, 1, np.random.default_rng(seed).integers(0, 4, 14))
        first = solve_epoch(epoch, lambda: 60.0, gap=1e-2).decisions
        second = fewest_switches(epoch, np.full(14, 1), first, first.cost, 0.0, seed)
        assert second.cost <= first.cost
