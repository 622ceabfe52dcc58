"""The vector environment is as many single environments, bit for bit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from mecbench.problems import cmg, p, p1, p_marl
from mecbench.problems.p_edge import Task
from mecbench.problems.task import Step
from mecbench.problems.views import GymnasiumView
from mecbench.rl import views
from mecbench.rl.views import vector_view

WIDTH = 20


@pytest.fixture(autouse=True)
def _needs_the_extra(stable_baselines3) -> None:
    """Every test here needs Stable-Baselines3."""


def shares(seed: int, rows: int) -> np.ndarray:
    """Joint actions within the action space."""
    return np.random.default_rng(seed).random((rows, WIDTH))


@pytest.fixture(scope="module")
def worlds():
    """Instances of P of four slots and of different numbers of users, the last of which is the widest."""
    return [p.generate(p.SIZES["small"].model_copy(update={"users": users}), 20_000 + users) for users in (3, 6, 2, 5, 7)]


@pytest.fixture(scope="module")
def networks():
    """Instances of P1 of different numbers of tasks, and so of answers."""
    return [p1.generate(p1.SIZES["n10"], 20_000 + seed) for seed in range(4)]


@pytest.fixture(scope="module")
def cameras():
    """Instances of CMG of different numbers of devices and slots."""
    return [cmg.generate(cmg.SIZES["tiny-scarce"].model_copy(update={"slots": (2 + seed,) * 2}), 20_000 + seed) for seed in range(4)]


@pytest.fixture(scope="module")
def quarters():
    """Instances of P-MARL of different numbers of devices."""
    return [p_marl.generate(p_marl.Parameters(population=3 + seed, edges=2, area=0.4, epochs=3), 20_000 + seed) for seed in range(4)]


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
@pytest.mark.parametrize("problem", ["p-edge", "p", "p1", "cmg", "p-marl"])
def test_both_checkers_accept_the_single_view(problem, edges, worlds, networks, cameras, quarters):
    """Gymnasium's and Stable-Baselines3's own checks pass on the view that outsiders use."""
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as check_env_of_stable_baselines3

    instances = {"p-edge": edges[:4], "p": worlds, "p1": networks, "cmg": cameras, "p-marl": quarters}[problem]
    check_env(GymnasiumView(problem, instances), skip_render_check=True)
    with warnings.catch_warnings():
        # Advice to learners of flat vectors: agents of ours act through logits and read rows per agent with a network of their own.
        warnings.filterwarnings("ignore", message=".*symmetric and normalized Box action space")
        warnings.filterwarnings("ignore", message=".*unconventional shape")
        warnings.filterwarnings("ignore", message=".*recommend using np.float32")
        check_env_of_stable_baselines3(GymnasiumView(problem, instances))


@pytest.mark.parametrize("reward", ["objective", "paper"])
def test_vector_view_equals_single_views(edges, reward):
    """Observations, rewards and ends are those of single views that play the same instances."""
    batches = [edges[:16], edges[16:32]]
    upcoming = iter([*batches, edges[32:48]])
    vector = vector_view("p-edge", lambda: next(upcoming), WIDTH, reward)
    single = GymnasiumView("p-edge", edges, reward)  # of all edges, so that its spaces are as wide
    assert vector.observation_space == single.observation_space
    assert vector.action_space == single.action_space
    observation = vector.reset()
    for turn, batch in enumerate(batches):
        action = shares(turn, 16)
        after, rewards, done, _ = vector.step(action)
        for row in range(16):
            alone, _ = single.reset(options={"instance": edges.index(batch[row])})
            assert {name: block.dtype for name, block in observation.items()} == {name: np.asarray(b).dtype for name, b in alone.items()}
            assert all((observation[name][row] == block).all() for name, block in alone.items())
            _, paid, terminated, truncated, _ = single.step(action[row])
            assert paid == rewards[row]
            assert (terminated or truncated) == done[row]
        observation = after


@pytest.mark.parametrize("reward", ["objective", "paper"])
def test_vector_view_equals_single_views_over_many_steps(worlds, reward):
    """Episodes of several phases and slots end, begin again and are paid as single views are."""
    agents = 2 * worlds[-1].servers + worlds[-1].users
    vector = vector_view("p", lambda: worlds, agents, reward)
    singles = [GymnasiumView("p", worlds, reward) for _ in worlds]
    ends = 0
    observation = vector.reset()
    alone = [view.reset(options={"instance": row})[0] for row, view in enumerate(singles)]
    vector.action_space.seed(0)
    while ends < 2:
        assert all((observation[name][row] == block).all() for row, single in enumerate(alone) for name, block in single.items())
        action = np.stack([vector.action_space.sample() for _ in worlds])
        observation, rewards, done, _ = vector.step(action)
        for row, view in enumerate(singles):
            alone[row], paid, terminated, _, _ = view.step(action[row])
            assert paid == rewards[row]
            assert terminated == done[row]
            if terminated:
                alone[row], _ = view.reset(options={"instance": row})
        ends += int(done.all())


@pytest.mark.parametrize("options", [{}, {"reward": "paper", "ofr": False, "mean_field": True}])
def test_episodes_that_are_cut_off_hand_their_last_observation_on(quarters, options):
    """P-MARL's episodes are truncated: a learner gets what it saw last, to learn the value of what would have come."""
    width = max(instance.devices for instance in quarters)
    vector = vector_view("p-marl", lambda: quarters, width, **options)
    singles = [GymnasiumView("p-marl", quarters, **options) for _ in quarters]
    vector.reset()
    for row, view in enumerate(singles):
        view.reset(options={"instance": row})
    vector.action_space.seed(0)
    for turn in range(2 * quarters[0].epochs):
        action = np.stack([vector.action_space.sample() for _ in quarters])
        _, rewards, done, infos = vector.step(action)
        last = turn % quarters[0].epochs == quarters[0].epochs - 1
        for row, view in enumerate(singles):
            seen, paid, terminated, truncated, _ = view.step(action[row])
            assert (terminated, truncated, done[row]) == (False, last, last)
            assert paid == rewards[row]
            if last:
                assert infos[row]["TimeLimit.truncated"]
                assert all((infos[row]["terminal_observation"][name] == block).all() for name, block in seen.items())
                view.reset(options={"instance": row})


@pytest.mark.parametrize("problem", ["p1", "cmg"])
def test_episodes_that_end_before_others_wait_for_them(problem, networks, cameras):
    """A batch ends when its last episode does; until then who has ended sees and earns nothing, and then all begin again."""
    instances = {"p1": networks, "cmg": cameras}[problem]
    options = {"forecast": True} if problem == "p1" else {}  # options of a task are those of its views
    singles = [GymnasiumView(problem, instances, **options) for _ in instances]
    vector = vector_view(problem, lambda: instances, width=singles[0].observation_space["agents"].shape[0], **options)
    first = vector.reset()
    alone = [view.reset(options={"instance": row})[0] for row, view in enumerate(singles)]
    observation, over, lengths = first, np.zeros(len(instances), dtype=bool), set()
    vector.action_space.seed(0)
    for turn in range(1000):
        for row, single in enumerate(alone):
            assert all((observation[name][row] == (0 * block if over[row] else block)).all() for name, block in single.items())
        action = np.stack([vector.action_space.sample() for _ in instances])
        observation, rewards, done, _ = vector.step(action)
        for row, view in enumerate(singles):
            if over[row]:
                assert rewards[row] == 0
                continue
            alone[row], paid, over[row], _, _ = view.step(action[row])
            assert paid == rewards[row]
            lengths |= {turn} if over[row] else set()
        assert done.all() == done.any() == over.all()
        if over.all():
            break
    assert len(lengths) == len(instances)
    assert all((observation[name] == block).all() for name, block in first.items())


def test_a_batch_of_one_is_paid_as_a_batch_of_64(edges):
    """Neighbours change no bit of a reward, so that results do not depend on how many environments ran side by side."""
    together = vector_view("p-edge", lambda: edges, WIDTH)
    together.reset()
    action = shares(0, 64)
    _, rewards, _, _ = together.step(action)
    for row, edge in enumerate(edges):
        alone = vector_view("p-edge", lambda edge=edge: [edge], WIDTH)
        alone.reset()
        _, paid, _, _ = alone.step(action[row : row + 1])
        assert paid.tobytes() == rewards[row : row + 1].tobytes()


def test_every_episode_has_fresh_instances(edges):
    """The view begins again by itself with the next draw, and the first draw is not lost."""
    drawn = iter([edges[:2], edges[2:4], edges[4:6]])
    view = vector_view("p-edge", lambda: next(drawn), WIDTH)
    seen = [view.reset(), *(view.step(shares(turn, 2))[0] for turn in range(2))]
    for turn, observation in enumerate(seen):
        expected = Task(width=WIDTH).reset(edges[2 * turn : 2 * turn + 2])
        assert (observation["agents"] == expected["agents"]).all()


def test_an_instance_that_does_not_fit_is_refused(edges):
    """Buffers of learners have the width of the spaces; a wider instance must not be cut short silently."""
    drawn = iter([edges[:1], [max(edges, key=lambda edge: edge.devices)]])
    view = vector_view("p-edge", lambda: next(drawn), edges[0].devices)
    view.reset()
    with pytest.raises(ValueError, match="expected draws of 1 instances with at most"):
        view.step(np.ones((1, edges[0].devices)))


def test_a_truncated_episode_keeps_its_last_observation(edges, monkeypatch):
    """Stable-Baselines3 needs the observation before the reset to value what a time limit cut off."""

    class Cut(Task):
        def step(self, action: np.ndarray) -> Step:
            step = super().step(action)
            return step._replace(terminated=step.truncated, truncated=step.terminated)

    class Problem:
        Task: Any = Cut

    monkeypatch.setattr(views, "load", lambda name: Problem)
    drawn = iter([edges[:2], edges[2:4]])
    view = vector_view("p-edge", lambda: next(drawn), WIDTH)
    before = view.reset()
    _, _, done, infos = view.step(shares(0, 2))
    assert done.all()
    for row in range(2):
        assert infos[row]["TimeLimit.truncated"]
        assert (infos[row]["terminal_observation"]["agents"] == before["agents"][row]).all()
