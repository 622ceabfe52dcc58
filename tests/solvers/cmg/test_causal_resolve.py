"""The causal reference: near the bound, blind to the future, and safe whatever comes."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.cmg import Instance, Solution, Task, evaluate
from mecbench.problems.task import rollout
from mecbench.solvers import Budget, resolve
from mecbench.solvers.cmg.causal_resolve import CausalResolve, _counted_on
from mecbench.solvers.cmg.heuristics import GreedyHorizon, GreedyMyopic


def played(*instances: Instance, policy=None) -> list[Solution]:
    """Solutions, of which each is feasible, evaluates to what was paid, and was executed as it was asked."""
    policy = policy or CausalResolve()
    task = Task(**policy.task_options)
    guarded = []
    step = task.step

    def watch(action):
        taken = step(action)
        guarded.append(taken.metrics["guarded"].sum())
        return taken

    task.step = watch
    result = rollout(task, policy, instances, 0)
    assert guarded[-1] == 0
    for instance, solution, returns in zip(instances, result.solutions, result.returns, strict=True):
        verdict = evaluate(instance, solution)
        assert verdict.feasible, verdict.violations
        assert verdict.objective == pytest.approx(returns.sum(), rel=1e-9, abs=1e-9)
        assert verdict.metrics.get("sor_percent", 100.0) == 100.0
    return list(result.solutions)


@pytest.mark.parametrize(("size", "regret"), [("small", 0.015), ("small-scarce", 0.03)])
def test_it_is_near_the_bound(draw, size, regret):
    """Of what the clairvoyant could reach little is missing, and far less than greedy rules miss."""
    instances = [draw(seed, size) for seed in (10_000, 10_001)]
    bounds = [resolve("cmg/column-generation").solve(instance, Budget(1.0), 0).bound for instance in instances]
    lost = {}
    for policy in (CausalResolve(), GreedyHorizon(), GreedyMyopic()):
        verdicts = [evaluate(i, s) for i, s in zip(instances, rollout(Task(see_eve=True), policy, instances, 0).solutions, strict=True)]
        lost[policy.name] = np.mean([1.0 - verdict.objective / bound for verdict, bound in zip(verdicts, bounds, strict=True)])
    assert 0.0 < lost["causal-resolve"] < regret
    assert lost["causal-resolve"] < 0.7 * min(lost["greedy-horizon"], lost["greedy-myopic"])


def test_the_future_changes_no_answer(draw):
    """Traces that agree up to a slot are decided alike up to it, and then not."""
    instance, other = draw(0, "small-scarce", slots=5), draw(1, "small-scarce", slots=5)
    mixed = {}
    for name in ("gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest"):
        mixed[name] = np.concatenate((getattr(instance, name)[:, :2], getattr(other, name)[:, 2:]), axis=1)
    changed = Instance.model_validate(instance.model_dump() | mixed)
    one, two = played(instance)[0], played(changed)[0]
    for name in Solution.model_fields:
        np.testing.assert_array_equal(getattr(one, name)[:, :2], getattr(two, name)[:, :2])
    assert one != two


def test_a_batch_is_played_as_single_episodes(draw):
    """Neighbours, padding and those that go on longer change nothing."""
    instances = [draw(seed, "small-scarce", devices=devices, slots=slots) for seed, (devices, slots) in enumerate([(4, 2), (2, 4)])]
    assert played(*instances) == [played(instance)[0] for instance in instances]


@pytest.mark.parametrize(
    "options",
    [
        {"supply": "scarce", "limit": "average", "energy_limit": 0.003},
        {"limit": "average", "energy_limit": 0.01},
        {"continuous_frames": True, "attack": "strong"},
        {"eavesdropper_power": "const"},
    ],
)
def test_all_options_are_kept_to(draw, options):
    """Feasible and executed as asked under limits of the average, loud eavesdroppers and real frame rates."""
    instance = draw(2, "small", slots=4, **options)
    solution = played(instance)[0]
    if "eavesdropper_power" in options:
        assert not solution.offload.any()
    if options.get("limit") == "average":
        spent = evaluate(instance, solution).metrics["mean_energy_j"]
        assert 0.5 * instance.energy_limit < spent <= instance.energy_limit * (1 + 1e-9)


@pytest.mark.parametrize("left", [1.001, 1.5, 4.0])
def test_nothing_is_spent_that_may_be_missing(draw, left):
    """Batteries that hold little more than the fallback of all slots, and a law that promises what never comes: no guard steps in."""
    instance = draw(3, "small-scarce", slots=5)
    least = instance.slots * instance.chunks * instance.fallback_energy
    poor = {"battery": np.full(instance.devices, left * least), "harvest": np.zeros(instance.harvest.shape), "reserve": 0.0}
    solution = played(Instance.model_validate(instance.model_dump() | poor))[0]
    assert (solution.frames >= 5).all()


def test_what_is_counted_on_follows_the_law(draw):
    """Without caution the mean; with it less, by standard deviations of the generator's own law, never less than nothing."""
    for size, laws in (("scarce", (0.1, 0.0)), ("paper", (0.8, 0.4))):
        world = draw(0, size, slots=50)
        np.testing.assert_allclose(_counted_on(world, 0.0), world.mean_harvest, rtol=1e-12)
        deviation = world.harvest.std()
        for caution in (0.5, 1.0):
            total = np.cumsum(_counted_on(world, caution))
            slots = np.arange(1, 50)
            expected = np.maximum(laws[0] * slots - caution * deviation * np.sqrt(slots), 0.0)
            np.testing.assert_allclose(total, expected, atol=0.05 * laws[0] * np.sqrt(50))
        assert (_counted_on(world, 50.0) >= 0.0).all()


def test_caution_pays_where_energy_is_scarce(draw):
    """Counting on the mean harvest ends below the reserve too often."""
    instances = [draw(seed, "small-scarce") for seed in (10_000, 10_001)]
    value = [
        sum(evaluate(i, s).objective for i, s in zip(instances, played(*instances, policy=CausalResolve(caution=c)), strict=True))
        for c in (0.0, 0.7)
    ]
    assert value[1] > value[0]
