"""All-local, Neurosurgeon and chance follow their rules, in batches as alone."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_edge.system import neurosurgeon
from mecbench.problems.p_marl import SIZES, Instance, Solution, Task, evaluate, generate
from mecbench.problems.p_marl.layout import perception_radius
from mecbench.problems.p_marl.options import options
from mecbench.problems.task import rollout
from mecbench.solvers.p_marl.best_response import BestResponse
from mecbench.solvers.p_marl.greedy import Greedy
from mecbench.solvers.p_marl.heuristics import AllLocal, Neurosurgeon, Random

SMALL = SIZES["60x5"].model_copy(update={"epochs": 3})


def played(policy: object, *instances: Instance, seed: int = 0) -> list[Solution]:
    """Solutions of a policy, whose only violation may be the latency limit."""
    solutions = rollout(Task(**policy.task_options), policy, instances, seed).solutions
    for instance, solution in zip(instances, solutions, strict=True):
        violations = evaluate(instance, solution).violations
        assert all(violation.absolute == 0 for name, violation in violations.items() if name != "latency")
    return solutions


@pytest.mark.parametrize("drain", ["exogenous", "endogenous"])
def test_neurosurgeon_takes_what_is_best_if_it_had_the_edge_alone(drain):
    """In every epoch, at the charges that its own decisions leave, switch cost included: what is observed is priced as what is."""
    instance = generate(SMALL.model_copy(update={"drain": drain, "switch_cost": 0.05, "epoch_seconds": 600.0}), 1)
    solution = played(Neurosurgeon(), instance)[0]
    previous, battery = instance.previous_edge, instance.battery
    for epoch in range(instance.epochs):
        choices = options(instance, epoch, previous, battery)
        expected = neurosurgeon(choices, instance.multiprocessors)
        np.testing.assert_array_equal(solution.edge[epoch], expected.edge)
        np.testing.assert_array_equal(solution.cut[epoch], expected.cut)
        at = np.arange(instance.devices), expected.edge - 1, np.minimum(expected.cut, instance.groups - 1)
        taken = np.where(expected.edge > 0, choices.energy[at], choices.local_energy)
        lost = taken if drain == "endogenous" else choices.local_energy
        battery = np.maximum(battery - instance.frames * lost / 3.6e6, 0.0)
        previous = expected.edge
    assert (solution.edge[1:] != solution.edge[:-1]).any()
    assert (battery < instance.battery).all()


def test_switching_keeps_neurosurgeon_where_it_is():
    """With a switch cost above everything else nobody leaves its edge, without one some do: C is part of its belief."""
    free, dear = (generate(SMALL.model_copy(update={"switch_cost": cost}), 2) for cost in (0.0, 50.0))
    moves, stays = (played(Neurosurgeon(), instance)[0].edge for instance in (free, dear))
    assert (moves[1:] != moves[:-1]).any()
    assert (stays[1:] == stays[:-1])[stays[:-1] > 0].all()


def test_all_local_is_local_and_best_of_nobody():
    """ALP takes no edge; it is feasible at 24 frames a second, where even the slowest device is in time."""
    instance = generate(SMALL, 0)
    solution = played(AllLocal(), instance)[0]
    assert not solution.edge.any()
    assert evaluate(instance, solution).feasible


def test_random_draws_every_admissible_action_as_often_as_another():
    """Local and all cuts of the edges within reach, uniformly, nothing else; the same again with the same seed."""
    instance = generate(SIZES["60x5"], 4)
    first, again, other = (played(Random(), instance, seed=seed)[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    near = instance.distance <= perception_radius(instance)
    edge, cut = first.edge, first.cut
    attached = edge > 0
    assert np.take_along_axis(near, np.maximum(edge - 1, 0)[..., None], axis=2)[..., 0][attached].all()
    actions = 1 + instance.groups * near.sum(axis=2)
    chance = 1.0 / actions
    deviation = np.sqrt((chance * (1.0 - chance)).sum())
    assert abs((~attached).sum() - chance.sum()) < 4 * deviation
    counts = np.bincount(cut[attached], minlength=instance.groups)
    assert counts.size == instance.groups
    assert abs(counts - attached.sum() / instance.groups).max() < 4 * np.sqrt(attached.sum() / instance.groups)


@pytest.mark.parametrize("policy", [AllLocal, Neurosurgeon, Greedy, BestResponse])
def test_a_batch_is_played_as_single_episodes(policy):
    """The rules know no neighbours, also where worlds have other numbers of devices."""
    instances = [generate(SMALL.model_copy(update={"population": count}), seed) for seed, count in enumerate((40, 25, 60))]
    assert played(policy(), *instances) == [played(policy(), instance)[0] for instance in instances]


def test_rules_are_where_they_were_measured():
    """At paper scale all-local pays 1.41 at worst, selfish Neurosurgeon breaks the latency limit, the central rules neither."""
    instance = generate(SIZES["240x11"].model_copy(update={"epochs": 2}), 0)
    verdicts = {policy.name: evaluate(instance, played(policy(), instance)[0]) for policy in (AllLocal, Neurosurgeon, Greedy, BestResponse)}
    worst = {name: verdict.metrics["mean_worst_cost"] for name, verdict in verdicts.items()}
    assert worst["alp"] == pytest.approx(1.41, abs=0.01)
    assert verdicts["neurosurgeon"].metrics["late_share"] > 0.05
    assert verdicts["neurosurgeon"].metrics["mean_energy_mj"] < 0.45 * verdicts["alp"].metrics["mean_energy_mj"]
    assert max(worst["greedy"], worst["best-response"]) < 0.9 * worst["alp"] < 0.9 * worst["neurosurgeon"]
    assert not max(verdicts[name].metrics["late_share"] for name in ("alp", "greedy", "best-response"))
