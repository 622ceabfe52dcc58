from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.draws import quantise
from mecbench.problems.errors import explain
from mecbench.problems.p import SIZES, Instance, Parameters, generate, profiles

GIB = 2**30
SERVERS = ("server_position", "server_flops", "storage", "bandwidth", "server_power", "cloud_rate")
USERS = ("user_position", "user_flops", "user_power", "energy_per_flop", "privacy_preference")
WORLD = (*SERVERS, *USERS, "gain")
TRACE = ("warmup_service", "warmup_batch", "service", "batch")


def draw(size: str, seed: int, **changes: object) -> Instance:
    """Instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


def differing(first: Instance, second: Instance) -> set[str]:
    """Fields in which two instances differ."""
    return {name for name in Instance.model_fields if not np.array_equal(getattr(first, name), getattr(second, name))}


@pytest.mark.parametrize(
    ("size", "servers", "users", "services", "slots", "interval", "storage"),
    [
        ("tiny", 2, 4, 9, 2, 2, (1.2, 1.6)),
        ("small", 3, 6, 9, 4, 2, (1.2, 1.6)),
        ("medium", 5, 20, 18, 20, 10, (1.2, 2.0)),
        ("paper-10", 10, 50, 45, 10, 10, (3, 5)),
        ("paper-50", 10, 50, 45, 50, 10, (3, 5)),
        ("paper-200", 10, 50, 45, 200, 10, (3, 5)),
        ("large", 20, 150, 45, 50, 10, (3, 5)),
        ("tight-storage", 10, 50, 45, 10, 10, (1.8, 2.2)),
        ("tight-delay", 10, 50, 45, 10, 10, (3, 5)),
        ("low-band", 10, 50, 45, 10, 10, (3, 5)),
    ],
)
def test_sizes_are_the_specified_ones(
    size: str, servers: int, users: int, services: int, slots: int, interval: int, storage: tuple[float, float]
) -> None:
    """The sizes of a leaderboard mean the same everywhere."""
    instance = draw(size, 0)
    found = (instance.servers, instance.users, instance.services, instance.slots, instance.interval)
    assert found == (servers, users, services, slots, interval)
    assert (instance.storage >= storage[0] * GIB).all()
    assert (instance.storage <= storage[1] * GIB).all()
    assert instance.delay_limit == (1 if size == "tight-delay" else 3)
    assert instance.failure_delay == 10 * instance.delay_limit
    low, high = (10e6, 20e6) if size == "low-band" else (50e6, 100e6)
    assert ((low <= instance.bandwidth) & (instance.bandwidth <= high)).all()
    side = 1000 if size == "large" else 1000 * np.sqrt(servers / 10)
    assert instance.user_position.max() <= side < 1.5 * instance.user_position.max()


@pytest.mark.parametrize("size", SIZES)
def test_constants_are_table_1(size: str) -> None:
    """Weights and scales are the paper's, the rest the named resolutions."""
    instance = draw(size, 0)
    assert (instance.privacy_weight, instance.energy_weight) == (5, 5)
    assert (instance.privacy_base, instance.privacy_slope, instance.privacy_scale) == (0.31, 1.88, 0.01)
    assert (instance.noise_density, instance.noise_figure, instance.flops_per_mac) == (-174, 6, 1)
    assert instance.models == profiles.MODELS
    assert instance.gain.shape[0] == 1


def test_same_seed_same_instance() -> None:
    """An instance is its parameters and seed, whatever was drawn before it."""
    first = draw("small", 7)
    draw("medium", 8)
    assert draw("small", 7) == first
    assert draw("small", 8) != first


@pytest.mark.parametrize(
    ("size", "changes", "sha256"),
    [
        ("tiny", {}, "76b3e5805bb95da16e803902cf639cc351ff614a4a71e717b2307f057d63a863"),
        ("small", {}, "dc47e848312a2cad3e76ae10e280e73301643b30ac15acac7ded48980603b76a"),
        ("medium", {}, "659f755077b1b527af1fe36169e920bfd9ca3ff1e05be6b08df79a59a20ec3ab"),
        ("paper-10", {}, "6f97a74d9614a463c277a828e0d2467870632315a256276ee8861969d4110649"),
        ("paper-50", {}, "e3fdaa059d85652da0af367a8f2dfaf6d58e5f5c8024eb25d7f8370fe0616dd1"),
        ("paper-200", {}, "bc9eca56b849d1de7846d490677975c7ce490637edec8293f3b277f8b71e2d4c"),
        ("large", {}, "5d870b248de82cf75a19f5bb5b2164393d8a18e49bc76c583665884106ad642a"),
        ("tight-storage", {}, "6a6f84b10e41cbf02af4feef763b2e4368786e45351e5507509eefc7a9b0a2b4"),
        ("tight-delay", {}, "37d0dbebd6e49379e629d734367170856f60766195bf51aae5d2e730a360497c"),
        ("low-band", {}, "8e77dcb024a050bc05ab9ed6c2dfc5875079030870f5a8d2e6795941b67039d4"),
        ("small", {"fading": "rayleigh"}, "34488d65756c4bdd88a65ac6de6532e842871b4ec4fd3ccd9ed030fe853fa99f"),
        ("medium", {"world": 7}, "268db95e8df8cd631287173b37bc86b1e25b479532f9d6b9604520c5efc6834e"),
    ],
)
def test_instances_are_frozen(size: str, changes: dict[str, object], sha256: str) -> None:
    """A change of the generator that changes instances must raise GENERATOR_VERSION and rebuild the library."""
    assert draw(size, 1, **changes).sha256 == sha256


def test_stored_values_are_quantised() -> None:
    """Nine digits are what makes the hash the same on any platform."""
    instance = draw("paper-10", 0, fading="rayleigh")
    for name in WORLD:
        if name != "storage":
            np.testing.assert_array_equal(getattr(instance, name), quantise(getattr(instance, name)))


def test_draws_follow_table_1() -> None:
    """Each range is filled evenly: mean and ends of the uniform law over a hundred servers or more."""
    instance = draw("paper-10", 0, servers=400, users=400)
    for name, low, high in (
        ("server_flops", 500e9, 2000e9),
        ("storage", 3 * GIB, 5 * GIB),
        ("bandwidth", 50e6, 100e6),
        ("server_power", 30, 43),
        ("cloud_rate", 200e6, 500e6),
        ("user_flops", 10e9, 100e9),
        ("user_power", 20, 30),
        ("energy_per_flop", 1e-11, 1e-9),
        ("privacy_preference", 0.2, 0.8),
    ):
        share = (getattr(instance, name) - low) / (high - low)
        assert (share >= 0).all()
        assert (share <= 1).all()
        np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.08, err_msg=name)


def test_batches_are_uniform() -> None:
    """Every number of samples from 1 to 16 is as likely, in warm-up and trace."""
    instance = draw("paper-200", 0)
    counts = np.bincount(instance.batch.ravel(), minlength=17)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / instance.requests, 1 / 16, rtol=0.2)
    assert set(np.unique(instance.warmup_batch)) == set(range(1, 17))


def test_requests_follow_zipf() -> None:
    """The rank q is asked for in proportion to q^-0.8; one permutation says which service has which rank."""
    instance = draw("paper-200", 0, slots=2000)
    share = np.sort(np.bincount(instance.service.ravel(), minlength=45))[::-1] / instance.requests
    expected = np.arange(1, 46) ** -0.8
    np.testing.assert_allclose(share, expected / expected.sum(), rtol=0.12)
    halves = [np.bincount(half.ravel(), minlength=45) for half in (instance.service[:, :25], instance.service[:, 25:])]
    assert np.corrcoef(*halves)[0, 1] > 0.99  # the law is all users'
    first = [np.bincount(draw("paper-50", seed).service.ravel(), minlength=45).argmax() for seed in range(12)]
    assert len(set(first)) > 6  # and another world's is another


def test_popularity_of_zero_is_uniform() -> None:
    """Without Zipf's law every service is as likely."""
    instance = draw("paper-200", 0, slots=1000, popularity=0)
    np.testing.assert_allclose(np.bincount(instance.service.ravel()) / instance.requests, 1 / 45, rtol=0.15)


@pytest.mark.parametrize(
    ("servers", "lengths"), [(1, [1]), (2, [2]), (3, [3]), (5, [3, 2]), (10, [4, 3, 3]), (20, [5, 5, 5, 5])]
)  # fmt: skip
def test_servers_stand_in_rows(servers: int, lengths: list[int]) -> None:
    """floor(sqrt J) rows as even as possible, the first ones longer, each server in the middle of its cell."""
    place = draw("paper-10", 0, servers=servers, area=1.0).server_position
    rows, found = np.unique(place[:, 1], return_counts=True)
    assert found.tolist() == lengths
    np.testing.assert_allclose(rows, 1000 * (np.arange(len(lengths)) + 0.5) / len(lengths))
    np.testing.assert_allclose(place[: lengths[0], 0], 1000 * (np.arange(lengths[0]) + 0.5) / lengths[0])


def test_users_are_spread_evenly() -> None:
    """Users are uniform in the square."""
    place = draw("paper-10", 0, users=2000).user_position
    counts = np.histogram2d(place[:, 0], place[:, 1], bins=4, range=[(0, 1000), (0, 1000)])[0]
    np.testing.assert_allclose(counts, 125, rtol=0.35)


def test_gains_are_path_loss_and_shadowing() -> None:
    """30 dB at 1 m, 35 dB per decade, 8 dB of shadowing that no two pairs share."""
    clear, shadowed = (draw("paper-10", 0, users=500, shadowing=deviation) for deviation in (0, 8))
    distance = np.linalg.norm(clear.server_position[:, None] - clear.user_position, axis=-1)
    np.testing.assert_allclose(clear.gain[0], -(30 + 35 * np.log10(np.maximum(distance, 1))), rtol=1e-8)
    shadow = shadowed.gain[0] - clear.gain[0]
    assert abs(shadow.mean()) < 0.5
    assert shadow.std() == pytest.approx(8, rel=0.05)
    assert np.abs(np.corrcoef(shadow)[np.triu_indices(10, 1)]).max() < 0.2


def test_distances_below_a_metre_count_as_one() -> None:
    """A user below its server's mast does not gain beyond the loss at 1 m."""
    assert draw("paper-10", 0, area=1e-7, shadowing=0).gain.tolist() == [[[-30.0] * 50] * 10]


def test_efficiencies_are_plausible() -> None:
    """Efficiency of the best server: the medians that the specification measured, about 8 down and 4 up [bit/s/Hz]."""
    found = [draw("paper-10", seed) for seed in range(10)]
    down, up = (np.median([getattr(i, name).max(axis=1) for i in found]) for name in ("downlink_efficiency", "uplink_efficiency"))
    assert 7 < down < 9.5
    assert 3 < up < 5


def test_fading_is_per_slot_and_of_mean_one() -> None:
    """Rayleigh fading multiplies the power of each slot by an exponential of mean 1 and changes nothing else."""
    still, faded = draw("paper-200", 0), draw("paper-200", 0, fading="rayleigh")
    assert differing(still, faded) == {"gain"}
    assert faded.gain.shape == (200, 10, 50)
    factor = 10 ** ((faded.gain - still.gain) / 10)
    assert factor.mean() == pytest.approx(1, rel=0.02)
    assert factor.std() == pytest.approx(1, rel=0.02)
    assert abs(np.corrcoef(factor[:-1].ravel(), factor[1:].ravel())[0, 1]) < 0.02


def test_a_fixed_world_has_traces_of_its_own() -> None:
    """Train on fresh traces of one world and test on held-out ones: only the requests differ."""
    first, second = draw("medium", 20_000, world=5), draw("medium", 20_001, world=5)
    assert differing(first, second) == set(TRACE)
    popular = [np.bincount(draw("medium", seed, world=5, slots=500).service.ravel(), minlength=18) for seed in (1, 20_000)]
    assert np.corrcoef(*popular)[0, 1] > 0.95


def test_a_world_is_that_of_the_instance_with_its_seed() -> None:
    """The world's seed means the same with and without a fixed world, and the trace's too."""
    assert draw("medium", 5, world=5) == draw("medium", 5)
    assert not differing(draw("medium", 9, world=5), draw("medium", 5)) & set(WORLD)
    np.testing.assert_array_equal(draw("medium", 9, world=5).batch, draw("medium", 9).batch)


def test_worlds_of_other_seeds_share_nothing() -> None:
    """By default every instance is a new world, so a policy is tested on worlds it has never seen."""
    assert differing(draw("medium", 0), draw("medium", 1)) >= {*WORLD, *TRACE} - {"server_position"}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"storage": (1.8, 2.2)}, {"storage"}),
        ({"bandwidth": (10e6, 20e6)}, {"bandwidth"}),
        ({"delay_limit": 1.0}, {"delay_limit", "failure_delay"}),
        ({"failure_factor": 1.0}, {"failure_delay"}),
        ({"area": 4.0}, {"server_position", "user_position", "gain"}),
        ({"features": "pooled"}, {"output_bytes"}),
        ({"kilobyte": 1000}, {"storage", "privacy_scale"}),
        ({"popularity": 2.0}, {"service", "warmup_service"}),
        ({"energy_weight": 2.0}, {"energy_weight"}),
    ],
)
def test_a_parameter_changes_its_field_alone(changes: dict[str, object], fields: set[str]) -> None:
    """Sweeps and hard classes are paired: the same draws, one quantity another."""
    assert differing(draw("paper-10", 3), draw("paper-10", 3, **changes)) == fields


def test_a_longer_trace_begins_with_the_shorter() -> None:
    """The horizon is a sweep as well: 50 slots are the first of 200."""
    short, long = draw("paper-50", 3), draw("paper-200", 3)
    assert differing(short, long) == {"service", "batch"}
    np.testing.assert_array_equal(long.service[:50], short.service)
    np.testing.assert_array_equal(long.batch[:50], short.batch)


def test_more_users_are_the_same_and_others() -> None:
    """A sweep over K adds users and leaves those there, with their gains."""
    few, many = draw("paper-10", 3), draw("paper-10", 3, users=80)
    for name in USERS:
        np.testing.assert_array_equal(getattr(many, name)[:50], getattr(few, name))
    np.testing.assert_array_equal(many.gain[:, :, :50], few.gain)


def test_decimal_units() -> None:
    """With a KB of 1000 bytes a GB has 1e9, and a picture more kilobytes to be priced by."""
    binary, decimal = draw("paper-10", 3), draw("paper-10", 3, kilobyte=1000)
    np.testing.assert_allclose(decimal.storage / binary.storage, 1e9 / GIB)
    np.testing.assert_allclose(decimal.privacy_price / binary.privacy_price, 1.024)


@settings(deadline=None, max_examples=40)
@given(
    servers=st.integers(1, 7),
    users=st.integers(1, 7),
    slots=st.integers(1, 7),
    interval=st.integers(1, 4),
    models=st.lists(st.sampled_from(profiles.MODELS), min_size=1, max_size=4).map(tuple),
    services_per_model=st.integers(1, 3),
    fading=st.sampled_from(["none", "rayleigh"]),
    storage=st.floats(0, 5),
    seed=st.integers(0, 10**6),
)
def test_every_size_gives_an_instance(storage: float, seed: int, **sizes: object) -> None:
    """Nothing is rejected and nothing is left out, whatever the size: the instance's own validation is the judge."""
    instance = generate(Parameters.model_validate(sizes | {"storage": storage}), seed)
    assert instance.services == len(sizes["models"]) * sizes["services_per_model"]
    assert instance.service.shape == (sizes["slots"], sizes["users"])
    assert instance.warmup_service.shape == (sizes["interval"], sizes["users"])
    assert instance.gain.shape[0] == (1 if sizes["fading"] == "none" else sizes["slots"])
    assert np.unique(instance.storage).size == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"storage": (5.0, 3.0)}, "field storage: expected two numbers that rise from at least 0 to at most 1e+09, found [5.0, 3.0]"),
        (
            {"bandwidth": (0.0, 1e6)},
            "field bandwidth: expected two numbers that rise from at least 1e-30 to at most 1e+30, found [0.0, 1000000.0]",
        ),
        ({"batch": (0, 16)}, "field batch: expected two numbers that rise from at least 1 to at most 1e+06, found [0, 16]"),
        ({"fading": "rice"}, "field fading: input should be 'none' or 'rayleigh', found 'rice'"),
        ({"kilobyte": 1001}, "field kilobyte: input should be 1024 or 1000, found 1001"),
        ({"shadowing": float("nan")}, "field shadowing: input should be a finite number, found nan"),
        ({"servers": 0}, "field servers: input should be greater than or equal to 1, found 0"),
        ({"world": -1}, "field world: input should be greater than or equal to 0, found -1"),
        ({"servres": 3}, "field servres: expected no such field, found one"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, object], message: str) -> None:
    """A parameter that makes no sense is one sentence, not a strange instance."""
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate(SIZES["tiny"].model_dump() | changes)
    assert message in str(explain(caught.value, "parameters"))


def test_unknown_model_is_refused_at_once() -> None:
    """Parameters name models that exist."""
    with pytest.raises(ValueError, match="unknown profile 'vgg-11'"):
        Parameters(models=("vgg-11",))
