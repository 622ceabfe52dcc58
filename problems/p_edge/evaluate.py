"""The evaluator of P-EDGE: (instance, solution) -> Evaluation, without any solver."""

from __future__ import annotations

import numpy as np

from mecbench.problems.evaluation import Evaluation, SolutionError, Violation
from mecbench.problems.p_edge import physics
from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.solution import Solution

__all__ = ["evaluate"]


def evaluate(instance: Instance, solution: Solution) -> Evaluation:
    """Evaluate an allocation by eq. (4).

    All constraints are integer, so feasibility has no tolerance.

    Raises
    ------
    SolutionError
        If the allocation does not have one entry per device.
    """
    allocation = solution.allocation
    if allocation.size != instance.devices:
        raise SolutionError(f"field allocation: expected {instance.devices} integers, one per device, found {allocation.size}")
    costs = physics.cost(instance.fixed_cost, instance.shared_cost, allocation)
    worst = int(np.argmax(costs))
    missing = max(0, 1 - int(allocation.min()))
    # Python integers: a wild solution must not overflow into feasibility.
    overuse = max(0, sum(allocation.tolist()) - instance.multiprocessors)
    latency = instance.own_latency + instance.tail_work / np.maximum(allocation, 1)
    return Evaluation(
        objective=float(costs[worst]),
        terms={"fixed": float(instance.fixed_cost[worst]), "shared": float(costs[worst] - instance.fixed_cost[worst])},
        violations={
            "least_share": Violation(float(missing), float(missing)),
            "capacity": Violation(float(overuse), overuse / instance.multiprocessors),
        },
        feasible=missing == 0 and overuse == 0,
        tolerance=0.0,
        metrics={
            "mean_cost": float(costs.mean()),
            "mean_latency_ms": float(latency.mean()),
            "max_latency_ms": float(latency.max()),
            "mean_energy_mj": float(instance.energy.mean()),
            "max_energy_mj": float(instance.energy.max()),
            "jain_index": float(costs.sum() ** 2 / (costs.size * (costs**2).sum())) if np.isfinite(costs).all() else 0.0,
            "unspent": float(max(0, instance.multiprocessors - sum(allocation.tolist()))),
        },
    )
