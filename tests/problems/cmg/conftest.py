"""Random instances and decisions of CMG, and the paper's equations in plain Python."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from mecbench.problems.cmg.generate import SIZES, Parameters, generate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution


def draw_instance(seed: int, size: str = "tiny", **changes: object) -> Instance:
    """An instance of a size with some parameters changed."""
    return generate(Parameters.model_validate(SIZES[size].model_dump() | changes), seed)


def draw_decisions(instance: Instance, seed: int, asked: float = 0.5) -> Solution:
    """Any decisions within the bounds, secure and affordable or not."""
    random = np.random.default_rng(seed)
    shape = instance.gain.shape
    frames = random.uniform(instance.least_frames, instance.most_frames, shape)
    return Solution(
        offload=random.random(shape) < asked,
        frames=frames if instance.continuous_frames else np.round(frames),
        resolution=random.uniform(instance.least_resolution, instance.most_resolution, shape),
        frequency=instance.least_frequency + random.random(shape) * (instance.most_frequency - instance.least_frequency)[:, None, None],
        power=instance.least_power + random.random(shape) * (instance.most_power - instance.least_power)[:, None, None],
    )


def draw_plan(instance: Instance, seed: int) -> Solution:
    """A feasible plan: at most one secure offload on each channel of a slot, all of it cheap."""
    random = np.random.default_rng(seed)
    shape = devices, slots, chunks = instance.gain.shape
    alone = instance.gain * instance.eavesdropper_noise - instance.eavesdropper_most * instance.noise > 1e-9
    chosen = random.integers(0, devices, (slots, chunks))
    offload = (np.arange(devices)[:, None, None] == chosen) & alone & (instance.eavesdropper_power == "signal")
    plan = draw_decisions(instance, seed).model_dump() | {
        "offload": offload,
        "requested": offload,
        "frames": np.full(shape, instance.least_frames + random.integers(0, 3)),
        "resolution": random.uniform(320.0, 360.0, shape),
        "frequency": random.uniform(0.2e9, 0.4e9, shape),
    }
    return Solution.model_validate(plan)


def scalar_twin(instance: Instance, solution: Solution) -> SimpleNamespace:
    """Eqs. (2) to (24), one device, slot and chunk at a time, with the logarithms of the paper."""
    devices, slots, chunks = instance.gain.shape
    N, T, K = range(devices), range(slots), range(chunks)
    x = solution.offload.tolist()
    f, r, c, p = (getattr(solution, name).tolist() for name in ("frames", "resolution", "frequency", "power"))
    if not instance.continuous_frames:
        f = [[[float(round(v)) if abs(v - round(v)) <= 1e-6 else v for v in row] for row in rows] for rows in f]
    g, estimate, rho = instance.gain.tolist(), instance.eavesdropper_estimate.tolist(), instance.estimate_error
    W = instance.bandwidth

    def secrecy_rate(n: int, t: int, k: int) -> float:
        others = [j for j in N if j != n and x[j][t][k]]
        heard = instance.noise + sum(p[j][t][k] * g[j][t][k] for j in others)
        jammed = instance.eavesdropper_noise + sum(p[j][t][k] * max(estimate[j][t][k] - rho, 0.0) for j in others)
        watts = p[n][t][k] if instance.eavesdropper_power == "signal" else instance.eavesdropper_watts
        worst = max(estimate[n][t][k], 0.0) + rho
        return W * math.log2(1.0 + p[n][t][k] * g[n][t][k] / heard) - W * math.log2(1.0 + watts * worst / jammed)

    insecure_plan = any(x[n][t][k] and secrecy_rate(n, t, k) <= 0.0 for n in N for t in T for k in K)
    while refused := [(n, t, k) for n in N for t in T for k in K if x[n][t][k] and secrecy_rate(n, t, k) <= 0.0]:
        for n, t, k in refused:
            x[n][t][k] = False

    quality = cost = penalty = exceeded = spent_in_all = 0.0
    worst_battery = worst_limit = 0.0
    rewards = [[0.0] * slots for _ in N]
    for n in N:
        level, spent_by_device = float(instance.battery[n]), 0.0
        for t in T:
            spent = slot_quality = slot_cost = 0.0
            for k in K:
                bits = instance.bits_per_pixel * f[n][t][k] * r[n][t][k] ** 2
                if x[n][t][k]:
                    others = sum(p[j][t][k] * g[j][t][k] for j in N if j != n and x[j][t][k])
                    rate = W * math.log2(1.0 + p[n][t][k] * g[n][t][k] / (instance.noise + others))
                    latency = bits / rate + bits * instance.cycles_per_bit / instance.edge_frequency
                    energy = p[n][t][k] * bits / rate
                else:
                    latency = bits * instance.cycles_per_bit / c[n][t][k]
                    energy = instance.energy_coefficient * c[n][t][k] ** 2 * bits * instance.cycles_per_bit
                spent += energy
                slot_cost += instance.delay_weight * latency + instance.energy_weight * energy
                accuracies = [0.988 - 4.469 * math.exp(-r[n][s][k] / 200.0) for s in range(t + 1)]
                smooth = []
                for s in range(t + 1):
                    before = f[n][s - 1][k] if s else f[n][s][k]
                    smooth.append(f[n][s][k] / instance.most_frames * (1.0 - abs(f[n][s][k] - before) / before))
                slot_quality += instance.accuracy_weight * sum(accuracies) / (t + 1)
                slot_quality += instance.smoothness_weight * sum(smooth) / (t + 1)
            worst_battery = max(worst_battery, spent - level)
            if instance.limit == "slot":
                worst_limit = max(worst_limit, spent - instance.energy_limit)
            level = min(max(level - spent, 0.0) + float(instance.harvest[n, t]), instance.capacity)
            fined = sum(instance.reserve_price * max(instance.reserve - level, 0.0) for _ in K)
            rewards[n][t] = slot_quality - slot_cost - fined
            quality, cost, penalty = quality + slot_quality, cost + slot_cost, penalty + fined
            exceeded += max(spent - instance.energy_limit, 0.0)
            spent_in_all += spent
            spent_by_device += spent
        if instance.limit == "average":
            worst_limit = max(worst_limit, spent_by_device - slots * instance.energy_limit)
    return SimpleNamespace(
        objective=quality - cost - penalty,
        rewards=rewards,
        quality=quality,
        cost=cost,
        penalty=penalty,
        ecpr=100.0 * exceeded / spent_in_all,
        offloads=sum(x[n][t][k] for n in N for t in T for k in K),
        insecure=insecure_plan,
        battery=worst_battery,
        energy_limit=worst_limit,
    )


@pytest.fixture(scope="session")
def draw():
    """The function that draws an instance."""
    return draw_instance


@pytest.fixture(scope="session")
def decide():
    """The function that draws any decisions."""
    return draw_decisions


@pytest.fixture(scope="session")
def feasible():
    """The function that draws a feasible plan."""
    return draw_plan


@pytest.fixture(scope="session")
def twin():
    """The evaluator's scalar twin."""
    return scalar_twin
