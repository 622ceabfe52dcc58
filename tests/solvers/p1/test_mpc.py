"""Model predictive control: feasible, causal, near the bound; what is left of a task is priced as a task of its own."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1 import SIZES, Instance, Task, bound, evaluate, generate
from mecbench.problems.p1.plans import account
from mecbench.problems.p1.pricing import price
from mecbench.problems.p1.tables import plain_prices, tables
from mecbench.solvers import resolve
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.mpc import HiddenLoadControl, PredictiveControl, algorithms
from mecbench.solvers.p1.pool import Pool
from mecbench.solvers.p1.remainder import Remainder, Standing

each = pytest.mark.parametrize("algorithm", algorithms, ids=lambda algorithm: algorithm.name)


@pytest.fixture(scope="module")
def busy():
    """Ten devices, one of them slow enough for plans that split; tasks in three slots."""
    return generate(SIZES["n10"], 20_003)


@pytest.mark.parametrize("slot", [0, 1])
def test_a_new_task_is_priced_as_in_the_instance(busy, slot):
    """Tasks that have done nothing are the groups of the instance, so that values and plans at any prices are the same."""
    whole = tables(busy)
    groups = np.flatnonzero(whole.release == slot)
    fresh = np.zeros_like(groups)
    standing = Standing(whole.source[groups], whole.release[groups], fresh + busy.window, fresh, fresh.astype(float), whole.size[groups])
    remainder = Remainder(busy, busy.availability, standing)
    random = np.random.default_rng(slot)
    share, hop = random.random(busy.availability.shape) * 0.02, random.random(busy.slots) * 0.1
    expected, found = price(whole, plain_prices(whole, share, hop)), remainder.price(plain_prices(remainder.tables, share, hop))
    assert (found.value == expected.value[groups]).all()
    assert (found.plan == expected.plan[groups]).all()


def test_the_rest_of_a_plan_is_the_best_rest(busy):
    """Bellman: after the first slot of the cheapest plan nothing is cheaper than its rest, and both parts cost what the whole costs."""
    whole = tables(busy)
    random = np.random.default_rng(5)
    split = 0
    for _ in range(20):
        share, hop = random.random(busy.availability.shape) * 0.05, random.random(busy.slots) * 0.1
        found = price(whole, plain_prices(whole, share, hop))
        groups = np.flatnonzero(~found.fail & (found.plan[:, 1, 0] < busy.layers))
        plan = found.plan[groups]
        taken = account(busy, whole.source[groups], plan[:, 0], plan[:, 1], plan[:, 2])
        begun, ones = whole.release[groups] + 1, np.ones_like(groups)
        standing = Standing(plan[:, 0, 0], begun, (busy.window - 1) * ones, plan[:, 1, 0], taken.slot_seconds[:, 0], ones)
        remainder = Remainder(busy, busy.availability, standing)
        rest = remainder.price(plain_prices(remainder.tables, share, hop))
        first = taken.slot_cost[:, 0] + taken.hop[:, 0] * hop[begun - 1] + share[plan[:, 0, 0], begun - 1] * plan[:, 2, 0]
        assert first + rest.value == pytest.approx(found.value[groups], rel=1e-9)
        columns = remainder.add(np.arange(groups.size), rest.plan)
        assert [remainder.cost[c] for c in columns] == pytest.approx(
            [
                cost + sum(-share.ravel()[at] * x if at < share.size else -hop[at - share.size] for at, x in remainder.uses[c].items())
                for c, cost in zip(columns, rest.value, strict=True)
            ],
            rel=1e-9,
        )
        split += ((plan[:, 1, 0] > 0) | (plan[:, 0, 0] != whole.source[groups])).sum()
    assert split > 10


@each
def test_nothing_but_what_is_shown_decides(algorithm, busy, played):
    """Other coming tasks, and other loads beyond those shown, leave every answer before them as it was."""
    other = generate(SIZES["n10"], 20_004)
    one = played(algorithm(), busy)[0]
    differ = 0
    for slot in range(1, busy.arrival_slots + 1):
        before, after = busy.release < slot, other.release >= slot
        trace = {name: np.concatenate((getattr(busy, name)[before], getattr(other, name)[after])) for name in ("source", "release")}
        shown = slot + (busy.window - 1 if algorithm.sees == "forecast" else 0)
        loads = np.concatenate((busy.availability[:, :shown], other.availability[:, shown:]), axis=1)
        two = played(algorithm(), Instance.model_validate(busy.model_dump() | trace | {"availability": loads}))[0]
        told = busy.release[before][:, None] + np.arange(busy.window) < slot
        for name in ("node", "layers_done", "share"):
            mine, its = getattr(one, name)[: before.sum()], getattr(two, name)[: before.sum()]
            assert (mine[told] == its[told]).all()
            differ += int((mine[~told] != its[~told]).sum())
    assert differ


@each
def test_answers_hold_in_any_world_and_batch(algorithm, played):
    """No answer is refused, also where blocks must fit into slots, hops are scarce or tasks too many; neighbours change nothing."""
    changes = (
        {},
        {"profile": "literal"},
        {"slot_fit": True, "deadline": 9.0},
        {"subcarriers": (1, 1), "deadline": 0.3},
    )
    instances = [generate(SIZES["n10"].model_copy(update={"devices": (5, 5)} | change), seed) for seed, change in enumerate(changes)]
    solutions = played(algorithm(), *instances)
    for instance, solution in zip(instances, solutions, strict=True):
        assert played(algorithm(), instance, seed=1)[0] == solution
    assert solutions[-1].fail.any()


@pytest.mark.parametrize(("devices", "number", "most"), [(10, 3, 1.1), (30, 1, 1.05)])
def test_control_is_near_the_bound(measured, played, devices, number, most):
    """All tasks complete at little more than what a planner who knows the future must pay; loads unknown cost little."""
    instances = measured(devices)[:number]
    for algorithm in algorithms:
        ratios = []
        for instance, solution in zip(instances, played(algorithm(), *instances), strict=True):
            generation = Generation(Pool(instance))
            generation.run(lambda: np.inf, lambda value: None)
            ratios.append(evaluate(instance, solution).objective / bound(instance, generation.certificate()))
            assert not solution.fail.any()
        assert min(ratios) >= 1.0
        assert np.mean(ratios) <= most


def test_labels_say_what_is_seen(busy, played):
    """One is shown coming loads by the task that it states, the other is not; both run by name and need HiGHS alone."""
    assert (PredictiveControl.sees, HiddenLoadControl.sees) == ("forecast", "central")
    for algorithm in algorithms:
        assert Task(**algorithm.task_options).forecast == (algorithm.sees == "forecast")
        assert (algorithm.kind, algorithm.requires) == ("controller", ("highspy",))
        assert resolve(f"p1/{algorithm.name}").solve(busy, Budget(), 0).solution == played(algorithm(), busy)[0]
