"""Branch-and-price: proven optima, trees that are certificates, and limits that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from mecbench.problems.p1 import Certificate, Instance, Parameters, bound, evaluate, generate
from mecbench.problems.p1.network import network
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p1.branch_and_price import BranchAndPrice, divide
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.pool import Pool
from mecbench.solvers.p1.tree import Tree

OPTIMA = {
    "mains-n2-q2-s2-k2-5": 0.08279191207,
    "mains-n2-q3-s2-k2-1": 0.14576226,
    "mains-n2-q3-s2-k3-1": 0.120408569,
    "mains-n2-q4-s1-k3-2": 1.0862279,
    "mains-n2-q4-s2-k2-5": 0.22476074,
    "mains-n3-q5-s2-k2-6": 1.187317569,
    "mains-n3-q5-s2-k3-3": 5.245827673,
    "literal-n3-q4-s2-k2-7": 3.916467111,
    "mains-n5-q8-s4-k3-4": 0.434862,
    "mains-n5-q9-s4-k3-7": 0.534226,
    "mains-n5-q12-s4-k3-4": 0.828767997,
    "mains-n7-q14-s20-k3-4": 1.061435712,
    "n10-0": 0.655002,
    "n10-1": 1.290685637,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in ("n10-1", "mains-n7-q14-s20-k3-4") else ()) for name in OPTIMA]
)
def test_known_optima_are_proven(tiny, accepted, name):
    """What monoliths proved in minutes is found and proven, by a tree that anyone can recompute."""
    instance = tiny(name)
    outcome = BranchAndPrice().solve(instance, Budget(60), 0)
    assert outcome.status == "optimal"
    assert accepted(instance, outcome.solution) == pytest.approx(OPTIMA[name], rel=1e-6)
    assert outcome.bound == bound(instance, outcome.certificate)
    assert accepted(instance, outcome.solution) * (1 - 1e-6) <= outcome.bound <= accepted(instance, outcome.solution)


def coarse(seed: int) -> Instance:
    """A random small world of any profile, with shares so coarse that a textbook MILP solves it at once."""
    random = np.random.default_rng(seed)
    parameters = Parameters(
        profile=str(random.choice(["mains", "literal"])),
        devices=(2, 3),
        tasks=(3, 6),
        arrival_slots=2,
        window=(1, 3),
        subcarriers=(1, 3),
        slot_fit=bool(random.random() < 0.3),
        deadline=float(random.choice([1.0, 2.0, 4.0])),
        penalty=float(random.choice([0.5, 5.0])),
    )
    instance, steps = generate(parameters, seed), int(random.integers(3, 9))
    changes = {"availability": instance.availability * steps // 100, "frequency": instance.frequency * 100 / steps}
    return Instance.model_validate(instance.model_dump() | changes)


def optimum(instance: Instance) -> float:
    """Optimal value by the MILP of all decisions, for which nothing of the decomposition is needed."""
    arcs, rows, lower, upper, *_ = network(instance)
    limits, kinds = LinearConstraint(rows, lower, upper), np.ones(arcs.cost.size)
    found = milp(arcs.cost, integrality=kinds, bounds=Bounds(0, 1), constraints=limits, options={"mip_rel_gap": 1e-9})
    assert found.status == 0
    return float(found.fun)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_random_worlds_agree_with_the_monolith(seed):
    """Deadlines, rare links, scarce hops and failures included, the tree ends where a MILP of all decisions does."""
    instance = coarse(seed)
    outcome = BranchAndPrice().solve(instance, Budget(20), 0)
    cost = optimum(instance)
    assert outcome.bound <= cost * (1 + 1e-9)
    verdict = evaluate(instance, outcome.solution)
    assert verdict.feasible
    assert verdict.objective == pytest.approx(cost, rel=2e-6)
    assert outcome.bound == pytest.approx(cost, rel=2e-6)


def test_a_cut_tree_is_a_certificate_too(tiny):
    """Few leaves prove less than all, and no more than is true; the more, the better."""
    instance = tiny("n10-0")
    pool = Pool(instance)
    generation = Generation(pool)
    generation.run(lambda: 60.0, lambda value: None)
    tree = Tree(generation)
    divide(tree, pool, lambda: 60.0, lambda: None)
    certificates = [tree.certificate(leaves) for leaves in (1, 5, 400)]
    assert [certificate.share_price.shape[0] for certificate in certificates[:2]] == [1, 5]
    bounds = [bound(instance, certificate) for certificate in certificates]
    assert bounds[0] == pytest.approx(0.643577, abs=1e-6)
    assert bounds[0] + 1e-4 < bounds[1] < bounds[2] - 1e-4
    assert bounds[2] == pytest.approx(OPTIMA["n10-0"], rel=1e-6)
    assert Certificate.model_validate(certificates[2].model_dump(mode="json")) == certificates[2]


@pytest.mark.parametrize("name", ["mains-n5-q9-s4-k3-7", "literal-n3-q4-s2-k2-7"])
def test_an_interrupted_tree_goes_on(tiny, name):
    """Time may end within any division: what was taken up is put back, bounds never fall, and the proof ends the same."""
    instance = tiny(name)
    generation = Generation(Pool(instance))
    generation.run(lambda: 60.0, lambda value: None)
    tree = Tree(generation)
    reached = [tree.bound]
    for ticks in range(20):
        clock = iter(range(ticks, -1, -1))
        tree.search(lambda: 60.0, lambda: None, lambda clock=clock: next(clock, 0))
        reached.append(tree.bound)
    tree.search(lambda: 60.0, lambda: None)
    assert tree.closed
    assert reached == sorted(reached)
    assert tree.best.cost == pytest.approx(OPTIMA[name], rel=1e-6)
