"""What SCIP tells: every better solution as such, and bounds beside them."""

from __future__ import annotations

import numpy as np
import pyscipopt

from mecbench.solvers.scip import watch


def test_solutions_and_bounds_are_told_apart() -> None:
    """Solvers read a solution only where there is a new one; at the end both have met."""
    model = pyscipopt.Model()
    model.hideOutput()
    random = np.random.default_rng(0)
    items = [model.addVar(vtype="B", obj=-float(value)) for value in random.integers(10, 50, 25)]
    for weights in random.integers(5, 60, (5, 25)):
        model.addCons(pyscipopt.quicksum(float(weight) * item for weight, item in zip(weights, items, strict=True)) <= 300)
    solutions: list[float] = []
    bounds: list[float] = []
    watch(
        model,
        lambda solution: solutions.append(model.getSolObjVal(model.getBestSol())) if solution else bounds.append(model.getDualbound()),
    )
    model.optimize()
    assert solutions == sorted(solutions, reverse=True)
    assert solutions[-1] == model.getObjVal()
    assert bounds
    assert bounds == sorted(bounds)
    assert all(bound <= model.getObjVal() + 1e-9 for bound in bounds)
