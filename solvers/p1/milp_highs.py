"""The discretised programme of P1 as one MILP, solved by HiGHS or by another MILP solver that Pyomo finds."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mecbench.problems.p1 import Certificate, Instance, Solution, bound
from mecbench.problems.p1.model import highs_model, pyomo_milp
from mecbench.problems.p1.network import Network, flow, network, read, size
from mecbench.solvers.monolith import MilpSolver, packages, solve_model
from mecbench.solvers.outcome import Budget, Kind, Outcome, Sees
from mecbench.solvers.p1.column_generation import compile_pricing
from mecbench.solvers.p1.fixing import useful
from mecbench.solvers.p1.lns import Lns
from mecbench.solvers.p1.monolith import TOLERANCE, Best, fits, usable

__all__ = ["MilpHighs", "algorithms", "close"]

MEMORY = 4000.0  # bytes per binary, once it has begun to branch


@dataclass(frozen=True)
class MilpHighs:
    """The monolith: a binary for each task, slot, block, node and share.

    Attributes
    ----------
    solver
        MILP solver; others than HiGHS are called by Pyomo, begin without any solution, and report once, at their end.
    gap
        Relative gap to stop at.
    search_part
        Part of the time limit for large-neighbourhood search and column generation before, whose solution and prices rule
        most binaries out; 0 for the textbook's monolith.
    """

    name: ClassVar[str] = "milp-highs"
    kind: ClassVar[Kind] = "exact"
    sees: ClassVar[Sees] = "clairvoyant"
    version: ClassVar[int] = 1

    solver: MilpSolver = "highs"
    gap: float = 1e-6
    search_part: float = 0.0

    @property
    def requires(self) -> tuple[str, ...]:
        """The solver, and Pyomo where it stands between."""
        own = ("highspy",) if self.solver == "highs" else packages(self.solver)
        return tuple(dict.fromkeys((*own, *Lns.requires))) if self.search_part else own

    def prepare(self) -> None:
        """Compile what the search before needs."""
        if self.search_part:
            compile_pricing()

    def solve(self, instance: Instance, budget: Budget, seed: int) -> Outcome:
        """Solve an instance within the budget."""
        if not self.search_part:
            return close(instance, budget, seed, self.gap, solver=self.solver)
        part = dataclasses.replace(budget, time_limit=self.search_part * budget.remaining, started=time.monotonic())
        found = Lns().solve(instance, part, seed)
        known = found.solution if isinstance(found.solution, Solution) else None
        certificate = found.certificate if isinstance(found.certificate, Certificate) else None
        return close(instance, budget, seed, self.gap, known, certificate, self.solver)


def close(
    instance: Instance,
    budget: Budget,
    seed: int,
    gap: float,
    incumbent: Solution | None = None,
    certificate: Certificate | None = None,
    solver: MilpSolver = "highs",
) -> Outcome:
    """Solve the MILP until a gap is closed, from what is known already.

    Parameters
    ----------
    instance, budget, seed
        As for any solver.
    gap
        Relative gap to stop at.
    incumbent
        A feasible solution.
    certificate
        Prices, without branches. With an incumbent they rule out the binaries that nothing cheaper uses; what is left is as
        exact, and often a hundredth.
    solver
        MILP solver.
    """
    best = Best(instance, budget, gap)
    certified = float("-inf") if certificate is None else bound(instance, certificate)
    best.prove(certified)
    if incumbent is not None:
        best.offer(incumbent)
    kept = None if certificate is None or best.solution is None else useful(instance, certificate, best.cost)
    # A network of which little is kept is known only once it is built; the whole one is counted before.
    flows = network(instance, kept) if kept is not None or fits(budget, size(instance), MEMORY) else None
    binaries = size(instance) if flows is None else flows.arcs.cost.size
    if flows is not None and fits(budget, binaries, MEMORY) and usable(budget) > 0 and not best.closed:
        if solver == "highs":
            _by_highs(instance, flows, budget, seed, gap, best)
        else:
            _by_pyomo(instance, flows, budget, seed, gap, best, solver)
    outcome = best.outcome({"binaries": float(binaries)})
    improved = certificate is None or best.bound > certified
    return outcome if improved else dataclasses.replace(outcome, bound=certified, certificate=certificate)


def _by_highs(instance: Instance, flows: Network, budget: Budget, seed: int, gap: float, best: Best) -> None:
    """Solve by HiGHS itself, from the best solution, taking over what it finds as it finds it."""
    import highspy

    highspy.Highs.resetGlobalScheduler(True)  # refuses another number of threads than it has begun with
    highs = highspy.Highs()
    highs.silent()
    options = {
        "threads": budget.threads,
        "random_seed": seed % 2**31,
        "mip_rel_gap": 0.5 * gap,
        "mip_abs_gap": 0.0,
        "mip_feasibility_tolerance": TOLERANCE,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(highs_model(flows))
    if best.solution is not None:
        start = highspy.HighsSolution()
        start.col_value = flow(instance, flows.arcs, best.solution)
        highs.setSolution(start)

    def improved(event: Any) -> None:
        best.offer(read(instance, flows.arcs, np.asarray(event.data_out.mip_solution)))

    def proven(event: Any) -> None:
        best.prove(event.data_out.mip_dual_bound)
        event.interrupt(best.closed)

    highs.cbMipImprovingSolution.subscribe(improved)
    highs.cbMipInterrupt.subscribe(proven)
    highs.setOptionValue("time_limit", usable(budget))
    highs.run()
    best.prove(highs.getInfo().mip_dual_bound)
    highspy.Highs.resetGlobalScheduler(True)


def _by_pyomo(instance: Instance, flows: Network, budget: Budget, seed: int, gap: float, best: Best, solver: MilpSolver) -> None:
    """Solve by a solver that Pyomo calls."""
    model = pyomo_milp(flows)
    verdict = solve_model(model, solver, budget, seed, 0.5 * gap)
    if verdict.bound is not None:
        best.prove(verdict.bound)
    if verdict.found:
        best.offer(read(instance, flows.arcs, np.array([variable.value for variable in model.chosen.values()])))


algorithms = (MilpHighs,)
