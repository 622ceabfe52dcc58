"""The evaluator of P-MARL: (instance, solution) -> Evaluation, without any solver."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.evaluation import Evaluation, SolutionError, Violation
from mecbench.problems.p_edge import physics as device
from mecbench.problems.p_marl import physics
from mecbench.problems.p_marl.instance import Instance, Objective
from mecbench.problems.p_marl.solution import Solution

__all__ = ["Account", "Terms", "account", "evaluate", "own_terms", "price", "usage"]

MINUTE = 60.0  # [s]


class Terms(NamedTuple):
    """What devices' decisions come to before any edge is shared, all of one shape.

    Attributes
    ----------
    latency, energy
        D^lo + D^tr [ms] and E [mJ].
    tail_work
        w, work that is left to the edge [SM ms].
    switch
        Whether the device switches.
    fixed, shared
        a = R_c and b = R_f (eq. 11).
    """

    latency: np.ndarray
    energy: np.ndarray
    tail_work: np.ndarray
    switch: np.ndarray
    fixed: np.ndarray
    shared: np.ndarray


class Account(NamedTuple):
    """What devices pay, all of one shape: [T, M] of a solution.

    Attributes
    ----------
    latency, energy
        D [ms] and E [mJ] of a frame.
    switch
        Whether the device switched.
    switch_cost
        C as it enters the cost.
    cost
        c; infinite without a multiprocessor where one is needed, and where edge and cut contradict each other.
    """

    latency: np.ndarray
    energy: np.ndarray
    switch: np.ndarray
    switch_cost: np.ndarray
    cost: np.ndarray


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Evaluate a solution by eqs. (2) and (3).

    All constraints but the latency are integer; that one allows 1e-9 ms.

    Raises
    ------
    SolutionError
        If a field has another shape than [T, M], or names an edge or cut that does not exist.
    """
    _check(instance, solution)
    paid, used = account(instance, solution), usage(instance, solution)
    values = _values(instance, paid.cost)
    violations = _violations(instance, solution, paid, used)
    limit = physics.LATENCY_TOLERANCE
    return Evaluation(
        objective=values[instance.objective],
        terms=_terms(instance, paid),
        violations=violations,
        feasible=all(violation.absolute <= (limit if name == "latency" else 0.0) for name, violation in violations.items()),
        tolerance=limit,
        metrics={
            "mean_worst_cost": values["mean-worst"],
            "worst_mean_cost": values["worst-mean"],
            **_metrics(instance, solution, paid, used),
        },
    )


def account(instance: Instance, solution: Solution) -> Account:
    """What every device pays in every epoch; the solution must fit the instance's shape."""
    edge, cut = solution.edge, solution.cut
    rate = np.take_along_axis(instance.uplink_rate, np.maximum(edge - 1, 0)[..., None], axis=-1)[..., 0]
    local_latency, local_energy = _local(instance, edge, cut, rate)
    previous = np.concatenate((instance.previous_edge[None], edge[:-1]))
    terms = own_terms(instance, edge, cut, rate, local_latency, local_energy, previous)
    return price(instance, edge, cut, solution.allocation, terms)


def own_terms(
    instance: Instance,
    edge: np.ndarray,
    cut: np.ndarray,
    rate: np.ndarray,
    local_latency: np.ndarray,
    local_energy: np.ndarray,
    previous: np.ndarray,
) -> Terms:
    """What devices' decisions come to before any edge is shared (section 3 and eq. 11).

    All arrays and the result have one shape, whatever it is.

    Parameters
    ----------
    instance
        Whose constants hold; its trace is not read.
    edge, cut
        u and k.
    rate
        Uplink rate to the edge [bit/s]; not read of local devices.
    local_latency, local_energy
        D [ms] and E [mJ] of the whole network on the device.
    previous
        u of the epoch before, -1 for none.
    """
    attached = edge > 0
    share, sending = _head(instance, edge, cut, rate)
    latency = share * local_latency + sending
    energy = share * local_energy + instance.transmit_power * sending
    switch = physics.switches(edge, previous)
    charge = np.where(switch, instance.switch_cost, 0.0)
    nothing = np.zeros_like(charge)
    fixed_charge, shared_charge = (nothing, charge) if instance.divided_switch_cost else (charge, nothing)
    tail_work = np.where(attached, instance.tail_work[cut], 0.0)
    return Terms(
        latency,
        energy,
        tail_work,
        switch,
        device.fixed_cost(energy, latency, fixed_charge, instance.energy_unit, instance.latency_unit),
        tail_work / instance.latency_unit + shared_charge,
    )


def price(instance: Instance, edge: np.ndarray, cut: np.ndarray, allocation: np.ndarray, terms: Terms) -> Account:
    """What devices pay for their decisions and multiprocessors; all of one shape.

    Parameters
    ----------
    instance
        Whose constants hold; its trace is not read.
    edge, cut, allocation
        u, k and l.
    terms
        As `own_terms` has them.
    """
    sane = (edge == 0) == (cut == instance.groups)
    cost = np.where(edge > 0, device.cost(terms.fixed, terms.shared, allocation), terms.fixed)
    divisor = np.maximum(allocation, 1) if instance.divided_switch_cost else 1
    return Account(
        latency=physics.latency(terms.latency, terms.tail_work, allocation),
        energy=terms.energy,
        switch=terms.switch,
        switch_cost=np.where(terms.switch, instance.switch_cost, 0.0) / divisor,
        cost=np.where(sane, cost, np.inf),
    )


def _head(instance: Instance, edge: np.ndarray, cut: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the network that devices compute themselves and D^tr [ms]."""
    attached, k = edge > 0, np.minimum(cut, instance.groups - 1)
    sending = np.where(attached, device.transmission_latency(instance.cut_bytes[k], rate), 0.0)
    return np.where(attached, instance.head_share[k], 1.0), sending


def usage(instance: Instance, solution: Solution) -> np.ndarray:
    """Multiprocessors that each edge's devices hold, exact integers of any size, shape [T, N]."""
    used = np.zeros((instance.epochs, instance.edges), dtype=object)
    np.add.at(used, (np.arange(instance.epochs)[:, None], np.maximum(solution.edge - 1, 0)), _held(solution))
    return used


def _held(solution: Solution) -> np.ndarray:
    # Python integers: a wild solution must not overflow into feasibility.
    held: np.ndarray = np.where(solution.edge > 0, solution.allocation, 0).astype(object)
    return held


def _local(instance: Instance, edge: np.ndarray, cut: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latency and energy of the whole network on the devices, shape [T, M], at the clocks that the decisions leave them."""
    if instance.drain == "exogenous":
        return instance.local_latency, instance.local_energy
    share, sending = _head(instance, edge, cut, rate)
    battery = instance.battery
    latency, energy = np.empty_like(share), np.empty_like(share)
    for epoch in range(instance.epochs):
        latency[epoch], energy[epoch] = instance.local_at(battery)
        battery = physics.drained(battery, share[epoch] * energy[epoch] + instance.transmit_power * sending[epoch], instance.frames)
    return latency, energy


def _values(instance: Instance, cost: np.ndarray) -> dict[Objective, float]:
    """Both objectives."""
    if not np.isfinite(cost).all():
        return {"mean-worst": np.inf, "worst-mean": np.inf}
    return {"mean-worst": physics.mean_worst(cost, instance.weights), "worst-mean": physics.worst_mean(cost, instance.weights)}


def _terms(instance: Instance, paid: Account) -> dict[str, float]:
    """Latency, energy and switching in the cost of whoever sets the objective."""
    if instance.objective == "mean-worst":
        epochs, worst = np.arange(instance.epochs), paid.cost.argmax(axis=1)
    else:
        epochs, worst = np.arange(instance.epochs), np.full(instance.epochs, (instance.weights[:, None] * paid.cost).sum(axis=0).argmax())
    parts = {
        "latency": paid.latency / instance.latency_unit,
        "energy": paid.energy / instance.energy_unit,
        "switching": paid.switch_cost,
    }
    return {name: float((instance.weights * part[epochs, worst]).sum()) for name, part in parts.items()}


def _check(instance: Instance, solution: Solution) -> None:
    shape = (instance.epochs, instance.devices)
    for name in ("edge", "cut", "allocation"):
        found = getattr(solution, name).shape
        if found != shape:
            raise SolutionError(f"field {name}: expected shape {list(shape)}, epochs and devices, found {list(found)}")
    for name, most in (("edge", instance.edges), ("cut", instance.groups)):
        values = getattr(solution, name)
        wrong = np.argwhere((values < 0) | (values > most))
        if wrong.size:
            place = tuple(wrong[0].tolist())
            raise SolutionError(f"field {name}: expected 0 to {most} at {list(place)}, found {values[place]}")


def _violations(instance: Instance, solution: Solution, paid: Account, used: np.ndarray) -> dict[str, Violation]:
    attached = solution.edge > 0
    contradiction = attached == (solution.cut == instance.groups)
    idle = np.where(attached, 0, np.abs(solution.allocation.astype(float)))
    local = max(float(contradiction.max()), float(idle.max()))
    missing = float(max(0, 1 - int(np.where(attached, solution.allocation, 1).min())))
    overuse = float(max(0, int(used.max()) - instance.multiprocessors))
    late = 0.0
    if instance.latency_limit is not None:
        # Within the tolerance by the solvers' own comparison is no violation, whatever the difference rounds to.
        late = max(0.0, float(np.where(paid.latency <= instance.latest, 0.0, paid.latency - instance.latency_limit).max()))
    return {
        "local": Violation(local, local),
        "least_share": Violation(missing, missing),
        "capacity": Violation(overuse, overuse / instance.multiprocessors),
        "latency": Violation(late, late / max(1.0, instance.latency_limit or 1.0)),
    }


def _metrics(instance: Instance, solution: Solution, paid: Account, used: np.ndarray) -> dict[str, float]:
    """Table 1 of the paper and what stands beside it; "max" is the largest mean of a device, as the paper's tight maxima fit."""
    attached = solution.edge > 0
    minutes = instance.epochs * instance.epoch_seconds / MINUTE
    metrics = {
        "switches_per_minute": float(paid.switch.sum() / (instance.devices * minutes)),
        "switch_cost_per_minute": float(paid.switch_cost.sum() / (instance.devices * minutes)),
        "local_share": float(1.0 - attached.mean()),
        "late_share": float((paid.latency > instance.latest).mean()),
        "unspent": float(np.maximum(instance.multiprocessors - used, 0).sum() / instance.epochs),
    }
    for name, values in (("latency_ms", paid.latency), ("energy_mj", paid.energy), ("cost", paid.cost)):
        metrics |= {f"mean_{name}": float(values.mean()), f"max_{name}": float(values.mean(axis=0).max())}
        if np.isfinite(values).all():
            metrics |= {f"p95_{name}": float(np.quantile(values, 0.95)), f"p99_{name}": float(np.quantile(values, 0.99))}
        metrics[f"largest_{name}"] = float(values.max())
    finite = np.isfinite(paid.cost).all()
    metrics["jain_index"] = float(paid.cost.sum() ** 2 / (paid.cost.size * (paid.cost**2).sum())) if finite else 0.0
    return metrics
