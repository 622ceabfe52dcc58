"""Certificates: no feasible plan beats one, whatever its dual data and the options of the instance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.certificate import Certificate, battery_terms, bound
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.evaluation import CertificateError, Sense, beats

WORLDS = [
    {},
    {"supply": "scarce"},
    {"supply": "scarce", "eavesdropper_noise": 0.5},
    {"limit": "average"},
    {"continuous_frames": True},
    {"eavesdropper_power": "const"},
    {"supply": "scarce", "reserve": 1.0, "harvest_spread": 0.6},
]


def draw_certificate(instance, seed) -> Certificate:
    """Random prices of a random size, most of them of energy 0."""
    random = np.random.default_rng(seed)
    devices, slots, chunks = instance.gain.shape

    def some():
        scale = 10.0 ** random.uniform(-2, 2)
        return random.exponential(scale, (devices, slots)) * (random.random((devices, slots)) < random.choice([0.0, 0.3, 1.0]))

    limit = some()
    return Certificate(
        limit_price=np.repeat(limit[:, :1], slots, axis=1) if instance.limit == "average" else limit,
        balance_price=some(),
        battery_price=some(),
        channel_price=random.exponential(10.0 ** random.uniform(-2, 0.5), (slots, chunks)),
        cells=int(random.integers(1, 12)),
    )


def lagrangian(instance, certificate, plan) -> float:
    """Objective and priced slack of a plan that need not keep energy limits and batteries, but needs no repair."""
    verdict = evaluate(instance, plan)
    assert verdict.violations["secrecy"].absolute == 0.0
    received = plan.power * instance.gain
    move = (1, 0, 2)
    heard = physics.interference(plan.offload.transpose(move), received.transpose(move)).transpose(move)
    bits = physics.size(instance.bits_per_pixel, plan.frames, plan.resolution)
    rate = physics.uplink_rate(instance.bandwidth, received, instance.noise, heard)
    local = physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, plan.frequency, bits)
    spent = np.where(plan.offload, physics.offload_energy(plan.power, rate, bits), local).sum(axis=2)
    level, total = instance.battery, verdict.objective
    for t in range(instance.slots):
        after = physics.battery_after(instance.capacity, level, spent[:, t], instance.harvest[:, t])
        total += float(certificate.limit_price[:, t] @ (instance.energy_limit - spent[:, t]))
        total += float(certificate.balance_price[:, t] @ (level - spent[:, t] + instance.harvest[:, t] - after))
        total += float(certificate.battery_price[:, t] @ (level - spent[:, t]))
        level = after
    return total


def secured(instance, plan) -> Solution:
    """The plan without the offloads that are not secure."""
    move = (1, 0, 2)
    offload = physics.secrecy_repair(instance.channels, plan.offload.transpose(move), plan.power.transpose(move)).transpose(move)
    return Solution.model_validate(plan.model_dump() | {"offload": offload, "requested": offload})


@pytest.mark.parametrize("changes", WORLDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_secure_plan_is_worth_more_than_the_bound(draw, decide, changes, seed):
    """Even plans that overspend stay below the bound once their slack is priced: the Lagrangian holds for all of them."""
    instance = draw(seed, **changes)
    certificate = draw_certificate(instance, seed)
    certified = bound(instance, certificate)
    for number in range(5):
        plan = secured(instance, decide(instance, seed + number, 0.4))
        assert lagrangian(instance, certificate, plan) <= certified + 1e-9 * abs(certified)


def never_beaten(instance, feasible, seed):
    """Twenty random feasible plans of a random instance against a random certificate."""
    certified = bound(instance, draw_certificate(instance, seed))
    for number in range(20):
        verdict = evaluate(instance, feasible(instance, seed + number))
        assert verdict.feasible
        assert not beats(verdict.objective, certified, Sense.MAXIMISE)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_feasible_plan_beats_a_bound(draw, feasible, seed):
    """A bound holds whatever the dual data: validity needs no good duals."""
    never_beaten(draw(seed, **WORLDS[seed % len(WORLDS)]), feasible, seed)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_five_thousand_feasible_plans_beat_no_bound(draw, feasible, seed):
    """The same for as many plans as the problem's description asks for."""
    never_beaten(draw(seed, **WORLDS[seed % len(WORLDS)]), feasible, seed)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_battery_terms_are_the_best_levels(draw, seed):
    """Three levels suffice: none between them is worth more."""
    instance = draw(seed, supply="scarce")
    certificate = draw_certificate(instance, seed)
    nu, zeta = certificate.balance_price, certificate.battery_price
    worth = np.concatenate((nu[:, 1:] + zeta[:, 1:], np.zeros((instance.devices, 1))), axis=1) - nu
    levels = np.linspace(0.0, instance.capacity, 1001)
    penalty = instance.chunks * instance.reserve_price * np.maximum(instance.reserve - levels, 0.0)
    searched = (worth[..., None] * levels - penalty).max(axis=-1)
    found = battery_terms(instance, nu, zeta)
    assert (found >= searched - 1e-9).all()
    assert (found <= searched + np.abs(worth) * instance.capacity / 1000 + instance.chunks * instance.capacity / 1000).all()


def test_prices_make_the_bound(draw):
    """Free channels and energy leave every device alone in the world; prices explain that they share it."""
    instance = draw(3, "small")
    zero = np.zeros((instance.devices, instance.slots))
    free = Certificate(
        limit_price=zero, balance_price=zero, battery_price=zero, channel_price=np.zeros((instance.slots, instance.chunks)), cells=8
    )
    priced = free.model_copy(update={"channel_price": np.full((instance.slots, instance.chunks), 0.4)})
    assert bound(instance, priced) < 0.9 * bound(instance, free)


def test_data_of_another_size_are_refused(draw):
    """Dual data of another instance cannot be mistaken for a bound."""
    instance, other = draw(0, devices=(2, 2)), draw(0, devices=(3, 3))
    with pytest.raises(CertificateError, match="limit_price"):
        bound(other, draw_certificate(instance, 0))


def test_an_average_has_one_price(draw):
    """Where only the average is limited, prices that differ between slots prove nothing and are refused."""
    instance = draw(1, limit="average", slots=(3, 3))
    data = draw_certificate(instance, 0).model_dump() | {"limit_price": np.arange(3.0 * instance.devices).reshape(instance.devices, 3)}
    with pytest.raises(CertificateError, match="one price"):
        bound(instance, Certificate.model_validate(data))


def test_negative_prices_are_refused(draw):
    """Weak duality needs prices of at least 0, so none below is read."""
    data = draw_certificate(draw(0), 0).model_dump()
    with pytest.raises(ValidationError, match="channel_price"):
        Certificate.model_validate(data | {"channel_price": -np.array(data["channel_price"])})
