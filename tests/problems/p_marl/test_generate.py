"""The generator: sizes, frozen instances, prefixes, and the calibration against the paper's Table 1."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.draws import quantise
from mecbench.problems.errors import explain
from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_edge.system import neurosurgeon
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import SIZES, Parameters, generate
from mecbench.problems.p_marl.options import options
from mecbench.problems.p_marl.solution import Solution

TINY = Parameters(population=4, edges=2, area=0.4, epochs=6)


@pytest.mark.parametrize("size", [size for size in SIZES if "tiny" not in size])
def test_sizes_are_the_design_s(size):
    """The name of a size says its devices and edges; P-ORIG has one epoch, the paper's episode one hour."""
    parameters = SIZES[size]
    devices, edges = map(int, size.removeprefix("orig-").split("x"))
    assert (parameters.population, parameters.edges) == (devices, edges)
    assert parameters.area == pytest.approx(2.5 * edges / 11)
    if size.startswith("orig-"):
        assert parameters.epochs == 1
    if size == "240x11":
        assert parameters.epochs * parameters.epoch_seconds == 3600


@pytest.mark.parametrize(
    ("size", "sha256"),
    [
        ("orig-20x3", "b3c2f4248d45c7db8374197ac3c6b3716322fb186df77b40db41093d8cd95f36"),
        ("orig-240x11", "526a11f2c130d0e81062dad1cd5ff93fd14c4d425f1263a8d58ae04b2fa14c67"),
        ("60x5", "7e0b248304bf81ccc352b75d8b591aa2253ad68bc0144bfd36e4040f18190b4f"),
    ],
)
def test_instances_are_frozen(size, sha256):
    """A change of the generator that changes instances must raise GENERATOR_VERSION and rebuild the library."""
    assert generate(SIZES[size], 1).sha256 == sha256


def test_a_longer_episode_begins_with_the_shorter_one():
    """Horizons compare on the same devices, and P-ORIG is an episode's first epoch."""
    long, short, one = (generate(TINY.model_copy(update={"epochs": epochs}), 3) for epochs in (6, 4, 1))
    for instance in (short, one):
        for name in ("position", "shadowing"):
            np.testing.assert_array_equal(getattr(instance, name), getattr(long, name)[: instance.epochs])
        np.testing.assert_array_equal(instance.battery, long.battery)
        np.testing.assert_array_equal(instance.clock_ratio, long.clock_ratio[: instance.epochs])


def test_seeds_and_splits_differ():
    """Nothing of one seed or split is seen in another."""
    drawn = [generate(TINY, seed) for seed in (0, 1, 10_000, 20_000)]
    assert len({float(instance.battery[0]) for instance in drawn}) == 4
    assert generate(TINY, 0) == drawn[0]


def test_everything_drawn_has_nine_digits():
    """Last bits differ between mathematical libraries; nine digits do not, so an instance has one hash everywhere."""
    instance = generate(TINY, 5)
    for name in ("position", "edge_position", "shadowing", "battery"):
        np.testing.assert_array_equal(getattr(instance, name), quantise(getattr(instance, name)))


def test_devices_move_as_fast_as_they_may():
    """Steps stay below the fastest speed, devices stay in the square, and most of them move."""
    instance = generate(SIZES["60x5"], 2)
    steps = np.linalg.norm(np.diff(instance.position, axis=0), axis=-1)
    side = 1000 * np.sqrt(SIZES["60x5"].area)
    assert steps.max() <= 50 / 3.6 * 15 + 1e-6
    assert 0.3 < (steps > 0).mean() < 0.95
    assert instance.position.min() >= 0
    assert instance.position.max() <= side


def test_shadowing_keeps_its_law_along_the_way():
    """The autoregression has the standard deviation of the first epoch in every one, and forgets with the metres moved."""
    instance = generate(SIZES["240x11"].model_copy(update={"epochs": 60}), 4)
    assert instance.shadowing.std(axis=(1, 2)) == pytest.approx(np.full(60, 6.0), rel=0.1)
    steps = np.linalg.norm(np.diff(instance.position, axis=0), axis=-1)
    before, after = instance.shadowing[:-1], instance.shadowing[1:]
    still, far = steps == 0, steps > 100
    assert np.corrcoef(before[still].ravel(), after[still].ravel())[0, 1] > 0.99
    assert abs(np.corrcoef(before[far].ravel(), after[far].ravel())[0, 1]) < 0.1


def test_batteries_drain_by_what_a_local_inference_takes():
    """The exogenous drain is the spec's 24 * dt * E_full / 3600 / 1000 Wh an epoch, so the clock never rises."""
    instance = generate(TINY, 6)
    assert (np.diff(instance.clock_ratio, axis=0) <= 0).all()
    charge = 3.0 + 9.0 * (instance.clock_ratio - 0.65) / 0.35
    lost = 24 * 15 * instance.local_energy / 3600 / 1000
    inside = (charge[1:] > 3.01) & (charge[:-1] < 11.99)
    np.testing.assert_allclose((charge[:-1] - charge[1:])[inside], lost[:-1][inside], rtol=1e-6)


def test_table_1_is_met_by_the_rows_that_can_be():
    """ALP within 5 % and NSG's mean energy within 5 %, its latency and cost within 10 % of the paper, over 20 draws."""
    rows = {"alp": [], "nsg": []}
    for seed in range(20):
        instance = generate(SIZES["orig-240x11"], seed)
        choices = options(instance, 0, instance.previous_edge)
        local = np.zeros(instance.devices, int), np.full(instance.devices, instance.groups)
        for rule, (edge, cut) in (("alp", local), ("nsg", neurosurgeon(choices, instance.multiprocessors))):
            allocation = np.zeros(instance.devices, int)
            for n in range(1, instance.edges + 1):
                members = np.flatnonzero(edge == n)
                if members.size:
                    at = (members, n - 1, cut[members])
                    allocation[members] = allocate(choices.fixed[at], choices.shared[cut[members]], instance.multiprocessors)
            verdict = evaluate(instance, Solution(edge=edge[None], cut=cut[None], allocation=allocation[None]))
            rows[rule].append(
                [verdict.metrics[f"{kind}_{what}"] for what in ("latency_ms", "energy_mj", "cost") for kind in ("mean", "max")]
            )
    alp, nsg = (np.mean(rows[rule], axis=0) for rule in ("alp", "nsg"))
    np.testing.assert_allclose(alp, [34.20, 39.51, 60.24, 71.44, 1.248, 1.417], rtol=0.05)
    np.testing.assert_allclose(nsg[[0, 4]], [32.77, 1.157], rtol=0.10)
    assert nsg[2] == pytest.approx(22.16, rel=0.05)


def test_a_finer_profile_leaves_the_world_as_it_is():
    """Nineteen cuts instead of eight change the network alone, and what they offer is never worse."""
    coarse, fine = (generate(TINY.model_copy(update={"profile": f"mobilenet-v3-large-{groups}"}), 3) for groups in (8, 19))
    assert (coarse.groups, fine.groups) == (8, 19)
    np.testing.assert_array_equal(coarse.position, fine.position)
    least = [(choices.fixed + choices.shared / 64).min(axis=-1) for choices in (options(coarse, 0, None), options(fine, 0, None))]
    assert (least[1] <= least[0] + 1e-12).all()


def test_impossible_parameters_are_refused():
    """A speed range that falls, an unknown profile or a limit of zero is an error that names its field."""
    for changes in ({"speed_range": (9.0, 2.0)}, {"latency_limit": 0.0}, {"epochs": 0}, {"profile": "mobilenet"}):
        with pytest.raises(ValidationError) as refused:
            Parameters(**changes)
        (name,) = changes
        assert name.split("_")[0] in str(explain(refused.value, "parameters"))
