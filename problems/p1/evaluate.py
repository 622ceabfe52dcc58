"""The evaluator of P1: (instance, solution) -> Evaluation, without any solver."""

from __future__ import annotations

import numpy as np

from mecbench.problems.evaluation import Evaluation, SolutionError, Violation
from mecbench.problems.p1.instance import SERVER, TIME_TOLERANCE, Instance
from mecbench.problems.p1.plans import Account, account
from mecbench.problems.p1.solution import Solution

__all__ = ["evaluate", "usage"]

TIMED = ("deadline", "slot_fit")  # families with a tolerance; the others are integer


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Evaluate a solution by eqs. (1) to (10) and the penalty of (13).

    What a failed task has spent counts. Discrete constraints are exact; the deadline, and where asked for the fit into a slot,
    allow 1e-9 s.

    Raises
    ------
    SolutionError
        If a field has another shape than the instance asks for, or names a node, layer or subcarrier that does not exist.
    """
    _check(instance, solution)
    plans = account(instance, instance.source, solution.node, solution.layers_done, solution.share)
    penalty = instance.penalty * float(solution.fail.sum())
    terms = {
        "computation_energy": instance.energy_weight * float(plans.computation_energy.sum()),
        "transmission_energy": instance.energy_weight * float(plans.transmission_energy.sum()),
        "computation_delay": instance.delay_weight * float(plans.computation_time.sum()),
        "transmission_delay": instance.delay_weight * float(plans.transmission_time.sum()),
        "penalty": penalty,
    }
    cost = float(plans.cost.sum())
    violations = _violations(instance, solution, plans)
    return Evaluation(
        objective=cost + penalty,
        terms=terms,
        violations=violations,
        feasible=all(violation.absolute <= (TIME_TOLERANCE if name in TIMED else 0.0) for name, violation in violations.items()),
        tolerance=TIME_TOLERANCE,
        metrics=_metrics(instance, solution, plans, cost),
    )


def usage(instance: Instance, node: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Sum of the shares of each node's tasks in each slot [%], int64, shape [M, H].

    Parameters
    ----------
    instance
        The instance.
    node, share
        As in `Solution`, shape [Q, K].
    """
    used = np.zeros((instance.nodes, instance.slots), dtype=np.int64)
    np.add.at(used, (node, _slots(instance)), share)
    return used


def _slots(instance: Instance) -> np.ndarray:
    """Slots of each task's window, int64, shape [Q, K]."""
    return instance.release[:, None] + np.arange(instance.window)


def _check(instance: Instance, solution: Solution) -> None:
    shape = (instance.tasks, instance.window)
    for name in ("fail", "node", "layers_done", "share", "subcarrier"):
        wanted, found = shape[:1] if name == "fail" else shape, getattr(solution, name).shape
        if found != wanted:
            raise SolutionError(f"field {name}: expected shape {list(wanted)}, found {list(found)}")
    for name, most in (("node", instance.devices), ("layers_done", instance.layers), ("subcarrier", instance.subcarriers)):
        values = getattr(solution, name)
        wrong = np.argwhere(values > most)
        if wrong.size:
            place = tuple(wrong[0].tolist())
            raise SolutionError(f"field {name}: expected 0 to {most} at {list(place)}, found {values[place]}")


def _violations(instance: Instance, solution: Solution, plans: Account) -> dict[str, Violation]:
    layers = solution.layers_done
    done = np.concatenate((np.zeros_like(layers[:, :1]), layers[:, :-1]), axis=1)
    unlinked = plans.hop & ~np.isfinite(plans.transmission_time)
    completed = ~solution.fail
    missing = np.where(completed, instance.layers - layers[:, -1], 0)
    late = np.where(completed, plans.seconds - instance.deadline, 0.0)
    slow = plans.slot_seconds - instance.slot_seconds if instance.slot_fit else np.zeros(layers.shape)
    over = usage(instance, solution.node, solution.share) - instance.availability
    return {
        "subcarriers": _count(_shared_subcarriers(instance, solution)),  # (7)
        "hops": _count((plans.hop != (solution.subcarrier > 0)).sum()),
        "links": _count(unlinked.sum()),
        "capacity": _excess(over, instance.availability),  # (8)
        "shares": _count((plans.block != (solution.share > 0)).sum()),
        "order": _count((layers < done).sum()),
        "completion": _excess(missing, np.full(missing.shape, instance.layers)),  # (9)
        "finished": _count((plans.hop & (done == instance.layers)).sum()),
        "deadline": _excess(late, np.full(late.shape, instance.deadline)),  # (10)
        "slot_fit": _excess(slow, np.full(layers.shape, instance.deadline / instance.window)),
    }


def _count(number: int) -> Violation:
    """Violation of a constraint that holds or not, by how often it does not."""
    return Violation(float(number), float(number))


def _excess(over: np.ndarray, limit: np.ndarray) -> Violation:
    over = np.maximum(over, 0)
    return Violation(float(over.max()), float((over / np.maximum(limit, 1)).max()))


def _shared_subcarriers(instance: Instance, solution: Solution) -> int:
    """Hops that use a subcarrier which another hop of the slot uses already."""
    used = solution.subcarrier > 0
    key = (_slots(instance) * (instance.subcarriers + 1) + solution.subcarrier)[used]
    return int(key.size - np.unique(key).size)


def _metrics(instance: Instance, solution: Solution, plans: Account, cost: float) -> dict[str, float]:
    """Metrics of the paper's figures 5 to 7; delay, collaboration and waiting over completed tasks."""
    completed = ~solution.fail
    used = usage(instance, solution.node, solution.share)
    metrics = {
        "cost_without_penalty": cost,
        "completion_rate": float(completed.mean()),
        "collaborations": float((_computing_nodes(instance, solution, plans)[completed] - 1).sum()),
        "hops": float(plans.hop.sum()),
        "server_utilisation": _quotient(used[SERVER].sum(), instance.availability[SERVER].sum()),
        "device_utilisation": _quotient(used[1:].sum(), instance.availability[1:].sum()),
    }
    for t in range(instance.slots):
        metrics[f"server_utilisation_slot_{t}"] = _quotient(used[SERVER, t], instance.availability[SERVER, t])
        metrics[f"device_utilisation_slot_{t}"] = _quotient(used[1:, t].sum(), instance.availability[1:, t].sum())
    timed = completed & np.isfinite(plans.seconds)
    if timed.any():
        delay = plans.seconds[timed]
        metrics["mean_delay_s"] = float(delay.mean())
        metrics["delay_p95_s"] = float(np.quantile(delay, 0.95))
        metrics["mean_slots_waited"] = float(_waited(instance, solution, plans)[timed].mean())
    return metrics


def _quotient(used: float, available: float) -> float:
    return float(used / available) if available else 0.0


def _computing_nodes(instance: Instance, solution: Solution, plans: Account) -> np.ndarray:
    """Number of distinct nodes that ran a block of each task, int64, shape [Q]."""
    ran = np.zeros((instance.tasks, instance.nodes), dtype=bool)
    task, k = np.nonzero(plans.block)
    ran[task, solution.node[task, k]] = True
    return ran.sum(axis=1)


def _waited(instance: Instance, solution: Solution, plans: Account) -> np.ndarray:
    """Slots in which each task does nothing though layers are left, int64, shape [Q]."""
    return (~plans.hop & ~plans.block & (solution.layers_done < instance.layers)).sum(axis=1)
