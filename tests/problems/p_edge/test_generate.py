from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.draws import quantise
from mecbench.problems.errors import InputError, explain
from mecbench.problems.p_edge import SIZES, Instance, Parameters, generate

FAMILIES = ("nsg-cuts", "random-cuts")


def draw(size: str, seed: int, **changes: object) -> Instance:
    """Instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("size", "low", "high", "capacity"), [("tiny", 2, 8, 32), ("small", 12, 20, 64), ("large", 1000, 1000, 4096)])
def test_sizes_are_the_design_s(family: str, size: str, low: int, high: int, capacity: int) -> None:
    """The sizes of a leaderboard mean the same everywhere, and every size of a range occurs."""
    counts = [draw(size, seed, family=family).devices for seed in range(40 if size == "tiny" else 15)]
    assert min(counts) >= low
    assert max(counts) <= high
    assert draw(size, 0, family=family).multiprocessors == capacity
    if size == "tiny":
        assert set(counts) == set(range(low, high + 1))


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_same_instance(family: str) -> None:
    """An instance is its parameters and seed, whatever was drawn before it."""
    first = draw("tiny", 7, family=family)
    draw("small", 8, family=family)
    assert draw("tiny", 7, family=family) == first
    assert draw("tiny", 8, family=family) != first


@pytest.mark.parametrize(
    ("size", "family", "sha256"),
    [
        ("tiny", "nsg-cuts", "8eef874cb268f142aaa90f83bc0622c3fb44fce7c2db4be632dc86f6715edf7f"),
        ("tiny", "random-cuts", "a0c7b90a2776c5073c8cdd688b31e16adb4bb2be11075e08887ceaeef52f8e28"),
        ("small", "nsg-cuts", "cd79ee704c3c1c1de757d59bdd61e51c92a544a36fb5657b77b37bd21340fb9b"),
        ("small", "random-cuts", "c62c4d7eb806c23857e2f268f1d143a9854f4fdab70c11fcd175128820438713"),
        ("paper", "nsg-cuts", "5bac7abb9b6bf305e7ece6098ec18b7575a494ca784de99152bfc6865c21fcf2"),
        ("paper", "random-cuts", "8cf7befebeb4a9873c78ba1daf8ba12055592a28610e5bcbdc9270553e57be66"),
        ("large", "nsg-cuts", "2a887dd87a60b4df518e179fcacaa6d20212bfc85ca1b107c2e66471b7a9a81c"),
        ("large", "random-cuts", "a1ca7adacd90f1a1f1876b7e1c06681b9406738eadce942a83a0e6f71ac0da49"),
    ],
)
def test_instances_are_frozen(size: str, family: str, sha256: str) -> None:
    """A change of the generator that changes instances must raise GENERATOR_VERSION and rebuild the library."""
    assert draw(size, 1, family=family).sha256 == sha256


@pytest.mark.parametrize("family", FAMILIES)
def test_splits_share_no_device(family: str) -> None:
    """Test, valid and train seeds draw from systems of their own: nothing of the test split is seen in training."""
    rates = []
    for first in (0, 10_000, 20_000):
        drawn = [draw(size, first + seed, family=family) for size in ("small", "paper") for seed in range(15)]
        rates.append({float(rate) for instance in drawn for rate in instance.uplink_rate})
    test, valid, train = rates
    assert not test & valid
    assert not test & train
    assert not valid & train


@pytest.mark.parametrize("family", FAMILIES)
def test_sampling_is_without_replacement(family: str) -> None:
    """A device is in an instance once."""
    instance = draw("large", 0, family=family)
    assert np.unique(np.stack([instance.clock_ratio, instance.uplink_rate]), axis=1).shape[1] == 1000


def test_random_cuts_are_uniform() -> None:
    """Every cut occurs equally often; the last group has none, since a local device is not the edge's business."""
    counts = np.bincount(np.concatenate([draw("large", seed, family="random-cuts").cut for seed in range(8)]))
    assert counts.size == 8
    np.testing.assert_allclose(counts, 1000, rtol=0.15)


def test_nsg_cuts_are_better_than_random_ones() -> None:
    """Devices that chose for themselves have small fixed costs; random ones include the hopeless."""
    nsg, random = (draw("large", 0, family=family).fixed_cost for family in FAMILIES)
    assert np.quantile(nsg, 0.99) < np.quantile(random, 0.9)


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_edges_are_a_partition(family: str) -> None:
    """Eleven seeds in a row are the edges of one system, no device twice."""
    edges = [draw("paper", seed, family=family) for seed in range(11)]
    rates = np.concatenate([edge.uplink_rate for edge in edges])
    assert np.unique(rates).size == rates.size
    if family == "random-cuts":
        assert rates.size == 240
    assert all(edge.multiprocessors == 256 for edge in edges)


def test_stored_values_are_quantised() -> None:
    """Nine digits are what makes the hash the same on any platform."""
    instance = draw("large", 0)
    for values in (instance.clock_ratio, instance.uplink_rate):
        np.testing.assert_array_equal(values, quantise(values))


def test_variant_with_24_multiprocessors() -> None:
    """L24 by plain parameters: the same decisions on an edge a tenth as wide, the overfull edge admits the neediest."""
    wide = Parameters()
    narrow = Parameters(multiprocessors=24, edge_multiprocessors=24, edge_work=180 * 24 / 256)
    instances = [(generate(wide, seed), generate(narrow, seed)) for seed in range(11)]
    for whole, admitted in instances:
        assert admitted.devices == min(whole.devices, 24)
        assert set(zip(admitted.clock_ratio, admitted.cut, strict=True)) <= set(zip(whole.clock_ratio, whole.cut, strict=True))
        # A device that runs locally loses most at the lowest clock.
        assert admitted.clock_ratio.max() <= np.sort(whole.clock_ratio)[admitted.devices - 1]
    assert any(whole.devices > 24 for whole, _ in instances)


def test_sweeps_compare_the_same_devices() -> None:
    """Another L or another edge changes nothing about who is there, so that a sweep is a paired comparison."""
    base, changed = draw("small", 3), draw("small", 3, multiprocessors=256)
    np.testing.assert_array_equal(base.uplink_rate, changed.uplink_rate)
    assert (base.multiprocessors, changed.multiprocessors) == (64, 256)


def test_fine_profile_is_embedded() -> None:
    """An instance carries its own copy of the profile it was drawn with."""
    instance = draw("large", 0, profile="mobilenet-v3-large-19", family="random-cuts")
    assert instance.group_macs.size == instance.cut_bytes.size == 19
    assert instance.cut.max() == 18


def test_one_edge_is_enough() -> None:
    """A system with a single edge has no second nearest one."""
    assert draw("tiny", 0, edges=1, population=20, area=0.3, family="random-cuts").devices >= 2


def test_lone_number_of_devices() -> None:
    """``devices=5`` is short for exactly five."""
    assert draw("tiny", 0, devices=5).devices == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": (9, 8)}, "expected field devices to rise from at least 1 to at most multiprocessors = 32, found [9, 8]"),
        ({"devices": (2, 33)}, "expected field devices to rise from at least 1 to at most multiprocessors = 32, found [2, 33]"),
        ({"family": "nsg"}, "input should be 'nsg-cuts' or 'random-cuts', found 'nsg'"),
        ({"bandwidth": float("nan")}, "field bandwidth: input should be a finite number, found nan"),
        ({"clock_floor": 1.5}, "field clock_floor: input should be less than or equal to 1, found 1.5"),
        ({"deviices": 3}, "field deviices: expected no such field, found one"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, object], message: str) -> None:
    """A parameter that makes no sense is one sentence, not a strange instance."""
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate(SIZES["tiny"].model_dump() | changes)
    assert message in str(explain(caught.value, "parameters"))


def test_unknown_profile_is_refused_at_once() -> None:
    """Parameters name a profile that exists."""
    with pytest.raises(ValueError, match="unknown profile 'vgg'"):
        Parameters(profile="vgg")


def test_too_many_devices_for_the_systems() -> None:
    """Twelve systems have only so many devices; nobody is sampled twice to fill up."""
    with pytest.raises(InputError, match="expected field devices to be at most 2880, all that 12 systems have, found 4000"):
        draw("large", 0, devices=(4000, 4000), family="random-cuts")


def test_edges_that_nobody_wants() -> None:
    """If NSG leaves every device local there is no edge to draw, and the message says so."""
    with pytest.raises(InputError, match="found one where all run locally"):
        draw("paper", 0, radio_power=-200.0)
