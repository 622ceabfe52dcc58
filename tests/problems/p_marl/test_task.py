"""The task of P-MARL: the evaluator's physics, decentralised observations, the paper's rewards, the same at any batch size."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import SIZES, Parameters, generate
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.layout import Layout, perception_radius
from mecbench.problems.p_marl.options import options
from mecbench.problems.p_marl.task import Task
from mecbench.problems.views import GymnasiumView

SMALL = {"population": 12, "edges": 3, "area": 0.6, "epochs": 5}


def world(seed: int, **changes) -> Instance:
    """A dozen devices among three edges."""
    return generate(Parameters(**(SMALL | changes)), seed)


@pytest.fixture(scope="module")
def worlds() -> list[Instance]:
    """Worlds of different devices and numbers of them, otherwise alike."""
    return [world(seed, population=population) for seed, population in enumerate((12, 9, 12))]


def play(task: Task, instances, seed: int = 0, anything: bool = False):
    """Play random actions, admissible ones unless anything goes; gives observation, action and step of every epoch."""
    random, record = np.random.default_rng(seed), []
    observation = task.reset(instances)
    while True:
        action = (random.random(observation["mask"].shape) * (observation["mask"] | anything)).argmax(axis=-1)
        step = task.step(action)
        record.append((observation, action, step))
        observation = step.observation
        if step.truncated.all():
            return record


CHOICES = [
    {},
    {"objective": "worst-mean", "discount": 0.7},
    {"drain": "endogenous", "epoch_seconds": 900.0},
    {"divided_switch_cost": True, "switch_cost": 0.3, "latency_limit": None},
]


@pytest.mark.parametrize("changes", CHOICES)
@pytest.mark.parametrize("runtime", ["maxmin", "prop", "equal"])
def test_rewards_and_metrics_are_the_evaluators(changes, runtime):
    """The return is minus the objective and every figure is the evaluator's, whatever the choices of the spec and the runtime."""
    instances = [world(seed, population=population, **changes) for seed, population in enumerate((12, 9))]
    task = Task(runtime=runtime)
    record = play(task, instances, anything=True)
    returns, joint = sum(step.reward for *_, step in record), sum(task.joint(step.reward) for *_, step in record)
    last = record[-1][2].metrics
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        verdict = evaluate(instance, solution)
        assert all(verdict.violations[name].absolute == 0 for name in ("local", "least_share", "capacity"))
        assert returns[row, : instance.devices].min() == pytest.approx(-verdict.objective, rel=1e-9)
        if instance.objective == "mean-worst":
            assert joint[row] == pytest.approx(-verdict.objective, rel=1e-9)
        assert last["objective"][row] == pytest.approx(verdict.objective, rel=1e-9)
        for name in set(last) - {"objective", "rejected"}:
            assert last[name][row] == pytest.approx(verdict.metrics[name], rel=1e-9, abs=1e-12), name
    latency = np.max([step.cost for *_, step in record], axis=0)
    assert latency[0].max() == pytest.approx(evaluate(instances[0], task.solutions()[0]).metrics["largest_latency_ms"], rel=1e-12)


@pytest.mark.parametrize("runtime", ["maxmin", "equal"])
def test_the_paper_s_rewards_are_the_edge_s_optimum_or_the_own_cost(worlds, runtime):
    """With OFR attached devices are paid eq. (4) of their own edge by the exact allocator, whatever it does at run time; else R^m."""
    shaped, own = Task("paper", ofr=True, runtime=runtime), Task("paper", ofr=False, runtime=runtime)
    for (*_, with_oracle), (_, _, without) in zip(play(shaped, worlds), play(own, worlds), strict=True):
        assert with_oracle.metrics["mean_cost"] == pytest.approx(without.metrics["mean_cost"])
    epochs = play(shaped, worlds), play(own, worlds)
    for row, (instance, solution) in enumerate(zip(worlds, own.solutions(), strict=True)):
        previous = instance.previous_edge
        for t in range(instance.epochs):
            choices = options(instance, t, previous)
            edge, cut, held = (getattr(solution, name)[t] for name in ("edge", "cut", "allocation"))
            expected = choices.local.copy()
            mine = choices.local.copy()
            for n in range(1, instance.edges + 1):
                members = np.flatnonzero(edge == n)
                if members.size:
                    a, b = choices.fixed[members, n - 1, cut[members]], choices.shared[cut[members]]
                    expected[members] = (a + b / allocate(a, b, instance.multiprocessors)).max()
                    mine[members] = a + b / held[members]
            paid, unshaped = (epoch[t][2].reward[row, : instance.devices] for epoch in epochs)
            np.testing.assert_allclose(paid, -expected, rtol=1e-12)
            np.testing.assert_allclose(unshaped, -mine, rtol=1e-12)
            previous = edge


def test_four_methods_are_two_booleans(worlds):
    """FOCI, OFR-only, COA-only and IQL differ in what is paid and in whether F^m is shown, and in nothing else."""
    shown, paid = {}, {}
    for ofr in (True, False):
        for coa in (True, False):
            record = play(Task("paper", ofr=ofr, coa=coa), worlds)
            shown[ofr, coa] = np.array([observation["agents"] for observation, *_ in record])
            paid[ofr, coa] = np.array([step.reward for *_, step in record])
    records = Layout.of(worlds[0]).record
    for ofr in (True, False):
        np.testing.assert_array_equal(shown[ofr, True][..., : records.start], shown[ofr, False])
        np.testing.assert_array_equal(paid[ofr, True], paid[ofr, False])
        assert shown[ofr, True][..., records].any()
    assert (paid[True, True] <= paid[False, True] + 1e-12).all()
    assert (paid[True, True] < paid[False, True]).any()


def test_records_are_those_of_the_perception_domain(worlds):
    """F^m is eq. (5): what near edges served in the epoch before as a part of all devices, zero at first, counted one by one."""
    task = Task(perception=300.0)
    record, layout = play(task, worlds), Layout.of(worlds[0])
    partly = 0
    for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
        for t, (observation, *_) in enumerate(record):
            for m in range(instance.devices):
                expected = np.zeros((instance.edges, instance.groups))
                for n in range(instance.edges):
                    near = np.hypot(*(instance.position[t, m] - instance.edge_position[n])) <= 300.0
                    partly += int(near)
                    if near and t:
                        for other in range(instance.devices):
                            if solution.edge[t - 1, other] == n + 1:
                                expected[n, solution.cut[t - 1, other]] += 1 / instance.devices
                found = observation["agents"][row, m, layout.record]
                np.testing.assert_allclose(found, expected.ravel(), atol=1e-15)
    assert 0 < partly < sum(instance.position[..., 0].size for instance in worlds) * 3


def test_own_columns_are_the_device_s_state(worlds):
    """Clock, battery, efficiencies, the edge before and the own cost are those of the instance; masks are the perception domain."""
    task = Task()
    record, layout = play(task, worlds), Layout.of(worlds[0])
    static = task.static()
    assert static["perception_radius"][0] == perception_radius(worlds[0])
    assert static["devices"].tolist() == [12, 9, 12]
    assert not {"position", "shadowing", "battery", "previous_edge"} & set(static)
    for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
        for t, (observation, _, step) in enumerate(record):
            agents = observation["agents"][row, : instance.devices]
            near = instance.distance[t] <= perception_radius(instance)
            np.testing.assert_allclose(agents[:, 0], instance.clock_ratio[t], rtol=1e-12)
            np.testing.assert_allclose(agents[:, layout.efficiency], np.where(near, instance.uplink_rate[t] / 8e6, 0.0), rtol=1e-12)
            before = solution.edge[t - 1] if t else np.full(instance.devices, -1)
            np.testing.assert_array_equal(agents[:, layout.previous], before[:, None] == np.arange(instance.edges + 1))
            mask = observation["mask"][row, : instance.devices]
            np.testing.assert_array_equal(mask[:, 1:].reshape(-1, instance.edges, instance.groups), near[..., None] * np.ones(8, bool))
            assert mask[:, 0].all()
            assert not observation["agents"][row, instance.devices :].any()
            assert not observation["mask"][row, instance.devices :].any()
            assert step.observation["shared"][row].tolist() == [t + 1, instance.epochs - t - 1]


def test_the_mean_field_is_of_the_others_near_by(worlds):
    """The mean action counts what devices within 300 m, but not oneself, did in the epoch before."""
    task = Task(mean_field=True, coa=False)
    record, layout = play(task, worlds), Layout.of(worlds[0], records=False, mean_field=True)
    assert layout.mean_action.stop == record[0][0]["agents"].shape[-1]
    seen = 0
    for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
        for t, (observation, *_) in enumerate(record):
            for m in range(instance.devices):
                expected, count = np.zeros(layout.actions), 0
                for other in range(instance.devices):
                    if t and other != m and np.hypot(*(instance.position[t, m] - instance.position[t, other])) <= 300.0:
                        count += 1
                        expected[layout.encode(solution.edge[t - 1, other], solution.cut[t - 1, other])] += 1
                np.testing.assert_allclose(observation["agents"][row, m, layout.mean_action], expected / max(count, 1), atol=1e-12)
                seen += count
    assert seen


def test_nothing_of_the_future_or_of_others_is_shown():
    """A device's row is the same whatever comes later, and wherever others are or will be; only records carry what they did."""
    instance = world(0)
    data = instance.model_dump()
    later = data | {name: np.concatenate((data[name][:2], data[name][2:][::-1])) for name in ("position", "shadowing")}
    moved = {name: np.array(data[name]) for name in ("position", "shadowing", "battery")}
    moved["position"][:, 1:] = 200.0
    moved["shadowing"][:, 1:] += 3.0
    moved["battery"][1:] = 5.0
    actions = np.random.default_rng(0).integers(0, 25, (5, 1, 12))
    seen = {}
    for name, changed in (("as it is", data), ("later", later), ("others", data | moved)):
        task = Task()
        rows = [task.reset([Instance.model_validate(changed)])["agents"][0]]
        for action in actions:
            action[0, 0] = 0  # what a local device pays depends on nobody
            rows.append(task.step(action).observation["agents"][0])
        seen[name] = np.array(rows)
    np.testing.assert_array_equal(seen["as it is"][:2], seen["later"][:2])
    assert (seen["as it is"][2:] != seen["later"][2:]).any()
    np.testing.assert_array_equal(seen["as it is"][:, 0], seen["others"][:, 0])


def test_batch_of_one_equals_a_batch_of_many(worlds):
    """Rewards, observations and solutions do not depend on who plays beside, to the last bit."""
    random = np.random.default_rng(1)
    actions = random.integers(0, 25, (5, 3, 12))
    together = Task("paper")
    together.reset(worlds)
    steps = [together.step(action) for action in actions]
    for row, instance in enumerate(worlds):
        alone = Task("paper", width=12)
        alone.reset([instance])
        for action, step in zip(actions, steps, strict=True):
            one = alone.step(action[row : row + 1])
            np.testing.assert_array_equal(one.reward[0], step.reward[row])
            np.testing.assert_array_equal(one.observation["agents"][0], step.observation["agents"][row])
        assert alone.solutions()[0] == together.solutions()[row]


def test_more_devices_than_multiprocessors_are_admitted_by_what_they_lose():
    """An edge with L = 4 serves those four that staying local costs most; the others run locally and are counted."""
    instance = world(3, edge_multiprocessors=4, edge_work=180 * 4 / 256)
    task = Task()
    task.reset([instance])
    step = task.step(np.full((1, 12), 1))
    for _ in range(4):
        step = task.step(np.zeros((1, 12), dtype=int))
    solution = task.solutions()[0]
    local = options(instance, 0, None).local
    assert set(np.flatnonzero(solution.edge[0] == 1)) == set(np.argsort(-local)[:4])
    assert step.metrics["rejected"].tolist() == [8]
    assert evaluate(instance, solution).violations["capacity"].absolute == 0


def test_solutions_are_replayed_and_shared_no_worse(worlds, some):
    """Any solution's edges and cuts can be replayed, masked ones included, and max-min sharing never costs an edge more."""
    task = Task()
    task.reset(worlds)
    solutions = [some(instance, seed) for seed, instance in enumerate(worlds)]
    for _ in range(worlds[0].epochs):
        task.step(task.action(solutions))
    for instance, given, played in zip(worlds, solutions, task.solutions(), strict=True):
        np.testing.assert_array_equal(given.edge, played.edge)
        np.testing.assert_array_equal(given.cut, played.cut)
        assert evaluate(instance, played).metrics["mean_worst_cost"] <= evaluate(instance, given).metrics["mean_worst_cost"] + 1e-12


def test_perception_radius_is_where_the_limit_can_just_be_met():
    """The largest distance at which the slowest device meets 24, or 30, frames a second is the spec's."""
    parameters = SIZES["orig-20x3"]
    assert perception_radius(generate(parameters, 0)) == pytest.approx(758, abs=0.5)
    assert perception_radius(generate(parameters.model_copy(update={"latency_limit": 1000 / 30}), 0)) == pytest.approx(659, abs=0.5)
    assert perception_radius(generate(parameters.model_copy(update={"latency_limit": None}), 0)) == np.inf
    assert perception_radius(generate(parameters.model_copy(update={"latency_limit": 0.1}), 0)) == 0.0
    task = Task(perception=np.inf)
    assert task.reset([generate(parameters, 0)])["mask"].all()


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
@pytest.mark.parametrize("options", [{}, {"coa": False, "mean_field": True}])
def test_the_gymnasium_view_passes_its_checker(worlds, options):
    """One instance as an environment with a joint action keeps Gymnasium's rules, and pays -W over an episode."""
    view = GymnasiumView("p-marl", worlds, **options)
    check_env(view, skip_render_check=True)
    view.reset(options={"instance": 1})
    total, over = 0.0, False
    while not over:
        _, reward, terminated, over, _ = view.step(view.action_space.sample())
        assert not terminated
        total += reward
    assert total == pytest.approx(-evaluate(worlds[1], view.solution()).objective, rel=1e-9)


def test_misuse_is_told():
    """Wrong actions, unlike instances, steps before the first reset or after the end are errors in one sentence."""
    task, instance = Task(), world(0)
    with pytest.raises(RuntimeError, match="expected a reset"):
        task.step(np.zeros((1, 12), dtype=int))
    with pytest.raises(ValueError, match="expected instances with equal field switch_cost"):
        task.reset([instance, world(1, switch_cost=0.5)])
    with pytest.raises(ValueError, match="expected instances of 5 epochs and 3 edges, found 4 and 3 in instance 1"):
        task.reset([instance, world(1, epochs=4)])
    task.reset([instance])
    for action, words in ((np.zeros((1, 12)), "integers of shape"), (np.zeros((2, 12), dtype=int), "integers of shape")):
        with pytest.raises(ValueError, match=words):
            task.step(action)
    with pytest.raises(ValueError, match="expected actions from 0 to 24, found 0 to 25"):
        task.step(np.array([[25] + [0] * 11]))
    with pytest.raises(RuntimeError, match="expected the episodes to be over"):
        task.solutions()
    for _ in range(5):
        step = task.step(np.zeros((1, 12), dtype=int))
    assert step.truncated.all()
    assert not step.terminated.any()
    with pytest.raises(RuntimeError, match="the episodes are over"):
        task.step(np.zeros((1, 12), dtype=int))
