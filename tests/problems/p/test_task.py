"""The task of P: the evaluator's physics, three phases, nothing of the future, the same at any batch size."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mecbench.problems.p import SIZES, Instance, Parameters, Solution, Task, evaluate, generate
from mecbench.problems.p.allocation import choices, least_multiplier, polish, split
from mecbench.problems.p.layout import ALLOCATION, ASSOCIATION, DEPLOYMENT, Layout
from mecbench.problems.p.options import of_trace
from mecbench.problems.p.task import FAILURE_REWARD, HIT_WEIGHT, MIGRATION_WEIGHT, OVERRUN_WEIGHT
from mecbench.problems.p.worlds import known
from mecbench.problems.views import GymnasiumView

SMALL = SIZES["small"].model_copy(update={"slots": 5})  # the last interval is cut short


def draw(users: int = 6, seed: int = 0, **changes: object) -> Instance:
    """A small instance of 3 servers, 9 services and 5 slots in intervals of 2."""
    return generate(Parameters.model_validate(SMALL.model_dump() | {"users": users} | changes), seed)


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    """Worlds that differ in everything, numbers of users included."""
    return [draw(users, seed) for seed, users in enumerate((6, 3, 6, 9, 1, 8))]


def decide(layout: Layout, phase: int, random: np.random.Generator, batch: int) -> np.ndarray:
    """Anything at all that the space admits."""
    if phase == DEPLOYMENT:
        return layout.deploy(random.random((batch, layout.servers, layout.services)).round(1))
    users = (batch, layout.users)
    if phase == ASSOCIATION:
        return layout.associate(random.integers(0, layout.servers, users), random.integers(0, layout.cuts, users))
    return layout.allocate(0.01 + random.random(users), 0.01 + random.random(users))


def play(task: Task, instances: list[Instance], seed: int = 0) -> list[tuple[dict, np.ndarray, object]]:
    """Play random decisions; gives observation, action and step of every phase."""
    random = np.random.default_rng(seed)
    observation = task.reset(instances)
    layout = Layout.of(task.static(), task.shows)
    record = []
    while True:
        action = decide(layout, int(observation["phase"][0]), random, len(instances))
        step = task.step(action)
        record.append((observation, action, step))
        observation = step.observation
        if step.terminated.all():
            return record


@pytest.mark.parametrize("multiplier", [0.0, 1.7])
@pytest.mark.parametrize("analytic", [False, True])
def test_rewards_sum_to_the_evaluators_lagrangian(instances, multiplier, analytic):
    """-N (objective + lambda average delay) is what agents are paid, so that returns and bounds are on one scale."""
    task = Task(analytic_allocation=analytic, multiplier=multiplier)
    record = play(task, instances)
    returns = sum(task.joint(step.reward) for _, _, step in record)
    delays = sum(step.cost.sum(axis=1) for _, _, step in record)
    finite = 0
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        verdict = evaluate(instance, solution)
        delay = verdict.metrics["mean_delay_s"]
        price = multiplier * delay if multiplier else 0.0
        assert returns[row] == pytest.approx(-instance.requests * (verdict.objective + price), rel=1e-9)
        assert delays[row] == pytest.approx(instance.requests * delay, rel=1e-9)
        finite += np.isfinite(delay)
    assert finite == len(instances) or (analytic and not multiplier)  # else someone waits for ever for bandwidth


def test_accounting_is_the_evaluators(instances):
    """Every metric under the evaluator's name is the evaluator's, and no action breaks a capacity."""
    task = Task()
    last = play(task, instances)[-1][2]
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        verdict = evaluate(instance, solution)
        said = {name: values[row] for name, values in last.metrics.items()}
        assert said == pytest.approx({"objective": verdict.objective} | {n: verdict.metrics[n] for n in said if n != "objective"}, rel=1e-9)
        assert {name for name, found in verdict.violations.items() if found.relative > 1e-12} <= {"delay"}


def test_paper_rewards_are_those_of_the_paper(instances):
    """(24), (25) and (26), recomputed request by request from the solution."""
    task = Task(reward="paper", multiplier=1.0)
    record = play(task, instances)
    paid = [step.reward for _, _, step in record if step.cost.any()]
    layout = Layout.of(task.static())
    for row, (instance, solution) in enumerate(zip(instances, task.solutions(), strict=True)):
        options = of_trace(instance)
        held = np.zeros((instance.services, instance.servers), dtype=bool)
        hits = np.zeros(instance.servers)
        for slot in range(instance.slots):
            now = solution.deployment[slot // instance.interval]
            if slot % instance.interval == 0:
                new, hits = now & ~held, np.zeros(instance.servers)
            waited: list[list[float]] = [[] for _ in range(instance.servers)]
            for user in range(instance.users):
                server, cut = solution.server[slot, user], solution.cut[slot, user]
                reward = FAILURE_REWARD
                delay = instance.failure_delay
                if now[instance.service[slot, user], server]:
                    upload = options.upload[slot, user, cut] / options.uplink[slot, server, user]
                    traffic = upload + options.download[slot, user, cut] / options.downlink[slot, server, user]
                    band, compute = solution.bandwidth[slot, user], solution.compute[slot, user]
                    work = options.work[slot, user, cut]
                    delay = options.delay[slot, user, cut] + traffic / band + (work / compute if work else 0.0)
                    cost = options.cost[slot, user, cut] + instance.energy_weight * instance.user_watts[user] * upload / band
                    reward = -(cost + OVERRUN_WEIGHT * max(0.0, delay - instance.delay_limit))
                    hits[server] += 1
                waited[server].append(delay)
                assert paid[slot][row, layout.askers][user] == pytest.approx(reward, rel=1e-9)
            assert paid[slot][row, layout.allocators] == pytest.approx([-np.mean(w) if w else 0.0 for w in waited], rel=1e-9)
            migration = 8.0 * (new * instance.service_bytes[:, None]).sum(axis=0) / instance.cloud_rate
            due = HIT_WEIGHT * hits - MIGRATION_WEIGHT * migration if slot % 2 or slot == 4 else np.zeros(instance.servers)
            assert paid[slot][row, layout.deployers] == pytest.approx(due, rel=1e-9)
            held = now
        assert (np.array(paid)[:, row, layout.askers][:, instance.users :] == 0).all()


def test_phases_come_in_the_order_of_a_slot(instances):
    """Deployment comes before the first requests of an interval are seen; the closed form spares the third phase."""
    for analytic, slot in ((False, [ASSOCIATION, ALLOCATION]), (True, [ASSOCIATION])):
        phases = [int(observation["phase"][0]) for observation, _, _ in play(Task(analytic_allocation=analytic), instances)]
        assert phases == [DEPLOYMENT, *slot * 2, DEPLOYMENT, *slot * 2, DEPLOYMENT, *slot]


@pytest.mark.parametrize("shows", ["paper", "extended"])
def test_nothing_of_the_future_is_shown(shows):
    """Another future changes no bit of what is observed before it, gains that fade included, and `static` knows no trace."""
    instance = draw(fading="rayleigh")
    other = draw(seed=1, fading="rayleigh")
    task = Task(shows=shows)
    record = play(task, [instance])
    static = task.static()
    assert not {"service", "batch", "gain"} & set(static)
    for slot in range(1, instance.slots):
        changed = {
            name: np.concatenate((getattr(instance, name)[:slot], getattr(other, name)[slot:])) for name in ("service", "batch", "gain")
        }
        twin = Instance.model_validate(instance.model_dump() | changed)
        seen = play(task, [twin])
        assert all((values == static[name]).all() for name, values in task.static().items())
        first = [n for n, (observation, _, _) in enumerate(record) if observation["phase"][0] == ASSOCIATION][slot]
        for (before, _, _), (after, _, _) in zip(record[:first], seen[:first], strict=True):
            assert all(before[name].tobytes() == after[name].tobytes() for name in before)
        assert (record[first][0]["agents"] != seen[first][0]["agents"]).any()


def test_batch_of_one_equals_a_batch_of_many(instances):
    """Padding and neighbours change nothing, bit for bit: observations, rewards, costs, metrics and solutions."""
    batch, single = Task(multiplier=0.3), Task(multiplier=0.3)
    together = play(batch, instances)
    layout = Layout.of(batch.static())
    solutions = batch.solutions()
    for row, instance in enumerate(instances):
        alone = single.reset([instance])
        rows = np.arange(2 * instance.servers + instance.users)  # users come last
        for observation, action, expected in together:
            assert (alone["agents"][0] == observation["agents"][row, rows]).all()
            assert (alone["mask"][0] == observation["mask"][row, rows]).all()
            assert (alone["shared"][0] == observation["shared"][row]).all()
            step = single.step(action[row : row + 1, rows])
            assert (step.reward[0] == expected.reward[row, rows]).all()
            assert (step.cost[0] == expected.cost[row, rows]).all()
            assert all(values[0] == expected.metrics[name][row] for name, values in step.metrics.items())
            alone = step.observation
        assert single.solutions()[0] == solutions[row]
        beyond = slice(rows.size, None)
        assert not any(
            o["agents"][row, beyond].any() or o["mask"][row, beyond].any() or s.reward[row, beyond].any() for o, _, s in together
        )
    assert layout.agents == Task(width=layout.agents).observation_space(instances[:1])["mask"].shape[0]


def test_any_solution_is_replayed_exactly(instances):
    """A solution of any origin passes through the task unchanged, so agents and solvers are scored on one scale."""
    origin, task = Task(), Task()
    play(origin, instances, seed=3)
    solutions = origin.solutions()
    task.reset(instances)
    while not task.step(task.action(solutions)).terminated.all():
        pass
    for before, after in zip(solutions, task.solutions(), strict=True):
        assert (before.deployment == after.deployment).all()
        assert (before.server == after.server).all()
        assert (before.cut == after.cut).all()
        assert after.bandwidth == pytest.approx(before.bandwidth, rel=1e-14, abs=0)
        assert after.compute == pytest.approx(before.compute, rel=1e-14, abs=0)


@pytest.mark.parametrize("seed", range(4))
def test_discrete_choices_with_the_analytic_split_cost_what_the_polish_finds(seed):
    """At the multiplier of the exact split the task gives its objective, slot by slot; so solvers' choices are agents' actions."""
    roomy = draw(seed=seed, storage=3.0)  # holds all services
    random = np.random.default_rng(seed)
    deployment = np.ones((roomy.intervals, roomy.services, roomy.servers), dtype=bool)
    server = np.tile(roomy.gain[0].argmax(axis=0), (roomy.slots, 1))
    cut = random.integers(0, roomy.cuts[roomy.service] + 1)
    least = evaluate(roomy, polish(roomy, of_trace(roomy), deployment, server, cut)).metrics["mean_delay_s"]
    instance = draw(seed=seed, storage=3.0, delay_limit=1.2 * max(least, roomy.delay_limit))
    options = of_trace(instance)
    best = polish(instance, options, deployment, server, cut)
    hit = best.deployment[np.arange(instance.slots)[:, None] // instance.interval, instance.service, best.server]
    chosen = choices(instance, options, hit, best.server, best.cut)
    multiplier = least_multiplier(instance, chosen)
    assert 0 < multiplier < np.inf
    analytic = Task(analytic_allocation=True, multiplier=multiplier)
    analytic.reset([instance])
    while not (step := analytic.step(analytic.action([best]))).terminated.all():
        pass
    verdict = evaluate(instance, best)
    assert verdict.feasible
    assert step.metrics["objective"][0] == pytest.approx(verdict.objective, rel=1e-9)
    assert step.metrics["mean_delay_s"][0] == pytest.approx(instance.delay_limit, rel=1e-9)
    assert analytic.solutions()[0].bandwidth == pytest.approx(split(instance, chosen, multiplier).bandwidth, rel=1e-12)


def test_deployment_follows_priorities_and_skips_what_does_not_fit():
    """What an agent orders is placed as far as it fits: any priorities give a deployment that keeps C7."""
    instance = draw()
    task = Task()
    observation = task.reset([instance])
    layout = Layout.of(task.static())
    sizes, storage = instance.service_bytes, instance.storage
    fits = observation["mask"][0, layout.deployers, : layout.services]
    assert (fits == (sizes <= storage[:, None])).all()
    priority = np.array([[0, 2, 2, 9, 9, 9, 1, 1, 1], [0] * 9, list(range(9))], dtype=float)[None]
    observation = task.step(layout.deploy(priority)).observation
    placed = layout.deployment(observation)[0]
    for server in range(3):
        free, expected = storage[server], np.zeros(9, dtype=bool)
        for service in sorted(range(9), key=lambda service: (-priority[0, server, service], service)):
            if priority[0, server, service] > 0 and sizes[service] <= free:
                free, expected[service] = free - sizes[service], True
        assert (placed[server] == expected).all()
    assert not placed[0, 0]
    assert 0 < placed[0, 6:].sum() < 3  # something was skipped


@pytest.mark.parametrize("shows", ["paper", "extended"])
def test_observations_are_what_the_paper_lists(instances, shows):
    """(14) to (18) and the extension, recomputed from the instance and the decisions."""
    task = Task(shows=shows)
    record = play(task, instances)
    layout, solutions = Layout.of(task.static(), shows), task.solutions()
    slot = -1
    for observation, _, _ in record:
        phase = observation["phase"][0]
        slot += phase == ASSOCIATION
        for row, (instance, solution) in enumerate(zip(instances, solutions, strict=True)):
            if phase == DEPLOYMENT:
                at = slot + 1
                counts = np.zeros((instance.servers, instance.services))
                for back in range(at - instance.interval, at):
                    for user in range(instance.users):
                        strongest = instance.gain[0, :, user].argmax()
                        place = (solution.server[back, user], instance.service[back, user])
                        counts[place if at else (strongest, instance.warmup_service[back, user])] += 1
                held = solution.deployment[at // 2 - 1].T if at else np.zeros((instance.servers, instance.services))
                assert (layout.local_counts(observation)[row] == counts).all()
                assert (layout.request_counts(observation)[row] == counts.sum(axis=0)).all()
                assert (layout.deployment(observation)[row] == held).all()
                continue
            users = slice(0, instance.users)
            held = solution.deployment[slot // 2]
            services, batches = layout.requests(observation)
            assert (layout.deployment(observation)[row] == held.T).all()
            assert (services[row, users] == instance.service[slot]).all()
            assert (batches[row, users] == instance.batch[slot]).all()
            rows, mask = observation["agents"][row, layout.askers][users], observation["mask"][row, layout.askers][users]
            holders = held[instance.service[slot]]
            if phase == ASSOCIATION:
                assert (layout.present(observation)[row] == (np.arange(layout.users) < instance.users)).all()
                for user in range(instance.users):
                    assert (mask[user, :3] == (holders[user] if holders[user].any() else True)).all()
                    assert mask[user, 3:].nonzero()[0].tolist() == list(range(instance.cuts[instance.service[slot, user]] + 1))
                if shows == "extended":
                    downlink, uplink = layout.links(observation)
                    assert (downlink[row][:, users] == instance.downlink_efficiency[0]).all()
                    assert (uplink[row][:, users] == instance.uplink_efficiency[0]).all()
                    devices = [instance.user_flops / 1e9, instance.energy_per_flop * 1e9, instance.privacy_preference]
                    assert rows[:, 8:11] == pytest.approx(np.stack(devices, axis=1), rel=1e-15)
            else:
                cut, server, hit = (values[row, users] for values in layout.chosen(observation))
                assert (cut == solution.cut[slot]).all()
                assert (server == solution.server[slot]).all()
                assert (hit == np.take_along_axis(holders, server[:, None], axis=1)[:, 0]).all()
                assert (mask == hit[:, None] * (np.arange(layout.admissible) < 2)).all()
                if shows == "extended":
                    options, user = of_trace(instance), np.arange(instance.users)
                    chosen = choices(
                        instance, options, np.ones((instance.slots, instance.users), dtype=bool), solution.server, solution.cut
                    )
                    times = [chosen.delay[slot], chosen.traffic[slot], chosen.work[slot], chosen.upload[slot]]
                    wholes = [1.0, instance.bandwidth[server], instance.server_flops[server], instance.bandwidth[server]]
                    expected = np.stack([time / whole for time, whole in zip(times, wholes, strict=True)], axis=1)
                    assert layout.allocation_features[5:] == ("device_time", "transfer_time", "work_time", "upload_cost")
                    assert rows[user, 5:9] == pytest.approx(expected, rel=1e-12)
    assert slot == 4
    if shows == "extended":
        last = record[-1][2]
        shared = last.observation["shared"]
        assert (shared[:, -2] == 1.0).all()
        assert (shared[:, -1] == last.metrics["mean_delay_s"]).all()


def test_a_server_without_the_service_fails_and_a_cut_too_deep_is_the_last():
    """The mask advises; P lets a request fail, and the paper's Random does."""
    instance = draw()
    task = Task()
    task.reset([instance])
    layout = Layout.of(task.static())
    task.step(layout.empty(1))  # nothing is deployed
    users = (1, instance.users)
    observation = task.step(layout.associate(np.full(users, 1.4), np.full(users, 99.0))).observation
    cut, server, hit = layout.chosen(observation)
    assert (server == 1).all()
    assert (cut[0] == instance.cuts[instance.service[0]]).all()
    assert not hit.any()
    step = task.step(layout.allocate(np.ones(users), np.ones(users)))
    assert (step.cost[0, layout.askers] == instance.failure_delay).all()
    assert step.metrics["success_rate"] == 0


def test_fractions_beyond_a_whole_are_scaled_and_less_is_left_unused(instances):
    """A softmax whose sum rounds above one stays within C5 and C6; an agent may also hold something back."""
    for share, used in ((0.9, 1.0), (0.05, None)):
        task = Task()
        task.reset(instances[:1])
        layout, users = Layout.of(task.static()), (1, 6)
        task.step(layout.deploy(np.ones((1, 3, 9))))
        observation = task.step(layout.associate(np.zeros(users), np.zeros(users))).observation
        hit = layout.chosen(observation)[2][0]
        assert hit.sum() > 1
        task.step(layout.allocate(np.full(users, share), np.full(users, share)))
        bandwidth = task._shares[0, 0] / instances[0].bandwidth[0]
        assert bandwidth.sum() == pytest.approx(used or share * hit.sum(), rel=1e-12)
        assert (bandwidth[~hit] == 0).all()


def test_an_action_that_means_nothing_is_refused():
    """Servers that do not exist, negative numbers and misshapen arrays are errors that say what was expected."""
    instance = draw()
    task = Task()
    with pytest.raises(RuntimeError, match="expected a reset"):
        task.step(np.zeros((1, 12, 9)))
    task.reset([instance])
    layout = Layout.of(task.static())
    with pytest.raises(ValueError, match="expected an action of shape"):
        task.step(np.zeros((1, 1, 9)))
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite priorities of at least 0"):
            task.step(layout.deploy(np.full((1, 3, 9), bad)))
    task.step(layout.deploy(np.ones((1, 3, 9))))
    zero, users = np.zeros((1, 6)), (1, 6)
    for bad in (-1.0, np.nan, np.inf, 3.0):
        with pytest.raises(ValueError, match="servers from 0 to 2"):
            task.step(layout.associate(np.full(users, bad), zero))
    for bad in (-1.0, np.nan):
        with pytest.raises(ValueError, match="and cuts of at least 0"):
            task.step(layout.associate(zero, np.full(users, bad)))
    task.step(layout.associate(zero, zero))
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite fractions of at least 0"):
            task.step(layout.allocate(np.full(users, bad), np.ones(users)))


def test_episodes_end_once_and_batches_agree(instances):
    """No step after the end, no solution before it, no batch of worlds that cannot be stepped together."""
    task = Task()
    task.reset(instances)
    with pytest.raises(RuntimeError, match="found them in slot 0 of 5"):
        task.solutions()
    assert [step.terminated.all() for _, _, step in play(task, instances)].count(True) == 1
    with pytest.raises(RuntimeError, match="the episodes are over"):
        task.step(Layout.of(task.static()).empty(len(instances)))
    for different, what in ((draw(servers=2), "servers"), (draw(slots=4), "slots"), (draw(fading="rayleigh"), "gain")):
        with pytest.raises(ValueError, match=f"agree in {what}"):
            task.reset([draw(), different])


def test_the_multiplier_is_held_for_an_episode(instances):
    """A learner moves it between episodes; within one, rewards are of one Lagrangian."""
    task = Task(multiplier=2.0)
    expected = [step.reward for _, _, step in play(task, instances)]
    task.reset(instances)
    task.multiplier = 7.0
    layout, random, phase = Layout.of(task.static()), np.random.default_rng(0), DEPLOYMENT
    for reward in expected:
        step = task.step(decide(layout, phase, random, len(instances)))
        phase = int(step.observation["phase"][0])
        assert (step.reward == reward).all()
    for wrong in (-1.0, np.inf, np.nan):
        task.multiplier = wrong
        with pytest.raises(ValueError, match="finite multiplier of at least 0"):
            task.reset(instances)


def test_what_is_known_serves_as_an_instance(instances):
    """Controllers price past requests in the world they are told, which is the instance's but for its trace."""
    task = Task()
    task.reset(instances)
    for world, instance in zip(known(task.static()), instances, strict=True):
        told = {"service": instance.warmup_service, "batch": instance.warmup_batch}
        assert world == Instance.model_validate(instance.model_dump() | told)
    task.reset([draw(fading="rayleigh")])
    assert (known(task.static())[0].gain == 0).all()


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
@pytest.mark.parametrize("shows", ["paper", "extended"])
def test_gymnasium_view_passes_the_checker(instances, shows, monkeypatch):
    """The view is a Gymnasium environment by Gymnasium's own judgement, for worlds of different size at once."""
    monkeypatch.setattr("mecbench.problems.p.Task", lambda reward: Task(reward, shows=shows))
    check_env(GymnasiumView("p", instances), skip_render_check=True)


def test_gymnasium_view_pays_what_the_evaluator_says(instances):
    """Joint actions on a chosen instance earn minus N times its objective."""
    view = GymnasiumView("p", instances)
    view.action_space.seed(0)
    _, info = view.reset(seed=3, options={"instance": 3})
    assert info["instance"] == 3
    paid, terminated = 0.0, False
    while not terminated:
        _, reward, terminated, truncated, info = view.step(view.action_space.sample())
        paid += reward
        assert not truncated
    assert paid == pytest.approx(-instances[3].requests * evaluate(instances[3], view.solution()).objective, rel=1e-9)
    assert info["objective"] == pytest.approx(-paid / instances[3].requests, rel=1e-9)


def test_an_array_of_everything_admissible_is_a_solution(instances):
    """Whatever the action space holds can be played to a solution that the evaluator accepts in all but the delay."""
    task = Task()
    task.reset(instances)
    space = task.action_space(instances)
    space.seed(1)
    while not task.step(np.stack([space.sample() for _ in instances])).terminated.all():
        pass
    for instance, solution in zip(instances, task.solutions(), strict=True):
        assert isinstance(solution, Solution)
        violations = evaluate(instance, solution).violations
        assert all(violation.relative <= 1e-12 for name, violation in violations.items() if name != "delay")
