"""The evaluator of CMG: (instance, solution) -> Evaluation, without any solver."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.evaluation import Evaluation, SolutionError, Violation

__all__ = ["BOUND_TOLERANCE", "ENERGY_TOLERANCE", "evaluate"]

BOUND_TOLERANCE = 1e-6  # of bounds, relative to them, and of integer frame rates [frame]
ENERGY_TOLERANCE = 1e-7  # of energy and battery [J]


class _Trace(NamedTuple):
    """What a plan does, slots first: shapes [T, N, K], of ``spent`` [T, N] and of ``battery`` [T + 1, N]."""

    executed: np.ndarray
    latency: np.ndarray
    spent: np.ndarray
    battery: np.ndarray
    secrecy_rate: np.ndarray


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Evaluate a solution by eqs. (2) to (24), summed as they are written.

    Offloads that are not secure are repaired away before anything is counted, and violate `secrecy`: a plan must need no repair.
    A policy's file holds what was executed, and beside it what had been requested. Frame rates within 1e-6 of integers count as those.

    Raises
    ------
    SolutionError
        If a field has another shape than the instance asks for.
    """
    for name in Solution.model_fields:
        found = getattr(solution, name).shape
        if found != instance.gain.shape:
            raise SolutionError(f"field {name}: expected shape {list(instance.gain.shape)}, found {list(found)}")
    frames, whole = _by_slot(solution.frames), _by_slot(np.round(solution.frames))
    fraction = np.zeros_like(frames) if instance.continuous_frames else np.abs(frames - whole)
    if not instance.continuous_frames:
        frames = np.where(fraction <= BOUND_TOLERANCE, whole, frames)
    resolution, frequency, power = _by_slot(solution.resolution), _by_slot(solution.frequency), _by_slot(solution.power)
    planned = _by_slot(solution.offload)
    with np.errstate(all="ignore"):  # what is far out of bounds may overflow
        margin = np.where(planned, physics.secrecy_margin(instance.channels, planned, power), np.inf)
        executed = physics.secrecy_repair(instance.channels, planned, power)
        trace, terms = _account(instance, executed, frames, resolution, frequency, power)
    objective = sum(terms.values())

    allowance = instance.energy_limit * (1 if instance.limit == "slot" else instance.slots)
    violations = {
        "frames": _outside(frames, instance.least_frames, np.array(instance.most_frames)),
        "integer_frames": _over(fraction, 0.0),
        "resolution": _outside(resolution, instance.least_resolution, np.array(instance.most_resolution)),
        "frequency": _outside(frequency, instance.least_frequency, instance.most_frequency[:, None]),
        "power": _outside(power, instance.least_power, instance.most_power[:, None]),
        "secrecy": _over(physics.SECRECY_MARGIN - margin, 0.0),
        "energy_limit": _over(trace.spent if instance.limit == "slot" else trace.spent.sum(axis=0), allowance),
        "battery": _over(trace.spent, trace.battery[:-1]),
    }
    tolerances = {"secrecy": 0.0, "energy_limit": ENERGY_TOLERANCE, "battery": ENERGY_TOLERANCE}
    return Evaluation(
        objective=objective if np.isfinite(objective) else -np.inf,
        terms=terms,
        violations=violations,
        feasible=all(violation.relative <= tolerances.get(name, BOUND_TOLERANCE) for name, violation in violations.items()),
        tolerance=BOUND_TOLERANCE,
        metrics=_metrics(instance, solution, objective, trace),
    )


def _by_slot(values: np.ndarray) -> np.ndarray:
    """View with slots first, as physics wants it: [N, T, ...] -> [T, N, ...]."""
    return np.swapaxes(values, 0, 1)


def _account(
    instance: Instance, executed: np.ndarray, frames: np.ndarray, resolution: np.ndarray, frequency: np.ndarray, power: np.ndarray
) -> tuple[_Trace, dict[str, float]]:
    """What the plan does, and the terms of the objective (25); shapes [T, N, K]."""
    received = power * instance.channels.gain
    bits = physics.size(instance.bits_per_pixel, frames, resolution)
    rate = physics.uplink_rate(instance.bandwidth, received, instance.noise, physics.interference(executed, received))
    latency = np.where(
        executed,
        physics.offload_latency(instance.cycles_per_bit, instance.edge_frequency, rate, bits),
        physics.local_latency(instance.cycles_per_bit, frequency, bits),
    )
    energy = np.where(
        executed,
        physics.offload_energy(power, rate, bits),
        physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, frequency, bits),
    )
    spent = energy.sum(axis=-1)
    battery = [instance.battery]
    for used, harvest in zip(spent, _by_slot(instance.harvest), strict=True):
        battery.append(physics.battery_after(instance.capacity, battery[-1], used, harvest))

    accuracy = physics.accuracy(instance.accuracy_ceiling, instance.accuracy_drop, instance.accuracy_scale, resolution)
    before = np.concatenate((frames[:1], frames[:-1]))
    smoothness = physics.smoothness(instance.most_frames, frames, before)
    quality = physics.quality(
        instance.accuracy_weight, physics.running_average(accuracy), instance.smoothness_weight, physics.running_average(smoothness)
    )
    cost = physics.cost(instance.delay_weight, latency, instance.energy_weight, energy)
    penalty = physics.penalty(instance.reserve_price, instance.reserve, np.array(battery[1:]))
    terms = {
        "quality": float(quality.sum()),
        "cost": -float(cost.sum()),
        "penalty": 0.0 - float(instance.chunks * penalty.sum()),  # of each chunk, as (24) has it
    }
    overheard = power * _by_slot(instance.eavesdropper_gain)
    jammed = physics.interference(executed, overheard)
    if instance.eavesdropper_power == "const":
        overheard = instance.eavesdropper_watts * _by_slot(instance.eavesdropper_gain)
    stolen = physics.eavesdropping_rate(instance.bandwidth, overheard, instance.eavesdropper_noise, jammed)
    return _Trace(executed, latency, spent, np.array(battery), rate - stolen), terms


def _outside(values: np.ndarray, least: float, most: np.ndarray) -> Violation:
    """Violation of bounds, relative to these; shapes that broadcast."""
    under, over = np.maximum(least - values, 0.0), np.maximum(values - most, 0.0)
    return Violation(float(np.maximum(under, over).max()), float(np.maximum(under / least, over / most).max()))


def _over(values: np.ndarray, most: np.ndarray | float) -> Violation:
    """Violation of a limit; shapes that broadcast."""
    over = np.maximum(values - most, 0.0)
    return Violation(float(over.max()), float((over / np.maximum(most, 1.0)).max()))


def _metrics(instance: Instance, solution: Solution, objective: float, trace: _Trace) -> dict[str, float]:
    """The paper's reward, energy exceedance (ECPR) and offloading success (SOR), and what explains them."""
    offloads, requests, spent = int(trace.executed.sum()), int(solution.requested.sum()), float(trace.spent.sum())
    exceeded = float(np.maximum(trace.spent - instance.energy_limit, 0.0).sum())
    metrics = {
        "reward": objective / (instance.devices * instance.slots),
        "ecpr_percent": 100.0 * exceeded / spent,
        "penalised_objective": objective - exceeded,  # a joule beyond the limit costs 1
        "offloads_per_channel": offloads / (instance.slots * instance.chunks),
        "mean_latency_s": float(trace.latency.mean()),
        "mean_energy_j": float(trace.spent.mean()),
        "least_battery_j": float(trace.battery.min()),
    }
    if requests:
        metrics["sor_percent"] = 100.0 * offloads / requests
    if offloads:
        metrics["mean_secrecy_rate_bps"] = float(trace.secrecy_rate[trace.executed].mean())
    return metrics
