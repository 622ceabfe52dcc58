"""The evaluator of P: (instance, solution) -> Evaluation, without any solver."""

from __future__ import annotations

import numpy as np

from mecbench.problems.evaluation import Evaluation, SolutionError, Violation
from mecbench.problems.p import physics
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.solution import Solution

__all__ = ["CAPACITY_TOLERANCE", "DELAY_TOLERANCE", "evaluate", "migrated"]

CAPACITY_TOLERANCE = 1e-9  # C5 and C6, relative
DELAY_TOLERANCE = 1e-7  # C8, relative


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Evaluate a solution by eqs. (4) to (13).

    A request fails where its server does not hold its service; it takes tau_fail, costs full leakage and full local
    energy, and must hold no share. C8 is the average over all requests, failed ones included. Storage is exact in
    bytes; `feasible` allows C5 and C6 a relative excess of 1e-9 and C8 of 1e-7.

    Raises
    ------
    SolutionError
        If a field has another shape than the instance asks for, or names a server or a cut that does not exist.
    """
    _check(instance, solution)
    slots, users = instance.service.shape
    slot, user = np.arange(slots)[:, None], np.arange(users)
    model, gains = instance.service_model[instance.service], slot % instance.gain.shape[0]
    server, cut, batch = solution.server, solution.cut, instance.batch
    hit = solution.deployment[slot // instance.interval, instance.service, server]

    uploaded = 8.0 * batch * instance.sent_bytes[model, cut] / instance.uplink_efficiency[gains, server, user]
    downloaded = 8.0 * instance.device_bytes[model, cut] / instance.downlink_efficiency[gains, server, user]
    device_flop = batch * instance.device_flop[model, cut]
    delay = physics.delay(
        device_flop / instance.user_flops,
        uploaded + downloaded,
        solution.bandwidth,
        batch * instance.edge_flop[model, cut],
        solution.compute,
    )
    energy = physics.energy(device_flop, instance.energy_per_flop, instance.user_watts, uploaded, solution.bandwidth)
    privacy = instance.privacy_price[user, model] * batch * instance.leakage_at_cut[model, cut]

    delay = np.where(hit, delay, instance.failure_delay)
    full_flop = batch * instance.device_flop[model, instance.layers[model]]
    energy = np.where(hit, energy, instance.energy_per_flop * full_flop)
    privacy = np.where(hit, privacy, instance.privacy_price[user, model] * batch)
    private, spent = instance.privacy_weight * float(privacy.mean()), instance.energy_weight * float(energy.mean())

    violations = {
        "compute": _overuse(server, solution.compute, instance.server_flops),
        "bandwidth": _overuse(server, solution.bandwidth, instance.bandwidth),
        "storage": _overfull(instance, solution.deployment),
        "delay": _excess(float(delay.mean()), instance.delay_limit),
        "failed_shares": _held_by_failures(instance, solution, hit),
    }
    tolerances = {"compute": CAPACITY_TOLERANCE, "bandwidth": CAPACITY_TOLERANCE, "storage": 0.0, "delay": DELAY_TOLERANCE}
    return Evaluation(
        objective=private + spent,
        terms={"privacy": private, "energy": spent},
        violations=violations,
        feasible=all(violation.relative <= tolerances.get(name, 0.0) for name, violation in violations.items()),
        tolerance=DELAY_TOLERANCE,
        metrics=_metrics(instance, solution, hit, delay, energy, privacy),
    )


def migrated(deployment: np.ndarray) -> np.ndarray:
    """Which services each interval places anew; before the first nothing is deployed; bool, shape [n, I, J]."""
    before = np.concatenate((np.zeros_like(deployment[:1]), deployment[:-1]))
    return deployment & ~before


def _check(instance: Instance, solution: Solution) -> None:
    wanted = {"deployment": (instance.intervals, instance.services, instance.servers)}
    wanted |= dict.fromkeys(("server", "cut", "bandwidth", "compute"), instance.service.shape)
    for name, shape in wanted.items():
        found = getattr(solution, name).shape
        if found != shape:
            raise SolutionError(f"field {name}: expected shape {list(shape)}, found {list(found)}")
    for name, most in (("server", np.full(instance.service.shape, instance.servers - 1)), ("cut", instance.cuts[instance.service])):
        values = getattr(solution, name)
        wrong = np.argwhere((values < 0) | (values > most))
        if wrong.size:
            place = tuple(wrong[0].tolist())
            raise SolutionError(f"field {name}: expected 0 to {most[place]} at {list(place)}, found {values[place]}")


def _overuse(server: np.ndarray, share: np.ndarray, capacity: np.ndarray) -> Violation:
    """C5 and C6: what the requests of a server hold in a slot, over its capacity; shapes [T, K], [T, K], [J]."""
    slots, servers = server.shape[0], capacity.size
    place = np.arange(slots)[:, None] * servers + server
    used = np.bincount(place.ravel(), weights=share.ravel(), minlength=slots * servers).reshape(slots, servers)
    over = np.maximum(used - capacity, 0.0)
    return Violation(float(over.max()), float((over / capacity).max()))


def _overfull(instance: Instance, deployment: np.ndarray) -> Violation:
    """C7, in whole bytes."""
    used = np.einsum("nij,i->nj", deployment.astype(np.int64), instance.service_bytes)
    over = np.maximum(used - instance.storage, 0)
    return Violation(float(over.max()), float((over / np.maximum(instance.storage, 1)).max()))


def _excess(found: float, limit: float) -> Violation:
    over = max(0.0, found - limit)
    return Violation(over, over / max(1.0, limit))


def _held_by_failures(instance: Instance, solution: Solution, hit: np.ndarray) -> Violation:
    """Shares that failed requests hold, though they must hold none, in parts of their server's whole."""
    server = solution.server
    parts = np.maximum(solution.bandwidth / instance.bandwidth[server], solution.compute / instance.server_flops[server])
    worst = float(np.where(hit, 0.0, parts).max())
    return Violation(worst, worst)


def _metrics(
    instance: Instance, solution: Solution, hit: np.ndarray, delay: np.ndarray, energy: np.ndarray, privacy: np.ndarray
) -> dict[str, float]:
    """Averages of the paper over all requests and over successes alone, per-user delay (27) and migration (23)."""
    placed = np.einsum("nij,i->j", migrated(solution.deployment).astype(np.int64), instance.service_bytes)
    served = int(hit.sum())
    metrics = {
        "mean_delay_s": float(delay.mean()),
        "mean_energy_j": float(energy.mean()),
        "mean_privacy": float(privacy.mean()),
        "success_rate": served / hit.size,
        "max_user_delay_s": float(delay.mean(axis=0).max()),
        "users_within_delay": float((delay.mean(axis=0) <= instance.delay_limit * (1.0 + DELAY_TOLERANCE)).mean()),
        "migrated_bytes": float(placed.sum()),
        "migration_s": float((8.0 * placed / instance.cloud_rate).sum()),
    }
    for name, values in (("delay_s", delay), ("energy_j", energy), ("privacy", privacy)):
        if served:
            metrics[f"success_mean_{name}"] = float(values[hit].mean())
    return metrics
