"""The discretised flow problem against the evaluator, and its optimum against known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from mecbench.problems.p1.evaluate import evaluate
from mecbench.problems.p1.network import flow, network, read
from mecbench.problems.p1.solution import Solution

# Optima that two programmes, or a programme and a decomposition, proved where they were measured.
OPTIMA = {
    "mains-n2-q2-s2-k2-5": 0.08279191207,
    "mains-n2-q4-s2-k2-5": 0.22476074,
    "literal-n3-q4-s2-k2-7": 3.916467111,
    "mains-n3-q5-s2-k3-3": 5.245827673,
    "mains-n2-q3-s2-k3-1": 0.120408569,
    "mains-n2-q3-s2-k2-1": 0.14576226,
    "mains-n3-q5-s2-k2-6": 1.187317569,
}
FAST = ("mains-n2-q2-s2-k2-5", "mains-n2-q4-s2-k2-5")


def solve(flows):
    """Optimal flow, by the HiGHS within SciPy, which leaves the process free for other solvers."""
    rows = LinearConstraint(flows.rows, flows.lower, flows.upper)
    binary = np.ones(flows.arcs.cost.size)
    return milp(flows.arcs.cost, constraints=rows, integrality=binary, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-7}).x


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_solutions_and_flows_are_the_same(draw, feasible, seed):
    """A feasible solution is a feasible flow of the same cost, and reads back; only what failed tasks spent is dropped."""
    instance = draw(seed, most_share=30)
    flows, solution = network(instance), feasible(instance, seed)
    try:
        values = flow(instance, flows.arcs, solution)
    except ValueError:
        # A single step that costs more than failing has no arc, and no place in an optimum.
        verdict = evaluate(instance, solution)
        assert verdict.metrics["cost_without_penalty"] > instance.penalty
        return
    used = flows.rows @ values
    assert (used >= flows.lower - 1e-12).all()
    assert (used <= flows.upper + 1e-12).all()
    again = read(instance, flows.arcs, values)
    verdict = evaluate(instance, again)
    assert verdict.feasible
    assert flows.arcs.cost @ values == pytest.approx(verdict.objective, rel=1e-12)
    if not solution.fail.any():
        assert again == Solution.model_validate(solution.model_dump() | {"subcarrier": again.subcarrier})


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_optimal_flow_is_feasible(draw, feasible, seed):
    """What the programme calls optimal the evaluator accepts at the same cost, slot fit included, and no draw is better."""
    instance = draw(seed, devices=(1, 3), tasks=(1, 3), layers=(1, 3), most_share=5)
    flows = network(instance)
    values = solve(flows)
    verdict = evaluate(instance, read(instance, flows.arcs, values))
    assert verdict.feasible, verdict.violations
    assert verdict.objective == pytest.approx(flows.arcs.cost @ values, rel=1e-6)
    for number in range(20):
        assert evaluate(instance, feasible(instance, number)).objective >= verdict.objective * (1 - 1e-9)


@pytest.mark.parametrize("name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in OPTIMA])
def test_known_optima(known, name):
    """The programme, the physics and the frozen instances reproduce what was proven where the problem was described."""
    instance = known(name)
    flows = network(instance)
    verdict = evaluate(instance, read(instance, flows.arcs, solve(flows)))
    assert verdict.feasible
    assert verdict.objective == pytest.approx(OPTIMA[name], rel=3e-7)


def test_a_solution_outside_the_network_is_named(known):
    """A step that costs more than failing has no arc; a warm start with one is refused, not garbled."""
    instance = known("mains-n2-q2-s2-k2-5").model_copy(update={"penalty": 1e-3})
    stay = np.repeat(instance.source[:, None], 2, axis=1)
    data = {"fail": [False, False], "node": stay, "layers_done": [[8, 8]] * 2, "share": [[10, 0]] * 2, "subcarrier": 0 * stay}
    with pytest.raises(ValueError, match="expected a solution within the network"):
        flow(instance, network(instance).arcs, Solution.model_validate(data))
