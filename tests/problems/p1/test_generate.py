"""The generator: the laws of its sizes, frozen draws, and instances of known values."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.draws import quantise
from mecbench.problems.errors import InputError, explain
from mecbench.problems.p1.generate import SIZES, Parameters, generate

MAINS = ("tiny", "n5", "n10", "n30", "n50", "n100")


def draw(size: str, seed: int, **changes: object):
    """Instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


def test_sizes_are_the_design_s():
    """Six sizes, each under both profiles, the paper's three with slots that blocks must fit, and the paper's numbers of devices."""
    assert set(SIZES) == {*MAINS, *(f"literal-{size}" for size in MAINS), *(f"slot-fit-{size}" for size in ("n10", "n30", "n50"))}
    assert [draw(f"n{n}", 0).devices for n in (5, 10, 30, 50, 100)] == [5, 10, 30, 50, 100]
    tiny = [draw("tiny", seed) for seed in range(60)]
    assert {instance.devices for instance in tiny} == {2, 3}
    assert {instance.tasks for instance in tiny} == {3, 4, 5}
    assert {instance.window for instance in tiny} == {2, 3}
    assert {instance.subcarriers for instance in tiny} == {1, 2}
    assert all(instance.bandwidth == 1e6 * instance.subcarriers and instance.arrival_slots == 1 for instance in tiny)


@pytest.mark.parametrize("size", ["n10", "n30", "n50"])
def test_slot_fit_differs_in_time_alone(size):
    """Slots of 8/3 s that hop and block must fit; places, computes, loads and tasks as without."""
    fit = draw(f"slot-fit-{size}", 3)
    assert (fit.slot_fit, fit.deadline) == (True, 8.0)
    assert fit.model_copy(update={"slot_fit": False, "deadline": 3.0}).sha256 == draw(size, 3).sha256


@pytest.mark.parametrize("size", MAINS)
def test_profiles_differ_in_the_server_s_energy_alone(size):
    """`mains` and `literal` are paired: same places, computes, loads and tasks."""
    mains, literal = draw(size, 3), draw(f"literal-{size}", 3)
    assert mains.energy_coefficient[0] == 0.0
    assert (literal.energy_coefficient == 1e-26).all()
    assert mains == literal.model_copy(update={"energy_coefficient": mains.energy_coefficient})


def test_the_laws_are_the_paper_s():
    """Uniform computes and loads, 1.8 tasks per device, a fifth of the devices beyond the server's reach."""
    drawn = [draw("n100", seed) for seed in range(8)]
    frequency = np.concatenate([instance.frequency[1:] for instance in drawn])
    availability = np.concatenate([instance.availability[1:].ravel() for instance in drawn])
    assert 1e8 <= frequency.min() < 1.1e8
    assert 9.9e8 < frequency.max() <= 1e9
    assert frequency.mean() == pytest.approx(5.5e8, rel=0.03)
    assert np.unique(availability).tolist() == list(range(10, 101))
    assert availability.mean() == pytest.approx(55.0, rel=0.03)
    assert np.mean([instance.tasks for instance in drawn]) == pytest.approx(180.0, rel=0.06)
    assert np.mean([~instance.link[0, 1:] for instance in drawn]) == pytest.approx(0.21, abs=0.04)
    assert all((instance.availability[0] == 100).all() and instance.frequency[0] == 1e10 for instance in drawn)
    release = np.concatenate([instance.release for instance in drawn])
    np.testing.assert_allclose(np.bincount(release) / release.size, 1 / 3, atol=0.04)


@pytest.mark.parametrize("size", ["tiny", "n5", "n10", "n30"])
def test_every_device_reaches_the_server(size):
    """By itself or over one other device; nobody is cut off by the draw."""
    for seed in range(30):
        link = draw(size, seed).link
        assert (link[0, 1:] | (link[1:, 1:] & link[0, 1:]).any(axis=1)).all()


def test_same_seed_same_instance():
    """An instance is its parameters and seed, whatever was drawn before it."""
    first = draw("n10", 7)
    draw("n30", 8)
    assert draw("n10", 7) == first
    assert draw("n10", 8) != first


@pytest.mark.parametrize(
    ("size", "sha256"),
    [
        ("tiny", "7edbadf5ff95f65dc8ba73590ca9a9eee80714d4ca93a61ac12dfcce4a75a6cc"),
        ("n5", "e82123355d389469cf130fb4e756ecbf6a0ea83f2ac467585f28d77204bb67c2"),
        ("n10", "c393d29f704fa8e3cf9e4867eebbd929ee955fe18a31e61b11adfbb38bbf9848"),
        ("n30", "879e430a3fa0a69b9d299e04fd120c993dbdc3ef1758f5330c616d694b67f871"),
        ("n50", "6814a2139225202aed9db05a4e516b8c1bac8e3281ec5f14e2f09e3e4e982adc"),
        ("n100", "6cfbc26d995235a08feddf06c3c3b3d0015ccff74c901162ecb643cb37287052"),
        ("literal-tiny", "4522613c558acb7e6958a5cb3faeed2fae382309f67589c319398a15cc721bda"),
        ("literal-n5", "8701c056a1a6b3e174d918c2a6991b46da5d4c60d0f2abede18b40572aee14f0"),
        ("literal-n10", "f93ed6b30c681f972c11dc4e395aa1fc643c52b91d05f2e419c9c5607628a115"),
        ("literal-n30", "b0c97a25396b536ed70cc4694e97dab8c853b85da19825959bc8ff6bfd024b80"),
        ("literal-n50", "2f441cf49b587fee94122dfd63c06dcaad90711362e609d263286c20b14eb8f5"),
        ("literal-n100", "df159cadc98ec75810efed8b5b208a7f8a3fc4a4bf295b8372ee748ddc019c38"),
    ],
)
def test_instances_are_frozen(size: str, sha256: str):
    """A change of the generator that changes instances must raise GENERATOR_VERSION and rebuild the library."""
    assert draw(size, 1).sha256 == sha256


def test_stored_values_are_quantised():
    """Nine digits are what makes the hash the same on any platform."""
    instance = draw("n50", 0)
    for values in (instance.position, instance.frequency):
        np.testing.assert_array_equal(values, quantise(values))


def test_knobs_leave_the_rest_as_it_was():
    """A sweep over a knob is a paired comparison: places, computes, loads and tasks stay."""
    base = draw("n10", 2)
    same = ("position", "frequency", "availability", "source", "release")
    for changes in (
        {"subcarriers": 5},
        {"penalty": 1.2},
        {"slot_fit": True},
        {"energy_weight": 0.5, "delay_weight": 0.5},
        {"deadline": 2.0},
    ):
        changed = draw("n10", 2, **changes)
        assert changed != base
        for name in same:
            np.testing.assert_array_equal(getattr(changed, name), getattr(base, name))
    busy = draw("n10", 2, arrival_rate=1.2)
    assert busy.tasks > base.tasks
    assert busy.arrival_rate == 1.2
    np.testing.assert_array_equal(busy.position, base.position)
    np.testing.assert_array_equal(draw("n10", 2, arrival_slots=5).availability[:, :5], base.availability)


def test_background_load_can_be_off():
    """With a least availability of 100 every device is idle at the start."""
    assert (draw("n10", 0, least_availability=100).availability == 100).all()


def test_a_given_number_of_tasks_has_a_law_too():
    """Causal algorithms are told the Poisson law of the same mean, not the number itself."""
    assert draw("n5", 0).arrival_rate == pytest.approx(10 / (5 * 2))
    assert draw("n10", 0, tasks=12).tasks == 12


def test_a_trace_has_a_task():
    """Where the law gives none at all it is drawn again, since an instance without tasks asks nothing."""
    assert min(draw("n5", seed, tasks=None, arrival_rate=0.05).tasks for seed in range(50)) == 1


def test_the_measured_numbers_of_tasks(known):
    """The instances whose values are known are those of the measurements: their numbers of tasks are the printed ones."""
    counts = {n: [known(f"n{n}-{seed}").tasks for seed in range(5)] for n in (10, 30, 50)}
    assert counts == {10: [10, 17, 19, 21, 12], 30: [46, 53, 58, 45, 51], 50: [109, 104, 79, 89, 96]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": (9, 8)}, "expected field devices to rise from 1 to at most 10000, found [9, 8]"),
        ({"tasks": 0}, "expected field tasks to rise from 1 to at most 10000, found [0, 0]"),
        ({"frequency": (0.0, 1e9)}, "expected field frequency to rise from above 0, found [0.0, 1000000000.0]"),
        ({"profile": "battery"}, "input should be 'mains' or 'literal', found 'battery'"),
        ({"least_availability": 101}, "field least_availability: input should be less than or equal to 100, found 101"),
        ({"penatly": 3}, "field penatly: expected no such field, found one"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, object], message: str):
    """A parameter that makes no sense is one sentence, not a strange instance."""
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate(SIZES["n10"].model_dump() | changes)
    assert message in str(explain(caught.value, "parameters"))


def test_an_area_too_large_is_named():
    """Places from which the server is out of reach are drawn again, but not for ever."""
    with pytest.raises(InputError, match="expected an area of which devices reach the server over at most one other, found none"):
        draw("n30", 0, area=1e5)
