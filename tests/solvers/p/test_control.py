"""What every controller owes: no look ahead, the same again, alone or beside others, and true books."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Instance, Task, evaluate, generate
from mecbench.problems.task import rollout
from mecbench.solvers.p.causal_reference import CausalReference
from mecbench.solvers.p.drift_plus_penalty import DriftPlusPenalty

CONTROLLERS = [
    CausalReference(),
    CausalReference(deployment="milp", control="subgradient"),
    DriftPlusPenalty(),
]
SIZE = SIZES["small"].model_copy(update={"slots": 8})


@pytest.fixture(scope="module")
def instance():
    """Eight slots, four deployments."""
    return generate(SIZE, 10_003)


def fields(solution, slots):
    """Decisions of the first slots, with the deployments of the intervals that begin up to then."""
    rows = (solution.server, solution.cut, solution.bandwidth, solution.compute)
    return [solution.deployment[: slots // 2 + 1], *(row[:slots] for row in rows)]


@pytest.mark.parametrize("controller", CONTROLLERS, ids=str)
def test_the_future_changes_nothing_before_it(instance, controller):
    """With other requests from slot 4 on, all decisions before are the same, and the deployment at slot 4, which precedes them."""
    other = generate(SIZE.model_copy(update={"world": 10_003}), 10_004)
    cut = {name: np.concatenate((getattr(instance, name)[:4], getattr(other, name)[4:])) for name in ("service", "batch")}
    changed = Instance.model_validate(instance.model_dump() | cut)
    first, second = (rollout(Task(), controller, [world], 0).solutions[0] for world in (instance, changed))
    for one, two in zip(fields(first, 4), fields(second, 4), strict=True):
        assert (one == two).all()
    assert not (first.server[4:] == second.server[4:]).all()


@pytest.mark.parametrize("controller", CONTROLLERS, ids=str)
def test_decisions_are_the_same_again_whatever_the_seed_and_the_company(instance, controller):
    """Nothing is random, and a batch with a padded neighbour decides as each would alone."""
    neighbour = generate(SIZE.model_copy(update={"users": 4}), 10_005)
    together = rollout(Task(), controller, [instance, neighbour], 0).solutions
    for world, solution in zip((instance, neighbour), together, strict=True):
        alone = rollout(Task(), controller, [world], 1).solutions[0]
        for one, two in zip(fields(solution, 8), fields(alone, 8), strict=True):
            assert (one == two).all()


@pytest.mark.parametrize("controller", CONTROLLERS, ids=str)
def test_the_books_are_the_evaluators(instance, controller):
    """Capacities and storage hold, and the delay that the controller thinks it has left is what the evaluator leaves it."""
    solution = rollout(Task(), controller, [instance], 0).solutions[0]
    verdict = evaluate(instance, solution)
    assert all(violation.relative <= 1e-12 for name, violation in verdict.violations.items() if name != "delay")
    (episode,) = controller._control._episodes
    assert episode.slot == instance.slots
    left = instance.requests * (instance.delay_limit - verdict.metrics["mean_delay_s"])
    assert episode.left == pytest.approx(left, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("controller", [CausalReference(), DriftPlusPenalty()], ids=str)
def test_fading_channels_are_taken_as_they_come(controller):
    """Where gains change, the static part has none, and the decisions of a slot use those that the slot shows."""
    instance = generate(SIZE.model_copy(update={"fading": "rayleigh"}), 10_006)
    verdict = evaluate(instance, rollout(Task(), controller, [instance], 0).solutions[0])
    assert all(violation.relative <= 1e-12 for name, violation in verdict.violations.items() if name != "delay")
    (episode,) = controller._control._episodes
    assert episode.left == pytest.approx(instance.requests * (instance.delay_limit - verdict.metrics["mean_delay_s"]), rel=1e-9, abs=1e-7)
