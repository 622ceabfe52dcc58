"""Pricing against brute force, and its bounds against plans that share channels in every secure way."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg import physics
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.pricing import Decisions, Leaves, ceiling, company, free, least_shares, marginals, price
from mecbench.problems.cmg.programme_compiled import forward
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.cmg.stages_compiled import local_cost, stage_values
from mecbench.problems.cmg.tables import select, tables

SMALL = {"devices": (1, 3), "chunks": (1, 2), "slots": (1, 3), "frames": (5, 8)}
CROWDED = [  # eavesdroppers so deaf that pairs, triples and more are secure, and channels so wide that they pay
    {},
    {"eavesdropper_noise": 0.3},
    {"eavesdropper_noise": 2.0, "bandwidth": 1e9},
    {"eavesdropper_noise": 0.5, "cycles_per_bit": 40.0, "least_power": 0.01},
    {"eavesdropper_power": "const"},
    {"continuous_frames": True, "eavesdropper_noise": 0.3},
]


def draw_prices(instance, seed):
    """Prices of energy and channels over some orders of magnitude, half of the former 0."""
    random = np.random.default_rng(seed)
    devices, slots, chunks = instance.gain.shape
    energy = random.exponential(10.0 ** random.uniform(-1, 2), (devices, slots)) * (random.random((devices, slots)) < 0.5)
    return energy, random.exponential(10.0 ** random.uniform(-2, 0.5), (slots, chunks))


def choices(instance, energy_price):
    """Cost of a bit, local [N, T] and alone [N, T, K], by the closed forms; infinite for who is not secure."""
    weight = instance.energy_weight + energy_price
    common = instance.delay_weight, weight, instance.energy_coefficient
    frequency = forms.best_frequency(*common, instance.least_frequency, instance.most_frequency[:, None])
    local = forms.local_cost(*common, instance.cycles_per_bit, frequency)
    most, weight = instance.most_power[:, None, None], weight[..., None]
    power = forms.best_power(instance.delay_weight, weight, instance.gain, instance.noise, instance.least_power, most)
    rate = physics.uplink_rate(instance.bandwidth, power * instance.gain, instance.noise, 0.0)
    alone = forms.offload_cost(instance.delay_weight, weight, power, rate, instance.cycles_per_bit / instance.edge_frequency)
    secure = instance.eavesdropper_noise * instance.gain > instance.eavesdropper_most * instance.noise
    return local, np.where(secure, alone, np.inf), frequency, power


def brute_force(instance, n, k, local, alone, channel_price):
    """Value of every path of frame rates and modes of a chunk, with these."""
    rates = np.arange(instance.least_frames, instance.most_frames + 1.0)
    for path in product(rates, repeat=instance.slots):
        for modes in product((False, True), repeat=instance.slots):
            total = 0.0
            for t, (frames, offload) in enumerate(zip(path, modes, strict=True)):
                cost = alone[n, t, k] if offload else local[n, t]
                if not np.isfinite(cost):
                    break
                w, pixel = instance.running_weight[t], cost * instance.bits_per_pixel * frames
                r = forms.best_resolution(
                    w * instance.accuracy_weight,
                    instance.accuracy_drop,
                    instance.accuracy_scale,
                    np.array(pixel),
                    instance.least_resolution,
                    instance.most_resolution,
                )
                accuracy = physics.accuracy(instance.accuracy_ceiling, instance.accuracy_drop, instance.accuracy_scale, r)
                smooth = physics.smoothness(instance.most_frames, frames, path[t - 1] if t else frames)
                quality = physics.quality(instance.accuracy_weight, accuracy, instance.smoothness_weight, smooth)
                total += w * quality - pixel * r * r - offload * channel_price[t, k]
            else:
                yield total, path, modes


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_pricing_is_the_best_of_all_paths(draw, seed):
    """The programme's value and max-marginals are those of the best among all paths and modes."""
    instance = draw(seed, **SMALL)
    energy, channel = draw_prices(instance, seed)
    found, worth = price(tables(instance, 0.0), energy, channel), marginals(tables(instance, 0.0), energy, channel)
    local, alone, _, _ = choices(instance, energy)
    for n in range(instance.devices):
        for k in range(instance.chunks):
            paths = list(brute_force(instance, n, k, local, alone, channel))
            assert found.value[n, k] == worth.value[n, k] == pytest.approx(max(path[0] for path in paths), rel=1e-9)
            for t in range(instance.slots):
                kept = max(value for value, _, modes in paths if not modes[t])
                assert worth.local[n, t, k] == pytest.approx(kept, rel=1e-9)
                if np.isfinite(worth.offload[n, t, k]):
                    sent = max(value for value, _, modes in paths if modes[t]) + channel[t, k]
                    assert worth.offload[n, t, k] == pytest.approx(sent, rel=1e-9)


def draw_decisions(known, seed) -> Decisions:
    """A third of all offloads and half of all ranges of frame rates are decided."""
    random, nothing = np.random.default_rng(seed), free(known)
    shape, most = nothing.offload.shape, known.frames.size - 1
    ends = np.sort(random.integers(0, most + 1, (2, *shape)), axis=0)
    decided = random.random(shape) < 0.5
    return Decisions(
        random.choice(np.array([-1, 0, 0, 0, 0, 1], dtype=np.int8), shape), np.where(decided, ends[0], 0), np.where(decided, ends[1], most)
    )


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_decisions_leave_the_best_of_the_paths_that_keep_to_them(draw, seed):
    """The value under decisions is that of the best path within them, offloads that lose included; where there is none, nothing is."""
    instance = draw(seed, **SMALL)
    energy, channel = draw_prices(instance, seed)
    known = tables(instance, 0.0)
    decided = draw_decisions(known, seed)
    found = price(known, energy, channel, decided)
    local, alone, _, _ = choices(instance, energy)
    for n in range(instance.devices):
        for k in range(instance.chunks):
            wanted, lowest, highest = decided.offload[n, :, k], decided.lowest[n, :, k], decided.highest[n, :, k]
            best = -np.inf
            for value, path, modes in brute_force(instance, n, k, local, alone, channel):
                number = np.array(path) - instance.least_frames
                if (number >= lowest).all() and (number <= highest).all() and (np.where(modes, 1, -1) * wanted >= 0).all():
                    best = max(best, value)
            if best == -np.inf:
                assert found.value[n, k] < -1e199
                continue
            assert found.value[n, k] == pytest.approx(best, rel=1e-9)
            assert (found.frames[n, :, k] >= lowest).all()
            assert (found.frames[n, :, k] <= highest).all()
            assert (np.where(found.offload[n, :, k], 1, -1) * wanted >= 0).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_plan_of_pricing_is_what_the_evaluator_sees(draw, seed):
    """A lone device's priced plan has the stated energy, and the evaluator's objective less prices is its value."""
    instance = draw(seed, devices=(1, 1), chunks=(1, 3), slots=(1, 5), reserve_price=0.0)
    energy, channel = draw_prices(instance, seed)
    found = price(tables(instance, 0.0), energy, channel)
    local, alone, frequency, power = choices(instance, energy)
    frames = instance.least_frames + found.frames
    cost = np.where(found.offload, alone, local[..., None])
    resolution = forms.best_resolution(
        instance.accuracy_weight * instance.running_weight[:, None],
        instance.accuracy_drop,
        instance.accuracy_scale,
        cost * instance.bits_per_pixel * frames,
        instance.least_resolution,
        instance.most_resolution,
    )
    frequency = np.broadcast_to(frequency[..., None], frames.shape)
    plan = Solution(offload=found.offload, frames=frames, resolution=resolution, frequency=frequency, power=power)
    verdict = evaluate(instance, plan)
    spent = float((energy[..., None] * found.energy).sum() + (found.offload * channel).sum())
    assert verdict.violations["secrecy"].absolute == 0.0
    assert verdict.metrics["mean_energy_j"] == pytest.approx(found.energy.sum(axis=2).mean(), rel=1e-7)
    assert verdict.objective - spent == pytest.approx(found.value.sum(), rel=1e-8)


def shared_plan(instance, random):
    """Secure offloads of random sets at random shares, with the cost of a bit for each; shapes [N, T, K]."""
    devices, slots, chunks = instance.gain.shape
    mask = random.random((devices, slots, chunks)) < random.choice([0.3, 0.6, 1.0])
    share = random.dirichlet(np.ones(devices + 1), (slots, chunks))[..., :devices].transpose(2, 0, 1) * mask
    if random.random() < 0.7:  # powers need not follow shares within the bounds, so both kinds of draws are tried
        power = instance.noise * share / (instance.gain * (1.0 - share.sum(axis=0)))
        power = np.clip(power, instance.least_power, instance.most_power[:, None, None])
    else:
        power = instance.least_power * np.exp(random.random(mask.shape) * np.log(instance.most_power / instance.least_power)[:, None, None])
    move = (1, 0, 2)
    offload = physics.secrecy_repair(instance.channels, mask.transpose(move), power.transpose(move)).transpose(move)
    heard = physics.interference(offload.transpose(move), (power * instance.gain).transpose(move)).transpose(move)
    return offload, power, physics.uplink_rate(instance.bandwidth, power * instance.gain, instance.noise, heard)


@pytest.mark.parametrize("changes", CROWDED)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), cells=st.sampled_from([1, 3, 8]))
def test_no_secure_set_is_worth_more_than_the_ceiling(draw, changes, seed, cells):
    """Whatever devices share a channel, with no fees at all, the chunks' best paths are worth at most chunks and channels of the ceiling.

    Channels cost about what the best single offload gains, where the ceiling is tight.
    """
    random = np.random.default_rng(seed)
    instance = draw(seed, **({"devices": (2, 5), "chunks": (1, 2), "slots": (1, 3)} | changes))
    energy, channel = draw_prices(instance, seed)
    known = tables(instance)
    worth = marginals(known, energy, np.full(channel.shape, 1e3))
    channel = np.maximum((worth.offload - worth.value[:, None]).max(axis=0), 0.01) * random.uniform(0.3, 1.0)
    found = ceiling(known, energy, channel, cells)
    offload, power, rate = shared_plan(instance, random)
    weight = instance.energy_weight + energy[..., None]
    sent = forms.offload_cost(instance.delay_weight, weight, power, rate, instance.cycles_per_bit / instance.edge_frequency)
    total, stage, before = 0.0, np.empty((2, instance.slots, known.frames.size)), np.empty((instance.slots, known.frames.size))
    for n in range(instance.devices):
        for k in range(instance.chunks):
            for t in range(instance.slots):
                cost = sent[n, t, k] if offload[n, t, k] else local_cost(known, energy[n, t], n)
                stage_values(known, t, cost, stage[0, t])
            total += forward(known, stage[0], before)
    most = found.value.sum() + found.capacity.sum()
    assert total <= most * (1 + 1e-9)
    together = company(known, energy, channel, cells)[offload.sum(axis=0) > 1]
    assert (total <= most + together + 1e-9 * most).all()


def draw_leaves(known, random, energy):
    """Two leaves of each device, divided by an offload or a frame rate, at prices of their own; owned channels besides."""
    devices, slots, chunks = known.gain.shape
    device = np.repeat(np.arange(devices), 2)
    decisions, taken = free(select(known, device)), np.zeros((2 * devices, slots, chunks), dtype=bool)
    for n in range(devices):
        t, k = random.integers(slots), random.integers(chunks)
        if random.random() < 0.7:
            decisions.offload[2 * n : 2 * n + 2, t, k] = -1, 1
        else:
            decisions.highest[2 * n, t, k] = decisions.lowest[2 * n + 1, t, k] = random.integers(known.frames.size - 1)
            decisions.lowest[2 * n + 1, t, k] += 1
    if random.random() < 0.5:
        owner, t, k = random.integers(devices), random.integers(slots), random.integers(chunks)
        decisions.offload[device == owner, t, k] = 1
        taken[device != owner, t, k] = True
    eta = energy[device] * random.uniform(0.7, 1.4, (2 * devices, 1))
    return Leaves(device, random.normal(scale=0.05, size=device.size), decisions, taken), eta


@pytest.mark.parametrize("changes", CROWDED[:4])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), cells=st.sampled_from([1, 3, 8]))
def test_no_secure_set_is_worth_more_than_its_leaves(draw, changes, seed, cells):
    """Plans that share channels are worth no more than the ceiling, each device's in any of its leaves that the plan is in."""
    random = np.random.default_rng(seed)
    instance = draw(seed, **({"devices": (2, 5), "chunks": (1, 2), "slots": (1, 3)} | changes))
    energy, channel = draw_prices(instance, seed)
    known = tables(instance)
    worth = marginals(known, energy, np.full(channel.shape, 1e3))
    channel = np.maximum((worth.offload - worth.value[:, None]).max(axis=0), 0.01) * random.uniform(0.3, 1.0)
    leaves, eta = draw_leaves(known, random, energy)
    least = least_shares(known, eta, leaves.device)
    found = ceiling(known, eta, channel, cells, leaves, least)
    offload, power, rate = shared_plan(instance, random)
    received = offload * power * instance.gain
    useful = offload & (received / (instance.noise + received.sum(axis=0)) >= least[..., None])
    stage, before = np.empty((instance.slots, known.frames.size)), np.empty((instance.slots, known.frames.size))
    best = np.full(instance.devices, -np.inf)
    for e, n in enumerate(leaves.device.tolist()):
        wanted = leaves.decisions.offload[e]
        owned = np.delete(useful, n, axis=0).any(axis=0)
        if (np.where(useful[n], 1, -1) * wanted < 0).any() or (leaves.taken[e] & ~owned).any():
            continue
        weight = instance.energy_weight + eta[e][:, None]
        sent = forms.offload_cost(instance.delay_weight, weight, power[n], rate[n], instance.cycles_per_bit / instance.edge_frequency)
        total = leaves.worth[e]
        for k in range(instance.chunks):
            for t in range(instance.slots):
                stage_values(known, t, sent[t, k] if offload[n, t, k] else local_cost(known, eta[e, t], n), stage[t])
                stage[t, : leaves.decisions.lowest[e, t, k]] = stage[t, leaves.decisions.highest[e, t, k] + 1 :] = -1e200
            total += forward(known, stage, before)
        best[n] = max(best[n], total)
    assert best.sum() <= (found.value.sum() + found.capacity.sum()) + 1e-9 * np.abs(found.value).sum()


def test_sets_of_three_are_drawn_and_matter(draw):
    """Among the crowded worlds there are ones in which more than two devices share a channel and gain: the property above is not idle."""
    largest = gain = 0
    for seed in range(30):
        instance = draw(seed, devices=(5, 5), chunks=(2, 2), slots=(2, 2), **CROWDED[2])
        offload, power, rate = shared_plan(instance, np.random.default_rng(seed))
        largest = max(largest, int(offload.sum(axis=0).max()))
        local = local_cost(tables(instance), 0.0, 0)
        cost = forms.offload_cost(0.5, 0.5, power, rate, instance.cycles_per_bit / instance.edge_frequency)
        gain = max(gain, int((offload & (cost < local)).sum(axis=0).max()))
    assert largest >= 3
    assert gain >= 3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_ceiling_without_company_is_the_sum_of_prices(draw, seed):
    """Where no two devices can be secure beside each other, shares of channels change nothing and each channel is worth its price."""
    instance = draw(seed, devices=(2, 4), chunks=(1, 2), eavesdropper_noise=0.105)
    energy, channel = draw_prices(instance, seed)
    found = ceiling(tables(instance), energy, channel, 4)
    np.testing.assert_array_equal(found.value, found.single)
    assert ((found.capacity == channel) | (found.capacity == 0.0)).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_cells_of_continuous_rates_bound_them(draw, seed):
    """The smoothness of a pair of cells is at least that of any pair of rates in them, and size counts no more than theirs."""
    random = np.random.default_rng(seed)
    known = tables(draw(seed, continuous_frames=True))
    ends = np.append(known.frames, 30.0)
    before, now = random.integers(0, known.frames.size, (2, 200))
    part = random.random((2, 200))
    from_rate, to_rate = (ends[i] + u * (ends[i + 1] - ends[i]) for i, u in zip((before, now), part, strict=True))
    exact = 0.5 * physics.smoothness(30.0, to_rate, from_rate)
    assert (exact <= known.smoothness[before, now] + 1e-12).all()
    assert (known.frames[now] <= to_rate).all()
    assert (0.5 * to_rate / 30.0 <= known.first_smoothness[now] + 1e-12).all()
