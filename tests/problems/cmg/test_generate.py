"""The generator of CMG: Table 2, the classes and sweeps, and draws that can be compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.cmg.generate import SIZES, Parameters, generate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.draws import quantise
from mecbench.problems.errors import explain

RANDOM = {"gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest", "most_power", "most_frequency"}


def differing(first: Instance, second: Instance) -> set[str]:
    """Fields in which two instances differ."""
    return {name for name in Instance.model_fields if not np.array_equal(getattr(first, name), getattr(second, name))}


@pytest.mark.parametrize(
    ("size", "devices", "chunks", "slots"),
    [
        ("tiny", (2, 3), 1, (2, 3)),
        ("tiny-scarce", (2, 3), 1, (2, 3)),
        ("small", (5, 5), 3, (5, 10)),
        ("small-scarce", (5, 5), 3, (5, 10)),
        ("paper", (20, 20), 3, (10, 10)),
        ("scarce", (20, 20), 3, (10, 10)),
        ("long", (20, 20), 3, (50, 50)),
        ("large", (20, 20), 5, (100, 100)),
        ("n30", (30, 30), 3, (10, 10)),
        ("n40", (40, 40), 3, (10, 10)),
        ("n50", (50, 50), 3, (10, 10)),
    ],
)
def test_sizes_are_the_specified_ones(draw, size, devices, chunks, slots):
    """The sizes of a leaderboard mean the same everywhere, and where they are spans all of it is drawn."""
    found = [draw(seed, size) for seed in range(1 if devices[0] == devices[1] and slots[0] == slots[1] else 30)]
    for name, span in (("devices", devices), ("chunks", (chunks, chunks)), ("slots", slots)):
        assert {getattr(instance, name) for instance in found} == set(range(span[0], span[1] + 1))


@pytest.mark.parametrize("size", SIZES)
def test_constants_are_table_2(draw, size):
    """Weights and scales are the paper's, the rest the named resolutions, whatever the size."""
    instance = draw(0, size)
    assert (instance.bandwidth, instance.bits_per_pixel, instance.energy_coefficient) == (120e6, 12.0, 5e-28)
    assert (instance.least_frames, instance.most_frames, instance.least_resolution, instance.most_resolution) == (5, 30, 320.0, 1080.0)
    assert (instance.accuracy_weight, instance.smoothness_weight, instance.delay_weight, instance.energy_weight) == (0.5,) * 4
    assert (instance.noise, instance.eavesdropper_noise, instance.cycles_per_bit, instance.edge_frequency) == (0.1, 0.14, 8.0, 20e9)
    assert (instance.reserve, instance.energy_limit) == pytest.approx((0.3 * instance.capacity, 0.05 * instance.capacity), rel=1e-9)
    assert (instance.limit, instance.continuous_frames, instance.eavesdropper_power) == ("slot", False, "signal")
    assert instance.capacity == {"battery-9": 9.0, "battery-10": 10.0, "battery-11": 11.0}.get(size, 8.0)
    mean = {"harvest-05": 0.05, "harvest-15": 0.15}.get(size, 0.0125 if "scarce" in size else 0.1)
    assert instance.mean_harvest == pytest.approx(mean * instance.capacity)
    assert instance.eavesdropper_gain_law == pytest.approx(10 ** {"moderate": 1.2, "strong": 1.4}.get(size, 1.0), rel=1e-8)
    assert instance.estimate_error == pytest.approx(instance.eavesdropper_gain_law / 10, rel=1e-8)


@pytest.mark.parametrize(
    ("size", "sha256"),
    [
        ("tiny", "7c9284e5695fc1eb85a245c36cd1aae390a18b2791878197696cd83affc90f69"),
        ("tiny-scarce", "c6c0739ace2ae273b244123e22a81b4264d08b3f5fd59e589e9d72e2407fb812"),
        ("small", "4d8a54c7798548f6e021215cf71b7aa6b4fab688ab1978bfbaf7d91a4f92fec1"),
        ("small-scarce", "2dd23f8df92b9220da535020b9345e33f4094bdba4b65f9f4ba905539bead70c"),
        ("paper", "76ff5ea29f3b16b3a160dd018914268cce5a272dd113c09388212c2d5aa4a21e"),
        ("scarce", "17c50472961081b49f17124678fb125c524a3789ea45ba58310fb76159ce3f88"),
        ("long", "2b89a1336f4d7439ebb2fd264b4468f9aeed4284d822a3ac938e317ccdcb755e"),
        ("large", "af5a5a566497c2fa753c455f0514d3c2d5b4687ebda359f9de6f5bde94b16a9f"),
        ("n30", "f06e73390d35fcf420c7182c7c65277b613d99bb939346ed2540a70200f05789"),
        ("n40", "5452a545d49f94ca83a8b44979d90d3c537143559505c7fe146c6ea78835ea18"),
        ("n50", "2e3f575c85d131c4aaf0f08bd6eb05795c3c78291c4fe72066feadc2fb33a944"),
        ("k5", "77ce59ae11bc25cb7bfa4c55ad95484a6cd80984b7cf8e58d8ef42923869035a"),
        ("battery-9", "b2e9a21fd02266288b346806664aabdad724cb88caf67a36f70d62d261f5e548"),
        ("battery-10", "4238090d2732d1b5445818260e13646bf53eadfb973331a4fce0a120b9e8facb"),
        ("battery-11", "95dc2d3e16e0fe11dfbe3a224a2d40ec57c94af26258351b3607424981974325"),
        ("harvest-05", "d12a5f175bd028a1db97bc70c5ee19141918e8adac4ba401929ffc246dec8dd1"),
        ("harvest-15", "9d5cfd6e5bafe84695d361a8885b7d0d677b9715d10897dbff4535586b29a328"),
        ("moderate", "249af2fae6c5ac195c42daa0292ed88cd33aadcdb8db628bbc317555f5ee4aa8"),
        ("strong", "398b5c6237036c8d862a6c676e8430aff6077c9a59d47dc4f156e0d02d4477cd"),
    ],
)
def test_instances_are_frozen(draw, size, sha256):
    """A change of the generator that changes instances must raise GENERATOR_VERSION and rebuild the library."""
    assert draw(1, size).sha256 == sha256


def test_same_seed_same_instance(draw):
    """An instance is its parameters and seed, whatever was drawn before it; another seed shares nothing random with it."""
    first = draw(7, "small", slots=4)
    draw(8, "paper")
    assert draw(7, "small", slots=4) == first
    assert differing(draw(8, "small", slots=4), first) == RANDOM


def test_stored_values_are_quantised(draw):
    """Nine digits are what makes the hash the same on any platform."""
    instance = draw(0, "scarce", attack="strong")
    for name in RANDOM - {"eavesdropper_estimate"} | {"battery"}:
        np.testing.assert_array_equal(getattr(instance, name), quantise(getattr(instance, name)))
    estimate = instance.eavesdropper_estimate
    assert (np.abs(estimate - quantise(estimate)) <= 1e-8).all()


def test_draws_follow_the_laws(draw):
    """Each range is filled evenly, gains in dB: quantiles of the uniform law."""
    instance = draw(0, "paper", devices=200, slots=20, attack="strong")

    def shares(values: np.ndarray, low: float, high: float) -> np.ndarray:
        share = (values - low) / (high - low)
        assert -1e-9 <= share.min() <= share.max() <= 1 + 1e-9
        return np.quantile(share, [0.1, 0.5, 0.9])

    for found, tolerance in (
        (shares(10 * np.log10(instance.gain), 8, 10), 0.01),
        (shares(10 * np.log10(instance.eavesdropper_gain), 4, 14), 0.01),
        (shares(instance.eavesdropper_estimate - instance.eavesdropper_gain, -instance.estimate_error, instance.estimate_error), 0.01),
        (shares(instance.harvest, 0.4, 1.2), 0.02),
        (shares(instance.most_frequency, 0.8e9, 1.5e9), 0.1),
        (shares(instance.most_power, 0.5, 1.0), 0.1),
    ):
        np.testing.assert_allclose(found, [0.1, 0.5, 0.9], atol=tolerance)
    flat = [
        instance.gain.ravel(),
        instance.eavesdropper_gain.ravel(),
        (instance.eavesdropper_estimate - instance.eavesdropper_gain).ravel(),
    ]
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 0.03


def test_scarce_supply_starts_low_and_comes_now_and_then(draw):
    """Class S: b(1) from 0.3 to 0.4 of the capacity, and in every other slot up to 0.05 of it."""
    instance = draw(0, "scarce", devices=200, slots=20)
    np.testing.assert_allclose(np.quantile(instance.battery / 8, [0.1, 0.5, 0.9]), [0.31, 0.35, 0.39], atol=0.01)
    some = instance.harvest > 0
    assert some.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(np.quantile(instance.harvest[some] / 0.4, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)
    assert instance.harvest.mean() == pytest.approx(instance.mean_harvest, rel=0.05)


@pytest.mark.parametrize(("size", "secure"), [("paper", 86.4), ("moderate", 63.4), ("strong", 52.6)])
def test_shares_of_secure_chunks_are_the_calibrated_ones(draw, size, secure):
    """Share of device-chunks that are secure alone [%], as the specification measured it for the strengths of attack."""
    instance = draw(1, size, slots=100)
    alone = instance.gain * instance.eavesdropper_noise > instance.eavesdropper_most * instance.noise
    assert 100 * alone.mean() == pytest.approx(secure, abs=2.5)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"limit": "average"}, {"limit"}),
        ({"continuous_frames": True}, {"continuous_frames"}),
        ({"eavesdropper_power": "const"}, {"eavesdropper_power"}),
        ({"cycles_per_bit": 20.0}, {"cycles_per_bit"}),
        ({"reserve": 0.2}, {"reserve"}),
        ({"energy_limit": 0.1}, {"energy_limit"}),
        ({"attack": "strong"}, {"eavesdropper_gain", "eavesdropper_estimate", "eavesdropper_gain_law", "estimate_error"}),
        ({"estimate_error": 0.2}, {"eavesdropper_estimate", "estimate_error"}),
        ({"harvest_rate": 0.15}, {"harvest", "harvest_law", "mean_harvest"}),
        ({"supply": "scarce"}, {"battery", "harvest", "harvest_law", "mean_harvest"}),
        ({"capacity": 9.0}, {"capacity", "battery", "reserve", "energy_limit", "harvest", "harvest_law", "mean_harvest"}),
    ],
)
def test_a_parameter_changes_its_fields_alone(draw, changes, fields):
    """Sweeps are paired: the same draws, one quantity another."""
    assert differing(draw(3, "paper"), draw(3, "paper", **changes)) == fields


def test_longer_and_larger_begin_with_the_shorter_and_smaller(draw):
    """The paper's sweep over N adds devices to those there; 50 slots begin with the first 10."""
    base, longer, larger = draw(3, "paper"), draw(3, "long"), draw(3, "n50")
    for name in ("gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest"):
        np.testing.assert_array_equal(getattr(longer, name)[:, :10], getattr(base, name))
        np.testing.assert_array_equal(getattr(larger, name)[:20], getattr(base, name))
    assert differing(base, longer) == {"gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest"}


@settings(deadline=None, max_examples=25)
@given(
    devices=st.integers(1, 4),
    chunks=st.integers(1, 3),
    slots=st.integers(1, 4),
    supply=st.sampled_from(["plentiful", "scarce"]),
    attack=st.sampled_from(["weak", "moderate", "strong"]),
    harvest_rate=st.floats(0.05, 1.0),
    capacity=st.floats(1.0, 100.0),
    seed=st.integers(0, 10**6),
)
def test_every_size_gives_an_instance(seed, **parameters):
    """Nothing is rejected, whatever the size: the instance's own validation is the judge."""
    instance = generate(Parameters(**parameters), seed)
    assert instance.gain.shape == (parameters["devices"], parameters["slots"], parameters["chunks"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"most_power": (1.0, 0.5)},
            "field most_power: expected two numbers that rise from at least 1e-30 to at most 1e+30, found [1.0, 0.5]",
        ),
        ({"devices": 0}, "field devices: expected two numbers that rise from at least 1 to at most 10000, found [0, 0]"),
        ({"attack": "none"}, "field attack: input should be 'weak', 'moderate' or 'strong', found 'none'"),
        ({"harvest_rate": 0.01}, "expected field harvest_spread at most harvest_rate = 0.01, found 0.05"),
        ({"least_power": 0.7}, "expected field least_power at most 0.5, the lower end of field most_power, found 0.7"),
        ({"noise": float("nan")}, "field noise: input should be a finite number, found nan"),
        ({"harvets": 3}, "field harvets: expected no such field, found one"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    """A parameter that makes no sense is one sentence, not a strange instance."""
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate(SIZES["tiny"].model_dump() | changes)
    assert message in str(explain(caught.value, "parameters"))
