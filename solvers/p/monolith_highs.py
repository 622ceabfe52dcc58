"""The whole of P as one MILP with tangents instead of cones, refreshed until the MILP's optimum is the true one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mecbench.problems.p import Instance, Solution, evaluate
from mecbench.problems.p.model import Programme, add_tangents, initial_tangents, linear, read, split_tangents, violated_tangents
from mecbench.solvers.monolith import TOLERANCE, MilpSolver, packages, solve_model
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees

__all__ = ["MonolithHighs", "algorithms"]

MILP_PART = 0.25  # of the gap, at which a single MILP may stop
PRECISION = 0.1  # of the gap, to which tangents support the cones
RELAXED_PRECISION = 1e-4  # the same in the relaxation, whose value they hardly change below it


@dataclass(frozen=True)
class MonolithHighs:
    """Outer approximation: solve the MILP, add tangents at its solution and at the exact split of its choices, repeat.

    The bound is the MILP's own, the solution the polished choices. With tangents at a split, the MILP values its
    choices as the evaluator does, so no choices come twice and the loop ends.

    Attributes
    ----------
    solver
        MILP solver that Pyomo calls.
    gap
        Relative gap to stop at.
    relaxation_rounds
        Most rounds of tangents at the continuous relaxation before the first MILP; 0 for the textbook's loop.
    """

    name: ClassVar[str] = "monolith-highs"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1

    solver: MilpSolver = "highs"
    gap: float = 1e-6
    relaxation_rounds: int = 0

    @property
    def requires(self) -> tuple[str, ...]:
        """Pyomo and the solver."""
        return packages(self.solver)

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance."""
        programme = linear(instance)
        add_tangents(programme, list(initial_tangents(programme)))
        bound = self._relax(programme, budget, seed)
        incumbent: Solution | None = None
        cost, rounds, closed = float("inf"), 0, False
        while True:
            verdict = solve_model(programme.model, self.solver, budget, seed, MILP_PART * self.gap)
            rounds += 1
            bound = max((value for value in (bound, verdict.bound) if value is not None), default=None)
            if not verdict.found:
                break
            solution = read(programme)
            evaluation = evaluate(instance, solution)
            if evaluation.feasible and evaluation.objective < cost:
                incumbent, cost = solution, evaluation.objective
            budget.report(incumbent, bound)
            closed = incumbent is not None and bound is not None and cost - bound <= self.gap * cost
            tangents = list(violated_tangents(programme, PRECISION * self.gap))
            if closed or not verdict.optimal or not tangents:
                break
            add_tangents(programme, [*tangents, *split_tangents(programme, solution)])
        return Outcome(
            incumbent,
            bound,
            status="optimal" if closed else "feasible" if incumbent else "unknown" if bound is None else "bounded",
            metrics={"milps": float(rounds)},
        )

    def _relax(self, programme: Programme, budget: Budget, seed: int) -> float | None:
        """Add tangents at the continuous relaxation; its bound."""
        if not self.relaxation_rounds:
            return None
        import pyomo.environ as pyo

        binaries = [variable for variable in programme.model.component_data_objects(pyo.Var) if variable.is_binary()]
        for variable in binaries:
            variable.domain = pyo.UnitInterval
        bound = None
        for _ in range(self.relaxation_rounds):
            verdict = solve_model(programme.model, self.solver, budget, seed)
            if not verdict.optimal:
                break
            value = float(pyo.value(programme.model.objective))  # of an LP, for which not every interface states a bound
            bound = value - TOLERANCE * max(1.0, abs(value))
            budget.report(bound=bound)
            tangents = list(violated_tangents(programme, RELAXED_PRECISION))
            if not tangents:
                break
            add_tangents(programme, tangents)
        for variable in binaries:
            variable.domain = pyo.Binary
        return bound


algorithms = (MonolithHighs,)
