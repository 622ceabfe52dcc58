"""The task of CMG: the evaluator's physics, repair and guard, nothing of the future, the same at any batch size."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.layout import DECISIONS, Layout
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.cmg.task import LEVELS, Task
from mecbench.problems.cmg.worlds import Decisions, settle, stack
from mecbench.problems.task import Step
from mecbench.problems.views import GymnasiumView

FLAGS = [{}, {"paper_obs": True}, {"see_eve": True}, {"paper_obs": True, "see_eve": True}]


@pytest.fixture(scope="module")
def instances(draw) -> list[Instance]:
    """Episodes that differ in devices, slots, supply and attack."""
    changes = [
        {"devices": 6, "supply": "scarce", "slots": 6},
        {"devices": 2, "attack": "strong"},
        {"devices": 9, "supply": "scarce", "initial_battery": 0.01, "slots": 4},
        {"devices": 1, "capacity": 11.0, "cycles_per_bit": 5.0},
    ]
    return [draw(seed, "small", **({"slots": 5, "chunks": 3} | change)) for seed, change in enumerate(changes)]


def play(task: Task, instances: list[Instance], seed: int = 0) -> list[tuple[dict, np.ndarray, Step]]:
    """Play random actions; gives observation, action and step of every slot."""
    observation, space = task.reset(instances), task.action_space(instances)
    space.seed(seed)
    record = []
    while True:
        action = np.stack([space.sample() for _ in instances])
        step = task.step(action)
        record.append((observation, action, step))
        observation = step.observation
        if step.terminated.all():
            return record


@pytest.mark.parametrize("actions", ["hybrid", "discrete"])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("reward", ["objective", "paper"])
def test_rewards_sum_to_the_evaluators_objective(instances, reward, strict, actions):
    """Both forms of the reward have one sum, so that returns, objectives and bounds are on one scale."""
    task = Task(reward, strict=strict, actions=actions)
    record = play(task, instances)
    returns = sum(task.joint(step.reward) for _, _, step in record)
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        assert returns[row] == pytest.approx(evaluate(instance, solution).objective, rel=1e-9)


def test_paper_rewards_and_costs_are_those_of_the_paper(instances, twin):
    """(24) of each device and slot by the scalar twin, and e_n(t) as cost."""
    task = Task("paper")
    record = play(task, instances)
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        expected = twin(instance, solution).rewards
        paid = np.array([step.reward[row, : instance.devices] for _, _, step in record]).T
        np.testing.assert_allclose(paid[:, : instance.slots], expected, rtol=1e-9, atol=1e-12)
        spent = sum(step.cost[row].sum() for _, _, step in record)
        assert spent == pytest.approx(evaluate(instance, solution).metrics["mean_energy_j"] * instance.devices * instance.slots)


@pytest.mark.parametrize("options", [{}, {"limit": "average"}, {"eavesdropper_power": "const"}, {"continuous_frames": True}])
def test_accounting_is_the_evaluators_and_strict_is_feasible(draw, options):
    """Every metric under the evaluator's name is the evaluator's; only the energy limit can be broken, and not in strict mode."""
    instances = [draw(seed, "small", supply="scarce", slots=6, **options) for seed in range(6)]
    for strict in (False, True):
        task = Task(strict=strict)
        last = play(task, instances)[-1][2]
        broken = False
        for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
            verdict = evaluate(instance, solution)
            said = {name: values[row] for name, values in last.metrics.items() if name != "guarded"}
            assert said == pytest.approx(
                {"objective": verdict.objective} | {n: verdict.metrics[n] for n in said if n != "objective"}, rel=1e-9
            )
            broken |= not verdict.feasible
            assert {name for name, found in verdict.violations.items() if found.relative > 1e-12} <= {"energy_limit"}
        assert broken != strict


def settled_twin(instance: Instance, slot: int, asked: dict[str, list], allowance: list[float]) -> SimpleNamespace:
    """Repair and guard in plain Python, one device and chunk at a time."""
    N, K = range(instance.devices), range(instance.chunks)
    x, f, r, c, p = (np.array(asked[name]).tolist() for name in ("offload", "frames", "resolution", "frequency", "power"))
    g, most, least = (getattr(instance, name)[:, slot].tolist() for name in ("gain", "eavesdropper_most", "eavesdropper_least"))
    fallen = [[False for _ in K] for _ in N]

    def secure(left, n, k):
        others = [j for j in N if j != n and left[j][k]]
        here = instance.noise + sum(p[j][k] * g[j][k] for j in others)
        there = instance.eavesdropper_noise + sum(p[j][k] * least[j][k] for j in others)
        return g[n][k] * there - most[n][k] * here >= 1e-9

    while True:
        left = [list(row) for row in x]
        while refused := [(n, k) for n in N for k in K if left[n][k] and not secure(left, n, k)]:
            for n, k in refused:
                left[n][k] = False
        energy = [[0.0 for _ in K] for _ in N]
        for n in N:
            for k in K:
                bits = instance.bits_per_pixel * f[n][k] * r[n][k] ** 2
                others = sum(p[j][k] * g[j][k] for j in N if j != n and left[j][k])
                rate = instance.bandwidth * np.log2(1 + p[n][k] * g[n][k] / (instance.noise + others))
                own = instance.energy_coefficient * c[n][k] ** 2 * bits * instance.cycles_per_bit
                energy[n][k] = p[n][k] * bits / rate if left[n][k] else own
        over = [n for n in N if sum(energy[n]) > allowance[n] and not all(fallen[n])]
        if not over:
            return SimpleNamespace(offload=left, frames=f, resolution=r, frequency=c, energy=energy, fallen=fallen)
        for n in over:
            k = max((k for k in K if not fallen[n][k]), key=lambda k, n=n: (energy[n][k], -k))
            fallen[n][k], x[n][k] = True, False
            f[n][k], r[n][k], c[n][k] = instance.least_frames, instance.least_resolution, instance.least_frequency


def test_the_guard_leaves_the_fallback_for_the_slots_to_come(draw):
    """A device may spend all but K E_fb for each later slot: with a picojoule less than that it falls back."""
    instance = draw(0, "small", devices=1, slots=3, supply="scarce")
    task = Task()
    action = np.full((1, 1, 15), -0.5)
    task.reset([instance])
    spent = float(task.step(action).cost[0, 0])
    later = 2 * 3 * instance.fallback_energy
    for spare, falls in ((1e-12, False), (-1e-12, True)):
        poor = Instance.model_validate(instance.model_dump() | {"battery": [spent + later + spare]})
        task.reset([poor])
        step = task.step(action)
        assert (step.metrics["guarded"][0] > 0) == falls
        assert (step.cost[0, 0] < spent) == falls


@pytest.mark.parametrize("seed", range(8))
def test_repair_and_guard_are_their_scalar_twins(draw, decide, seed):
    """Simultaneous refusals, dearest chunk first, all devices of a round at once, and repair again from what is still asked."""
    instance = draw(seed, "small", devices=7, slots=1, attack=("weak", "strong")[seed % 2])
    drawn = decide(instance, seed, asked=0.3)
    asked = {name: getattr(drawn, name)[:, 0] for name in Decisions._fields}
    allowance = np.random.default_rng(seed).uniform(0.003, 0.6, 7)
    allowance[0] = 0.001  # not even the fallback is covered: all fall back, and the guard ends
    batch = stack([instance], 7)
    outcome = settle(batch, 0, Decisions(**{name: values[None] for name, values in asked.items()}), allowance[None])
    expected = settled_twin(instance, 0, asked, allowance.tolist())
    for name in ("offload", "frames", "resolution", "frequency"):
        np.testing.assert_array_equal(getattr(outcome.executed, name)[0], getattr(expected, name))
    np.testing.assert_allclose(outcome.energy[0], expected.energy, rtol=1e-12)
    np.testing.assert_array_equal(outcome.guarded[0], np.sum(expected.fallen, axis=1))
    assert 0 < outcome.guarded.sum() < 21
    assert (outcome.spent[0, 1:] <= allowance[1:]).all()


def test_equal_chunks_fall_back_by_number(draw):
    """Ties are broken by the lowest chunk, so that the result is one and the same everywhere."""
    instance = draw(0, "small", devices=1, slots=1)
    same = {"frames": 20.0, "resolution": 600.0, "frequency": 0.7e9, "power": 0.1}
    asked = Decisions(np.zeros((1, 1, 3), dtype=bool), **{name: np.full((1, 1, 3), value) for name, value in same.items()})
    worlds = stack([instance], 1)
    free = settle(worlds, 0, asked, np.full((1, 1), np.inf)).energy[0, 0]
    outcome = settle(worlds, 0, asked, np.full((1, 1), 2.5 * free[0]))
    assert (outcome.executed.frames[0, 0] == [5, 20, 20]).all()


def test_ten_thousand_random_steps_keep_the_physics(draw):
    """No executed offload has a secrecy rate below 0, no battery falls below 0, and no energy comes from nowhere."""
    random, checked = np.random.default_rng(0), 0
    for size in ("small", "small-scarce"):
        instances = [draw(seed, size, slots=50, attack=("weak", "moderate", "strong")[seed % 3]) for seed in range(20)] * 5
        task = Task()
        task.reset(instances)
        while not (last := task.step(random.uniform(-1, 1, (100, 5, 15)))).terminated.all():
            pass
        assert last.metrics["guarded"].any()
        for instance, solution in zip(instances, task.solutions(), strict=True):
            offload, power = (np.swapaxes(array, 0, 1) for array in (solution.offload, solution.power))
            made = instance.channels
            rate = physics.uplink_rate(120e6, power * made.gain, made.noise, physics.interference(offload, power * made.gain))
            jam = physics.interference(offload, power * made.eavesdropper_least)
            heard = physics.eavesdropping_rate(120e6, power * made.eavesdropper_most, made.eavesdropper_noise, jam)
            assert (rate > heard)[offload].all()
            verdict = evaluate(instance, solution)
            assert verdict.violations["battery"].absolute == 0.0
            assert verdict.violations["secrecy"].absolute == 0.0
            assert verdict.metrics["least_battery_j"] >= 0.0
            spent = verdict.metrics["mean_energy_j"] * instance.devices * instance.slots
            assert spent <= instance.battery.sum() + instance.harvest.sum()
            checked += instance.slots
    assert checked == 10_000


def test_batch_of_one_equals_a_batch_of_many(instances):
    """Padding and neighbours change nothing, bit for bit: observations, rewards, costs, metrics and solutions."""
    batch, single = Task(see_eve=True), Task(see_eve=True)
    together = play(batch, instances)
    solutions = batch.solutions()
    for row, instance in enumerate(instances):
        alone, rows = single.reset([instance]), slice(0, instance.devices)
        for observation, action, expected in together[: instance.slots]:
            assert (alone["agents"][0] == observation["agents"][row, rows]).all()
            assert (alone["mask"][0] == observation["mask"][row, rows]).all()
            assert (alone["shared"][0] == observation["shared"][row]).all()
            step = single.step(action[row : row + 1, rows])
            assert (step.reward[0] == expected.reward[row, rows]).all()
            assert (step.cost[0] == expected.cost[row, rows]).all()
            assert step.terminated[0] == expected.terminated[row]
            for name, values in step.metrics.items():
                np.testing.assert_array_equal(values[0], expected.metrics[name][row])
            alone = step.observation
        assert single.solutions()[0] == solutions[row]
        for observation, _, step in together:
            blocks = observation["agents"], observation["mask"], step.reward, step.cost
            assert not any(block[row, instance.devices :].any() for block in blocks)


def test_who_has_ended_waits_unpaid(instances):
    """Shorter episodes stay terminated, show nothing, earn nothing, and keep their metrics and solution."""
    record = play(Task(), instances)
    assert len(record) == max(instance.slots for instance in instances)
    for row, instance in enumerate(instances):
        for slot, (observation, _, step) in enumerate(record):
            assert step.terminated[row] == (slot + 1 >= instance.slots)
            if slot >= instance.slots:
                assert not any(block[row].any() for block in (*observation.values(), step.reward, step.cost))
                before = record[slot - 1][2].metrics
                assert all(np.array_equal(values[row], before[name][row], equal_nan=True) for name, values in step.metrics.items())


@pytest.mark.parametrize("flags", FLAGS)
def test_nothing_of_the_future_is_shown(draw, flags):
    """Another future changes no bit of what is observed before it, and `static` knows no trace."""
    instance, other = (draw(seed, "small-scarce", slots=5) for seed in (0, 1))
    task = Task(**flags)
    record = play(task, [instance])
    static = task.static()
    trace = ("gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest")
    assert not set(trace) & set(static)
    for slot in range(1, instance.slots):
        changed = {name: np.concatenate((getattr(instance, name)[:, :slot], getattr(other, name)[:, slot:]), axis=1) for name in trace}
        seen = play(task, [Instance.model_validate(instance.model_dump() | changed)])
        assert all((values == static[name]).all() for name, values in task.static().items())
        for (before, _, _), (after, _, _) in zip(record[:slot], seen[:slot], strict=True):
            assert all(before[name].tobytes() == after[name].tobytes() for name in before)
        assert (record[slot][0]["agents"] != seen[slot][0]["agents"]).any()


def test_the_eavesdropper_is_seen_only_with_the_flag(draw):
    """Estimates change no observation but that of the ablation, and the true gain changes none."""
    instance = draw(0, "small", slots=5)
    louder = {"eavesdropper_estimate": np.clip(instance.eavesdropper_estimate + 0.3, None, instance.eavesdropper_gain + 1)}
    nearer = {"eavesdropper_gain": np.clip(instance.eavesdropper_gain + 0.01, None, instance.eavesdropper_estimate + 1)}
    nearer["eavesdropper_gain"] = np.minimum(nearer["eavesdropper_gain"], instance.eavesdropper_gain_law)
    for change, see_eve, differs in ((louder, False, False), (louder, True, True), (nearer, True, False)):
        twin = Instance.model_validate(instance.model_dump() | change)
        first, second = (Task(see_eve=see_eve).reset([one])["agents"] for one in (instance, twin))
        assert (first != second).any() == differs


@pytest.mark.parametrize("flags", FLAGS)
def test_observations_are_what_the_layout_says(instances, flags):
    """All within [0, 1], and back in natural units what the instance and the decisions say."""
    task = Task(**flags)
    record = play(task, instances)
    space, layout = task.observation_space(instances), Layout.of(task.static(), **flags)
    solutions, static = task.solutions(), task.static()
    for slot, (observation, _, _) in enumerate(record):
        seen = layout.see(observation, static)
        for row, (instance, solution) in enumerate(zip(instances, solutions, strict=True)):
            assert space.contains({name: values[row].astype(space[name].dtype) for name, values in observation.items()})
            if slot >= instance.slots:
                continue
            rows = slice(0, instance.devices)
            np.testing.assert_allclose(seen.gain[row, rows], instance.gain[:, slot])
            np.testing.assert_allclose(seen.harvest[row, rows], instance.harvest[:, slot])
            level = instance.battery
            for before in range(slot):
                shown = evaluate(instance, solution)
                assert shown.violations["battery"].absolute == 0.0
                level = physics.battery_after(instance.capacity, level, record[before][2].cost[row, rows], instance.harvest[:, before])
            np.testing.assert_allclose(seen.battery[row, rows], level)
            if flags.get("see_eve"):
                np.testing.assert_allclose(seen.estimate[row, rows], instance.eavesdropper_estimate[:, slot])
            if not flags.get("paper_obs"):
                assert seen.slot[row] == slot
                last = solution.frames[:, slot - 1] if slot else np.zeros((instance.devices, 3))
                np.testing.assert_allclose(seen.last_frames[row, rows], last)
                agents = observation["agents"][row, rows]
                if slot:
                    side = 0.988 - 4.469 * np.exp(-np.array([320, 1080]) / 200)
                    mean = (0.988 - 4.469 * np.exp(-solution.resolution[:, :slot] / 200)).mean(axis=1)
                    np.testing.assert_allclose(agents[:, layout.block("accuracy")], (mean - side[0]) / (side[1] - side[0]), atol=1e-12)
                    f = solution.frames[:, :slot]
                    before = np.concatenate((f[:, :1], f[:, :-1]), axis=1)
                    mean = (f / 30 * (1 - np.abs(f - before) / before)).mean(axis=1)
                    np.testing.assert_allclose(agents[:, layout.block("smoothness")], (mean + 4) / 5, atol=1e-12)
                else:
                    assert not agents[:, layout.block("accuracy")].any()


def test_ranges_of_nothing_are_observed_as_numbers(draw):
    """One frame rate, one resolution and no harvest are instances too; nothing is divided by nothing."""
    instance = draw(0, "small-scarce", frames=10, resolution=400, harvest_spread=0.0, slots=3, most_power=0.05)
    task = Task(see_eve=True)
    space = task.observation_space([instance])
    for observation, _, step in play(task, [instance]):
        for block in (observation["agents"], observation["shared"]):
            assert ((block >= 0.0) & (block <= 1.0)).all()
        assert space["agents"].contains(step.observation["agents"][0])


def test_any_plan_is_replayed_exactly(draw, feasible):
    """A solver's plan passes through the task unchanged, so agents and solvers are scored on one scale, to 1e-9."""
    instances = [draw(seed, "small-scarce" if seed % 2 else "small", continuous_frames=True) for seed in range(8)]
    plans = [feasible(instance, seed) for seed, instance in enumerate(instances)]
    assert sum(plan.offload.sum() for plan in plans) > 20
    for strict in (False, True):
        task = Task(strict=strict)
        task.reset(instances)
        while not (step := task.step(task.action(plans))).terminated.all():
            pass
        for row, (instance, plan, again) in enumerate(zip(instances, plans, task.solutions(), strict=True)):
            verdict = evaluate(instance, plan)
            assert verdict.feasible
            assert step.metrics["objective"][row] == pytest.approx(verdict.objective, rel=1e-9)
            assert evaluate(instance, again).objective == pytest.approx(verdict.objective, rel=1e-9)
            np.testing.assert_array_equal(again.offload, plan.offload)
            np.testing.assert_allclose(again.frames, plan.frames, rtol=1e-12)


def test_what_was_played_is_replayed(instances):
    """A policy's own solution, repaired and guarded, gives the same rewards again, and needs neither repair nor guard."""
    origin, task = Task(), Task()
    record = play(origin, instances, seed=3)
    assert record[-1][2].metrics["guarded"].any()
    solutions = origin.solutions()
    assert any((solution.requested & ~solution.offload).any() for solution in solutions)
    task.reset(instances)
    for _, _, expected in record:
        step = task.step(task.action(solutions))
        np.testing.assert_allclose(step.reward, expected.reward, rtol=1e-9, atol=1e-12)
    assert not step.metrics["guarded"].any()
    for before, after in zip(solutions, task.solutions(), strict=True):
        np.testing.assert_array_equal(before.offload, after.offload)
        np.testing.assert_array_equal(after.requested, after.offload)


def test_actions_reach_every_bound(draw):
    """-1 and 1, or the first and last choice, are the ends of each range; an offload is asked above 0."""
    instance = draw(0, "small", devices=3, slots=2, capacity=100.0)  # so that nothing falls back
    for actions, ends in (("hybrid", (-1.0, 1.0)), ("discrete", (0.0, [1, 25, 15, 7, 7]))):
        task = Task(actions=actions)
        for end, value in zip(("least", "most"), ends, strict=True):
            task.reset([instance])
            for _ in range(2):
                task.step(np.broadcast_to(np.broadcast_to(value, (3, 5)).ravel(), (1, 3, 15)))
            played = task.solutions()[0]
            assert played.requested.all() == (end == "most")
            for name in ("frames", "resolution"):
                assert (getattr(played, name) == getattr(instance, f"{end}_{name}")).all()
            for name in ("frequency", "power"):
                bound = getattr(instance, f"{end}_{name}")
                np.testing.assert_allclose(getattr(played, name)[:, 0], np.broadcast_to(bound, 3)[:, None] + np.zeros((3, 3)), rtol=1e-15)


def test_discrete_actions_are_the_stated_grid(draw):
    """2 x 26 x 16 x 8 x 8 choices; replaying a played solution takes the same ones again."""
    instance = draw(0, "small", devices=3, slots=4, capacity=100.0)
    task = Task(actions="discrete")
    space = task.action_space([instance])
    assert space.nvec.reshape(3, 3, 5).tolist() == [[[2, 26, 16, 8, 8]] * 3] * 3
    assert tuple(LEVELS) == DECISIONS[2:]
    record = play(task, [instance])
    played = task.solutions()
    assert np.unique(played[0].resolution).size <= 16
    assert set(np.unique(played[0].frames)) <= set(range(5, 31))
    task.reset([instance])
    for _, action, step in record:
        again = task.action(played)
        np.testing.assert_array_equal(again.reshape(-1, 5)[:, 1:], action.reshape(-1, 5)[:, 1:])
        np.testing.assert_allclose(task.step(again).reward, step.reward, rtol=1e-12)


def test_strict_under_the_average_limit_may_spend_unevenly(draw):
    """What counts is the sum over the slots: one slot may exceed the limit, the sum never does."""
    instances = [draw(seed, "small", limit="average", slots=6) for seed in range(4)]
    task = Task(strict=True)
    record = play(task, instances)
    spent = np.array([step.cost for _, _, step in record])
    limit = instances[0].energy_limit
    assert (spent > limit).any()
    assert (spent.sum(axis=0) <= 6 * limit * (1 + 1e-12)).all()


def test_an_action_that_means_nothing_is_refused(draw):
    """Misshapen arrays, no numbers and choices that do not exist are errors that say what was expected."""
    instance = draw(0, "small", devices=2)
    task = Task()
    with pytest.raises(RuntimeError, match="expected a reset"):
        task.step(np.zeros((1, 2, 15)))
    task.reset([instance])
    with pytest.raises(ValueError, match=r"expected an action of shape \[1, 2, 15\], found \[1, 2, 3\]"):
        task.step(np.zeros((1, 2, 3)))
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="expected finite numbers"):
            task.step(np.full((1, 2, 15), bad))
    task = Task(actions="discrete")
    task.reset([instance])
    for bad in (-1.0, 0.5, 2.0, np.nan):
        with pytest.raises(ValueError, match="expected whole numbers from 0"):
            task.step(np.full((1, 2, 15), bad))


def test_episodes_end_once_and_batches_agree(draw, instances):
    """No step after the end, no solution before it, no batch of instances that cannot be stepped together."""
    task = Task()
    task.reset(instances)
    with pytest.raises(RuntimeError, match="found them in slot 0 of 6"):
        task.solutions()
    record = play(task, instances)
    with pytest.raises(RuntimeError, match="the episodes are over"):
        task.step(record[-1][1])
    for different, what in (({"chunks": 2}, "chunks"), ({"limit": "average"}, "limit"), ({"continuous_frames": True}, "continuous_frames")):
        with pytest.raises(ValueError, match=f"agree in {what}"):
            task.reset([draw(0, "small"), draw(0, "small", **different)])


@pytest.mark.parametrize("options", [*FLAGS, {"actions": "discrete"}, {"strict": True}])
def test_gymnasium_view_passes_the_checker(instances, options, monkeypatch):
    """The view is a Gymnasium environment by Gymnasium's own judgement, for episodes of different size at once."""
    monkeypatch.setattr("mecbench.problems.cmg.Task", lambda reward: Task(reward, **options))
    check_env(GymnasiumView("cmg", instances), skip_render_check=True)


def test_gymnasium_view_pays_what_the_evaluator_says(instances):
    """Joint actions on a chosen instance earn its objective."""
    view = GymnasiumView("cmg", instances)
    view.action_space.seed(0)
    _, info = view.reset(seed=3, options={"instance": 2})
    assert info["instance"] == 2
    paid, terminated = 0.0, False
    while not terminated:
        _, reward, terminated, truncated, info = view.step(view.action_space.sample())
        paid += reward
        assert not truncated
    solution = view.solution()
    assert isinstance(solution, Solution)
    assert paid == pytest.approx(evaluate(instances[2], solution).objective, rel=1e-9)
    assert info["objective"] == pytest.approx(paid, rel=1e-9)
