"""The task of P1: the evaluator's physics, one answer at a time, nothing of the future, the same at any batch size."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mecbench.problems.p1 import Instance, Parameters, Solution, Task, evaluate, generate
from mecbench.problems.p1.graph import LAYER_FEATURES, graph
from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import ASKED, NODE_FEATURES, OVER, TASK_FEATURES, Layout
from mecbench.problems.p1.worlds import known as known_worlds
from mecbench.problems.views import GymnasiumView

BLOCKS = ("phase", "asked", "mask", "nodes", "agents", "shared")


def world(seed: int = 0, **changes: object) -> Instance:
    """Six devices, few subcarriers, tasks in three slots."""
    return generate(Parameters.model_validate({"devices": 6, "subcarriers": 3} | changes), seed)


@pytest.fixture(scope="module")
def worlds() -> list[Instance]:
    """Worlds that differ in everything, numbers of tasks and profile included; in two of them a block must fit into its slot."""
    changes = (
        {},
        {"profile": "literal"},
        {"arrival_rate": 0.1},
        {"slot_fit": True, "deadline": 9.0},
        {"subcarriers": 1},
        {"slot_fit": True},
    )
    return [world(seed, **change) for seed, change in enumerate(changes)]


def answer(layout: Layout, observation: dict, random: np.random.Generator) -> np.ndarray:
    """Any admissible answers, blocks most often."""
    action = layout.empty(observation)
    empty, block = layout.empty_mask(observation), layout.block_mask(observation)
    for row in np.flatnonzero(observation["phase"] == ASKED):
        blocks, nodes = np.argwhere(block[row]), np.flatnonzero(empty[row])
        if len(blocks) and random.random() < 0.8:
            node, layer, share = blocks[random.integers(len(blocks))]
            action[row, :3] = node, layer + 1, share + 1
        else:
            action[row, 0] = random.choice(nodes)
    return action


def play(task: Task, instances: list[Instance], seed: int = 0) -> list[tuple[dict, np.ndarray, object]]:
    """Play random admissible answers; gives observation, action and step of every answer."""
    random = np.random.default_rng(seed)
    observation = task.reset(instances)
    layout = Layout.of(task.static(), task.forecast)
    record = []
    while True:
        action = answer(layout, observation, random)
        step = task.step(action)
        record.append((observation, action, step))
        observation = step.observation
        if step.terminated.all():
            return record


def rows(observation: dict, row: int) -> dict[str, np.ndarray]:
    """Columns of the tasks of one episode by name."""
    return {name: observation["agents"][row, :, column] for column, name in enumerate(TASK_FEATURES)}


@pytest.mark.parametrize("reward", ["objective", "paper"])
def test_rewards_sum_to_the_evaluators_objective(worlds, reward):
    """The undiscounted return is minus the objective, so that returns and bounds are on one scale; (13) says the same."""
    for seed in range(3):
        task = Task(reward)
        record = play(task, worlds, seed)
        returns = sum(task.joint(step.reward) for _, _, step in record)
        for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
            verdict = evaluate(instance, solution)
            assert verdict.feasible
            assert returns[row] == pytest.approx(-verdict.objective, rel=1e-9)
        assert not any(step.cost.any() for _, _, step in record)


def test_accounting_is_the_evaluators(worlds):
    """Every metric under the evaluator's name is the evaluator's; some tasks are completed by several nodes and some are lost."""
    task = Task()
    last = play(task, worlds)[-1][2]
    lost = together = 0
    for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
        verdict = evaluate(instance, solution)
        said = {name: values[row] for name, values in last.metrics.items() if name != "refused"}
        assert said == pytest.approx(
            {"objective": verdict.objective} | {n: verdict.metrics.get(n, 0.0) for n in said if n != "objective"}, rel=1e-9
        )
        assert last.metrics["refused"][row] == 0
        lost += solution.fail.sum()
        together += verdict.metrics["collaborations"]
    assert lost > 3
    assert together > 3


def test_each_answer_is_paid_what_it_costs(worlds):
    """Rewards come with their answers, and the penalty in the slot in which a task is lost."""
    task = Task()
    record = play(task, worlds)
    for row, (instance, solution) in enumerate(zip(worlds, task.solutions(), strict=True)):
        for observation, _, step in record:
            if observation["phase"][row] == OVER:
                assert step.reward[row] == 0.0
                continue
            q, k = int(observation["asked"][row]), int(observation["shared"][row, 0])
            k -= int(instance.release[q])
            n, behind = (int(solution.node[q, k - 1]), int(solution.layers_done[q, k - 1])) if k else (int(instance.source[q]), 0)
            m, j, x = int(solution.node[q, k]), int(solution.layers_done[q, k]), int(solution.share[q, k])
            seconds = instance.output_bits[behind] / instance.rate[n, m] if m != n else 0.0
            energy = instance.transmission_power * seconds
            if j > behind:
                cycles, rate = instance.layer_cycles[behind:j].sum(), instance.frequency[m] * x / 100
                seconds += cycles / rate
                energy += instance.energy_coefficient[m] * cycles * rate**2
            due = instance.energy_weight * energy + instance.delay_weight * seconds
            due += instance.penalty if k == instance.window - 1 and j < instance.layers else 0.0
            assert step.reward[row, 0] == pytest.approx(-due, rel=1e-12)


def test_tasks_are_asked_by_slots_left_and_then_by_number(worlds):
    """In every slot every active task is asked once: who has least time first."""
    task = Task()
    record = play(task, worlds)
    for row, instance in enumerate(worlds):
        asked = [(int(o["shared"][row, 0]), int(o["asked"][row])) for o, _, _ in record if o["phase"][row] == ASKED]
        expected = []
        solution = task.solutions()[row]
        for t in range(instance.slots):
            due = []
            for q, release in enumerate(instance.release):
                k = t - release
                if 0 <= k < instance.window and (k == 0 or solution.layers_done[q, k - 1] < instance.layers):
                    due.append((instance.window - k, q))
            expected += [(t, q) for _, q in sorted(due)]
        assert asked == expected


def admissible(instance: Instance, observation: dict, row: int, used: np.ndarray, hops: int, seconds: float):
    """The rules of masks in plain Python: admissible nodes without a block, and largest and least share by node and end layer."""
    q = int(observation["asked"][row])
    column = {name: values[q] for name, values in rows(observation, row).items()}
    t, n, behind, last = int(observation["shared"][row, 0]), int(column["node"]), int(column["layers_done"]), column["slots_left"] == 1
    fastest = instance.frequency.max()
    empty, shares = [], {}
    for m in range(instance.nodes):
        if m != n and not (instance.link[n, m] and hops < instance.subcarriers):
            continue
        hop = instance.output_bits[behind] / instance.rate[n, m] if m != n else 0.0
        if hop > instance.slot_seconds + 1e-9:
            continue
        rest = instance.layer_cycles[behind:].sum() / fastest
        if m == n or (not last and seconds + hop + rest <= instance.deadline + 1e-9):
            empty.append(m)
        for j in range(instance.layers if last else behind + 1, instance.layers + 1):
            cycles, rest = instance.layer_cycles[behind:j].sum(), instance.layer_cycles[j:].sum() / fastest
            good = []
            for x in range(1, int(instance.availability[m, t] - used[m]) + 1):
                run = cycles / (instance.frequency[m] * x / 100)
                if seconds + hop + run + rest <= instance.deadline + 1e-9 and hop + run <= instance.slot_seconds + 1e-9:
                    good.append(x)
            if good:
                shares[m, j] = good
    return empty, shares


def test_masks_are_the_rules(worlds):
    """Link, free subcarrier, more layers, last slot, what is left of a node, a deadline still within reach; idling is never masked."""
    task = Task()
    record = play(task, worlds, 5)
    layout = Layout.of(task.static())
    checked = restricted = 0
    for row, instance in enumerate(worlds):
        used, hops, seconds, slot = np.zeros(instance.nodes, dtype=int), 0, {}, -1
        for observation, action, _ in record:
            if observation["phase"][row] == OVER:
                assert not any(observation[name][row].any() for name in BLOCKS)
                continue
            if observation["shared"][row, 0] != slot:
                slot, used, hops = int(observation["shared"][row, 0]), np.zeros(instance.nodes, dtype=int), 0
            q = int(observation["asked"][row])
            n = int(rows(observation, row)["node"][q])
            behind = int(rows(observation, row)["layers_done"][q])
            empty, shares = admissible(instance, observation, row, used, hops, seconds.get(q, 0.0))
            assert np.flatnonzero(layout.empty_mask(observation)[row]).tolist() == empty
            assert n in empty
            block = layout.block_mask(observation)[row]
            assert {(int(m), int(j) + 1) for m, j in np.argwhere(block.any(axis=2))} == set(shares)
            for (m, j), good in shares.items():
                assert (np.flatnonzero(block[m, j - 1]) + 1).tolist() == good
                restricted += good[0] > 1
                checked += 1
            m, j, x, _ = action[row].tolist()
            hop = instance.output_bits[behind] / instance.rate[n, m] if m != n else 0.0
            run = instance.layer_cycles[behind:j].sum() / (instance.frequency[m] * x / 100) if j else 0.0
            seconds[q] = seconds.get(q, 0.0) + hop + run
            used[m] += x
            hops += m != n
    assert checked > 500
    assert restricted > 100


@pytest.mark.parametrize("forecast", [False, True])
def test_observations_are_what_the_spec_lists(worlds, forecast):
    """Nodes, tasks and shared figures, recomputed from the instance and the decisions."""
    task = Task(forecast=forecast)
    record = play(task, worlds, 2)
    layout, solutions = Layout.of(task.static(), forecast), task.solutions()
    for row, (instance, solution) in enumerate(zip(worlds, solutions, strict=True)):
        for observation, _, _ in record:
            if observation["phase"][row] == OVER:
                continue
            t, asked = int(observation["shared"][row, 0]), int(observation["asked"][row])
            at, done = instance.source.copy(), np.zeros(instance.tasks, dtype=int)
            seconds, used, last_load = np.zeros(instance.tasks), np.zeros(instance.nodes, dtype=int), np.zeros(instance.nodes, dtype=int)
            hops = 0
            for q, release in enumerate(instance.release):
                for k in range(min(t - release + (q < asked), instance.window)):
                    m, j = int(solution.node[q, k]), int(solution.layers_done[q, k])
                    if m != at[q]:
                        seconds[q] += instance.output_bits[done[q]] / instance.rate[at[q], m]
                        hops += release + k == t
                    if j > done[q]:
                        seconds[q] += instance.layer_cycles[done[q] : j].sum() / (instance.frequency[m] * solution.share[q, k] / 100)
                    if release + k == t:
                        used[m] += solution.share[q, k]
                    if release + k == t - 1:
                        last_load[m] += solution.share[q, k]
                    at[q], done[q] = m, j
            window_over = (t - instance.release >= instance.window) | (
                (t - instance.release == instance.window - 1) & (np.arange(instance.tasks) < asked)
            )
            active = (instance.release <= t) & (done < instance.layers) & ~window_over
            count = int((instance.release <= t).sum())
            expected = np.stack(
                [
                    np.ones(instance.tasks),
                    np.arange(instance.tasks) >= asked,
                    instance.source,
                    at,
                    done,
                    instance.window - t + instance.release,
                    instance.deadline - seconds,
                ],
                axis=1,
            )
            expected = (expected * active[:, None])[:count]
            assert observation["agents"][row, :count] == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert not observation["agents"][row, count:].any()
            rho = instance.availability[:, t]
            nodes = observation["nodes"][row]
            columns = [
                instance.frequency / 1e10,
                np.arange(instance.nodes) == SERVER,
                rho / 100,
                (rho - used) / 100,
                last_load / 100,
                instance.distance[SERVER] / 100,
                np.bincount(at[active], minlength=instance.nodes),
            ]
            assert nodes[:, : len(NODE_FEATURES)] == pytest.approx(np.stack(columns, axis=1), rel=1e-12)
            shown = instance.availability[:, t : t + instance.window]
            if forecast:
                later = np.zeros((instance.nodes, instance.window - 1))
                later[:, : shown.shape[1] - 1] = shown[:, 1:]
                assert nodes[:, len(NODE_FEATURES) :] == pytest.approx(later / 100, rel=1e-12)
                assert (layout.availability(observation)[row, :, : shown.shape[1]] == shown).all()
            else:
                assert nodes.shape[1] == len(NODE_FEATURES)
            assert (layout.free(observation)[row] == rho - used).all()
            shared = [t, 1 - hops / instance.subcarriers, active.sum(), instance.arrival_rate]
            assert observation["shared"][row] == pytest.approx(np.array(shared), rel=1e-12)


@pytest.mark.parametrize("forecast", [False, True])
def test_nothing_of_the_future_is_shown(forecast):
    """Other coming tasks, in other numbers, and other coming loads change no bit of what is observed before, not even its shape."""
    instance, other = world(1), world(2)
    task = Task(forecast=forecast)
    record = play(task, [instance])
    static = task.static()
    assert not {"availability", "source", "release"} & set(static)
    differ = 0
    for slot in range(1, instance.slots):
        before, after = instance.release < slot, other.release >= slot
        twin = instance.model_dump() | {
            name: np.concatenate((getattr(instance, name)[before], getattr(other, name)[after])) for name in ("source", "release")
        }
        known = slot + (instance.window - 1 if forecast else 0)
        loads = np.concatenate((instance.availability[:, :known], other.availability[:, known:]), axis=1)
        seen = play(task, [Instance.model_validate(twin | {"availability": loads})])
        assert all((values == static[name]).all() for name, values in task.static().items())
        first = [n for n, (observation, _, _) in enumerate(record) if observation["shared"][0, 0] < slot][-1] + 1
        for (one, _, _), (two, _, _) in zip(record[:first], seen[:first], strict=True):
            for name in BLOCKS:
                assert one[name].shape == two[name].shape
                assert one[name].tobytes() == two[name].tobytes()
        differ += first < min(len(record), len(seen)) and any(
            record[first][0][name].tobytes() != seen[first][0][name].tobytes() for name in BLOCKS
        )
    assert differ > 1


def test_batch_of_one_equals_a_batch_of_many(worlds):
    """Neighbours change nothing, bit for bit, whenever they end: observations, rewards, metrics and solutions."""
    batch, single = Task(forecast=True), Task(forecast=True)
    together = play(batch, worlds)
    solutions = batch.solutions()
    lengths = set()
    for row, instance in enumerate(worlds):
        alone, over = single.reset([instance]), False
        for number, (observation, action, expected) in enumerate(together):
            if over:  # waits: nothing is shown, paid or changed
                assert not any(observation[name][row].any() for name in BLOCKS)
                assert expected.terminated[row]
                assert expected.reward[row] == 0
                assert all(values[row] == together[number - 1][2].metrics[name][row] for name, values in expected.metrics.items())
                continue
            shown = alone["agents"].shape[1]
            assert (alone["agents"][0] == observation["agents"][row, :shown]).all()
            assert not observation["agents"][row, shown:].any()
            assert all((alone[name][0] == observation[name][row]).all() for name in BLOCKS if name != "agents")
            step = single.step(action[row : row + 1])
            assert (step.reward[0] == expected.reward[row]).all()
            assert step.terminated[0] == expected.terminated[row]
            assert all(values[0] == expected.metrics[name][row] for name, values in step.metrics.items())
            alone, over = step.observation, bool(step.terminated[0])
            lengths |= {number} if over else set()
        assert over
        assert single.solutions()[0] == solutions[row]
    assert len(lengths) > 3


@pytest.mark.parametrize("seed", range(40))
def test_any_solution_is_replayed_exactly(draw, feasible, seed):
    """A solution of any origin passes through the task unchanged, subcarriers included, and is paid its objective."""
    instance = draw(seed)
    solution = feasible(instance, seed)
    nothing = {"node": instance.source[:, None], "layers_done": 0, "share": 0, "subcarrier": 0}
    given_up = solution.fail[:, None]
    fields = {name: np.where(given_up, value, getattr(solution, name)) for name, value in nothing.items()}
    rotated = np.where(fields["subcarrier"] > 0, instance.subcarriers + 1 - fields["subcarrier"], 0)  # not the lowest first
    solution = Solution(fail=solution.fail, **(fields | {"subcarrier": rotated}))
    task = Task()
    task.reset([instance])
    paid = 0.0
    while True:
        step = task.step(task.action([solution]))
        paid += step.reward[0, 0]
        if step.terminated[0]:
            break
    verdict = evaluate(instance, solution)
    assert verdict.feasible
    assert step.metrics["refused"][0] == 0
    assert task.solutions()[0] == solution
    assert paid == pytest.approx(-verdict.objective, rel=1e-9)


def test_any_play_of_any_world_is_feasible(draw):
    """Masks admit no answer that breaks a constraint, in worlds where links are rare, time is short and capacity may be none."""
    for seed in range(60):
        instance, task = draw(seed, tasks=(1, 12)), Task()
        record = play(task, [instance], seed)
        verdict = evaluate(instance, task.solutions()[0])
        assert verdict.feasible
        assert sum(step.reward[0, 0] for _, _, step in record) == pytest.approx(-verdict.objective, rel=1e-9)


def test_what_the_mask_does_not_admit_idles(worlds):
    """An answer against the mask changes nothing but its count; a subcarrier that is taken is no subcarrier."""
    instance = worlds[0]
    task = Task()
    observation = task.reset([instance])
    layout = Layout.of(task.static())
    mask = layout.block_mask(observation)[0]
    node, layer = np.argwhere(~mask.any(axis=2))[0]
    step = task.step(np.array([[node, layer + 1, 50, 0]]))
    assert step.metrics["refused"][0] == 1
    assert step.reward[0, 0] == 0.0
    assert (step.observation["nodes"][0, :, 3] == step.observation["nodes"][0, :, 2]).all()
    task = Task()
    task.reset([instance])
    space = task.action_space([instance])
    space.seed(0)
    while not (step := task.step(space.sample()[None])).terminated.all():
        pass
    assert step.metrics["refused"][0] > 0
    assert evaluate(instance, task.solutions()[0]).feasible

    pair = world(arrival_rate=3.0)
    observation = task.reset([pair])
    neighbour = {q: np.flatnonzero(pair.link[pair.source[q]])[0] for q in range(2)}
    assert (pair.release[:2] == 0).all()
    task.step(np.array([[neighbour[0], 0, 0, 2]]))
    step = task.step(np.array([[neighbour[1], 0, 0, 2]]))
    assert step.metrics["refused"][0] == 1
    assert step.metrics["hops"][0] == 1


def test_an_action_that_means_nothing_is_refused_with_a_word(worlds):
    """Numbers that do not exist and misshapen arrays are errors that say what was expected; nothing is done with them."""
    task = Task()
    with pytest.raises(RuntimeError, match="expected a reset"):
        task.step(np.zeros((1, 4), dtype=int))
    observation = task.reset(worlds[:1])
    for bad in (np.zeros((1, 4)), np.zeros((2, 4), dtype=int), np.zeros((1, 1, 4), dtype=int)):
        with pytest.raises(ValueError, match="expected an action of integers of shape"):
            task.step(bad)
    for column, bad in ((0, 7), (1, 9), (2, 101), (3, 4), (0, -1), (1, -1), (2, -1), (3, -1)):
        action = Layout.of(task.static()).empty(observation)
        action[0, column] = bad
        with pytest.raises(ValueError, match="expected nodes from 0 to 6, layers from 0 to 8"):
            task.step(action)


def test_episodes_end_once_and_batches_agree(worlds):
    """No step after the end, no solution before it, no batch of worlds that cannot be stepped together."""
    task = Task()
    task.reset(worlds)
    with pytest.raises(RuntimeError, match="found episode 0 in slot"):
        task.solutions()
    record = play(task, worlds)
    assert [step.terminated.all() for _, _, step in record].count(True) == 1
    assert not any(step.truncated.any() for _, _, step in record)
    with pytest.raises(RuntimeError, match="the episodes are over"):
        task.step(np.zeros((len(worlds), 4), dtype=int))
    for different, what in ((world(devices=5), "nodes"), (world(window=2), "window")):
        with pytest.raises(ValueError, match=f"agree in {what}"):
            task.reset([world(), different])


def test_what_is_known_serves_as_an_instance(worlds):
    """Planners price plans in the world they are told, which is the instance's but for its trace."""
    task = Task()
    task.reset(worlds)
    for told, instance in zip(known_worlds(task.static()), worlds, strict=True):
        trace = {name: getattr(told, name) for name in ("availability", "source", "release")}
        assert told == Instance.model_validate(instance.model_dump() | trace)
        assert (told.availability[1:] == 55).all()
        assert (told.availability[SERVER] == 100).all()


def test_graph_is_that_of_the_paper(worlds):
    """Union graph of eq. (11): links, order of layers, source and holder; normalised as a GCN wants it."""
    task = Task()
    record = play(task, worlds[:3], 3)
    static = task.static()
    for observation, _, _ in record[:: len(record) // 6]:
        found = graph(static, observation)
        matrix = found.adjacency()
        for row, instance in enumerate(worlds[:3]):
            tasks = observation["agents"].shape[1]
            size = instance.nodes + tasks * instance.layers
            expected = np.eye(size)
            expected[: instance.nodes, : instance.nodes] += instance.link
            column = {name: values.astype(int) for name, values in rows(observation, row).items()}
            for q in np.flatnonzero(column["active"]):
                first = instance.nodes + q * instance.layers
                edges = [(first + i, first + i + 1) for i in range(instance.layers - 1)]
                edges += [(column["source"][q], first), (column["node"][q], first + column["layers_done"][q])]
                for one, two in edges:
                    expected[one, two] = expected[two, one] = 1.0
                features = dict(zip(LAYER_FEATURES, found.layer_features[row, q].T, strict=True))
                assert (features["done"] == (np.arange(instance.layers) < column["layers_done"][q])).all()
                assert np.flatnonzero(features["next"]).tolist() == [column["layers_done"][q]]
                assert features["cycles"] == pytest.approx(instance.layer_cycles / 4.5e8)
                assert features["bits"] == pytest.approx(instance.layer_bits / 1e6)
                assert features["source_frequency"] == pytest.approx(instance.frequency[instance.source[q]] / 1e10)
                assert features["slots_left"] == pytest.approx(column["slots_left"][q] / instance.window)
                assert features["time_left"] == pytest.approx(observation["agents"][row, q, -1] / instance.deadline)
            degree = expected.sum(axis=1)
            assert matrix[row] == pytest.approx(expected / np.sqrt(np.outer(degree, degree)), rel=1e-12)
            assert not found.layer_features[row, column["active"] == 0].any()
            assert (found.rate[row] > 0).tolist() == instance.link.tolist()


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
@pytest.mark.parametrize("forecast", [False, True])
def test_gymnasium_view_passes_the_checker(worlds, forecast):
    """The view is a Gymnasium environment by Gymnasium's own judgement, for worlds of different length at once; it may show loads."""
    view = GymnasiumView("p1", worlds, forecast=forecast)
    check_env(view, skip_render_check=True)
    assert view.observation_space["nodes"].shape[1] == len(NODE_FEATURES) + forecast * (worlds[0].window - 1)


def test_gymnasium_view_pays_what_the_evaluator_says(worlds):
    """Answers on a chosen instance earn minus its objective."""
    view = GymnasiumView("p1", worlds)
    view.action_space.seed(0)
    observation, info = view.reset(seed=3, options={"instance": 3})
    assert info["instance"] == 3
    paid, terminated = 0.0, False
    while not terminated:
        assert view.observation_space.contains(observation)
        observation, reward, terminated, truncated, info = view.step(view.action_space.sample())
        paid += reward
        assert not truncated
    assert paid == pytest.approx(-evaluate(worlds[3], view.solution()).objective, rel=1e-9)
    assert info["objective"] == pytest.approx(-paid, rel=1e-9)
