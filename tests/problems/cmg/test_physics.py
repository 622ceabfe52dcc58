"""Structure that the methods rest on: the rate region, secrecy in shares, and the repair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import physics

WIDE = 1e-6  # margins nearer to 0 than this are too close for two ways of computing to agree on their sign


@st.composite
def channels(draw, most: int = 6) -> tuple[physics.Channels, np.ndarray, np.ndarray]:
    """Channels of random gains, noise and estimates, who offloads on them, and powers; [2, N, 3]."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (2, draw(st.integers(1, most)), 3)
    gain = random.uniform(1.0, 12.0, shape)
    estimate, error = random.uniform(0.0, 14.0, shape), float(random.uniform(0.0, 2.0))
    made = physics.Channels(
        gain=gain,
        eavesdropper_most=np.maximum(estimate, 0.0) + error,
        eavesdropper_least=np.maximum(estimate - error, 0.0),
        noise=0.1,
        eavesdropper_noise=float(random.uniform(0.05, 0.3)),
        eavesdropper_watts=draw(st.sampled_from([None, 1.0])),
    )
    return made, random.random(shape) < random.random(), random.uniform(0.05, 1.0, shape)


@settings(deadline=None)
@given(case=channels())
def test_margin_has_the_sign_of_the_secrecy_rate(case):
    """The form without logarithms is that of (12): both say of each chunk whether it is secure."""
    made, offload, power = case
    rate = physics.uplink_rate(120e6, power * made.gain, made.noise, physics.interference(offload, power * made.gain))
    heard = (power if made.eavesdropper_watts is None else made.eavesdropper_watts) * made.eavesdropper_most
    jam = physics.interference(offload, power * made.eavesdropper_least)
    secrecy_rate = rate - physics.eavesdropping_rate(120e6, heard, made.eavesdropper_noise, jam)
    margin = physics.secrecy_margin(made, offload, power)
    clear = np.abs(margin) > WIDE
    np.testing.assert_array_equal(margin[clear] > 0, secrecy_rate[clear] > 0)


@settings(deadline=None)
@given(case=channels())
def test_repair_is_deterministic_idempotent_and_secure(case):
    """What is left needs no repair, repairing it changes nothing, and the order of devices and channels does not matter."""
    made, requested, power = case
    kept = requested.copy()
    left = physics.secrecy_repair(made, requested, power)
    np.testing.assert_array_equal(requested, kept)
    assert not (left & ~requested).any()
    assert (physics.secrecy_margin(made, left, power)[left] >= physics.SECRECY_MARGIN).all()
    np.testing.assert_array_equal(physics.secrecy_repair(made, left, power), left)
    np.testing.assert_array_equal(physics.secrecy_repair(made, requested, power), left)
    turned = physics.Channels(*(part[:, ::-1, ::-1] if isinstance(part, np.ndarray) else part for part in made))
    np.testing.assert_array_equal(physics.secrecy_repair(turned, requested[:, ::-1, ::-1], power[:, ::-1, ::-1])[:, ::-1, ::-1], left)


def test_repair_needs_rounds():
    """Who is refused no longer jams the eavesdropper, so others fall after it, even where one of them alone would be secure."""
    column = np.array([[6.0, 9.0, 9.0], [13.0, 8.0, 7.0], [11.0, 6.0, 5.0]])[..., None]
    made, power, all_three = physics.Channels(*column, 0.1, 0.14), np.array([[0.9], [0.1], [0.6]]), np.ones((3, 1), dtype=bool)
    secure = physics.secrecy_margin(made, all_three, power) > 0
    assert secure.ravel().tolist() == [False, True, True]
    assert (physics.secrecy_margin(made, secure, power) < 0).all()
    assert not physics.secrecy_repair(made, all_three, power).any()
    single = np.array([[False], [True], [False]])
    np.testing.assert_array_equal(physics.secrecy_repair(made, single, power), single)


@settings(deadline=None)
@given(case=channels())
def test_rates_are_those_of_shares(case):
    """C1: theta = q / (sigma^2 + Q) gives the rate of (5), sums to less than 1, and gives the powers back."""
    made, offload, power = case
    received = power * made.gain
    share = physics.received_share(offload, received, made.noise)
    assert (share.sum(axis=-2) < 1.0).all()
    rate = physics.uplink_rate(120e6, received, made.noise, physics.interference(offload, received))
    np.testing.assert_allclose(physics.rate_of_share(120e6, share)[offload], rate[offload], rtol=1e-9)
    np.testing.assert_allclose(physics.power_of_share(share, made.gain, made.noise), np.where(offload, power, 0.0), rtol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), devices=st.integers(1, 6))
def test_any_shares_below_one_are_powers(seed, devices):
    """C1 conversely: every theta >= 0 of sum below 1 is the share of some powers."""
    random = np.random.default_rng(seed)
    share = random.dirichlet(np.ones(devices + 1))[:devices, None]
    gain = random.uniform(1.0, 12.0, (devices, 1))
    power = physics.power_of_share(share, gain, 0.1)
    assert (power >= 0.0).all()
    np.testing.assert_allclose(physics.received_share(power > 0.0, power * gain, 0.1), share, rtol=1e-9)


@settings(deadline=None)
@given(case=channels())
def test_secrecy_is_linear_in_shares(case):
    """C2: the margin over g, times (1 - Theta) / sigma^2, is s (1 - Theta) + sum theta_j rho-_j - rho+ (1 - theta)."""
    made, offload, power = case
    made = made._replace(eavesdropper_watts=None)
    theta = physics.received_share(offload, power * made.gain, made.noise)
    left = 1.0 - theta.sum(axis=-2, keepdims=True)
    least, most = made.eavesdropper_least / made.gain, made.eavesdropper_most / made.gain
    linear = (
        made.eavesdropper_noise / made.noise * left + (theta * least).sum(axis=-2, keepdims=True) - theta * least - most * (1.0 - theta)
    )
    margin = physics.secrecy_margin(made, offload, power) / made.gain * left / made.noise
    np.testing.assert_allclose(linear[offload], margin[offload], rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=200)
@given(case=channels(most=3))
def test_who_is_not_secure_alone_is_in_no_secure_set(case):
    """C3: there is no cooperative jamming. If all of a set are secure, each of them is alone, at any power."""
    made, offload, power = case
    made = made._replace(eavesdropper_watts=None)
    left = physics.secrecy_repair(made, offload, power)
    alone = made.gain * made.eavesdropper_noise - made.eavesdropper_most * made.noise
    assert (alone[left] > -WIDE).all()
    single = np.zeros_like(offload)
    single[:, 0] = True
    for scale in (1.0, 0.01, 100.0):
        np.testing.assert_allclose(physics.secrecy_margin(made, single, power * scale)[:, 0], alone[:, 0], rtol=1e-9, atol=1e-12)


def test_secure_sets_of_several_exist():
    """The lemma above is not empty: two devices that the eavesdropper hears badly are secure side by side."""
    made = physics.Channels(np.full((2, 1), 10.0), np.full((2, 1), 6.0), np.full((2, 1), 5.0), 0.1, 0.14)
    both = np.ones((2, 1), dtype=bool)
    assert physics.secrecy_repair(made, both, np.full((2, 1), 0.05)).all()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), frames=st.tuples(st.integers(5, 30), st.integers(5, 30)))
def test_smoothness_is_phi(seed, frames):
    """phi(f, f') = f^2 / f' where the rate falls and 2 f - f^2 / f' where it rises, at most the smaller of both rates."""
    now, before = (np.float64(rate) for rate in frames)
    phi = 30.0 * physics.smoothness(30.0, now, before)
    assert phi == pytest.approx(now**2 / before if now <= before else 2 * now - now**2 / before, rel=1e-12)
    assert phi <= min(now, before) + 1e-12


@settings(deadline=None)
@given(
    level=st.floats(0, 8), spent=st.floats(0, 20), harvest=st.floats(0, 2), capacity=st.floats(0.1, 8)
)  # fmt: skip
def test_batteries_are_never_negative_and_create_no_energy(level, spent, harvest, capacity):
    """(8): a level stays within 0 and the capacity; what was affordable leaves no more than level - spent + harvest."""
    level = min(level, capacity)
    after = float(physics.battery_after(capacity, np.float64(level), np.float64(spent), np.float64(harvest)))
    assert 0.0 <= after <= capacity
    if spent <= level:
        assert after <= level - spent + harvest + 1e-12


@pytest.mark.parametrize("slots", [1, 2, 10, 100])
def test_running_weights_sum_running_averages(slots):
    """sum_t A(t) = sum_t w_t a(t); w_1 = 2.93 for T = 10 and 5.19 for T = 100."""
    values = np.random.default_rng(slots).random((slots, 2))
    weight = physics.running_weight(slots)
    np.testing.assert_allclose(physics.running_average(values).sum(axis=0), (weight[:, None] * values).sum(axis=0), rtol=1e-12)
    assert {1: 1.0, 2: 1.5}.get(slots, weight[0]) == pytest.approx(weight[0])
    assert slots < 10 or weight[0] == pytest.approx({10: 2.93, 100: 5.19}[slots], abs=5e-3)
