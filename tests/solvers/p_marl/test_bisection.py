"""P-ORIG by bisection: proofs where they can be had, certified bounds and feasible decisions everywhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl import SIZES, Certificate, bound, evaluate, generate
from mecbench.problems.p_marl.certificate import LpDual
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.bisection import Bisection


@pytest.mark.parametrize(("size", "seed"), [("orig-20x3", 0), ("orig-20x3", 2), ("orig-20x3", 3), ("orig-60x5", 4), ("orig-60x5", 18)])
def test_small_instances_are_closed(size, seed):
    """Up to sixty devices the optimum is proved, and the proof is recomputed without a solver and refused once it is spoilt."""
    instance = generate(SIZES[size], seed)
    outcome = Bisection(gap=0.0).solve(instance, Budget(60), 0)
    verdict = evaluate(instance, outcome.solution)
    assert outcome.status == "optimal"
    assert verdict.feasible
    assert outcome.bound == bound(instance, outcome.certificate) == verdict.objective
    (proof,) = outcome.certificate.epochs
    above = proof.model_copy(update={"threshold": float(np.nextafter(verdict.objective, np.inf))})
    with pytest.raises(CertificateError, match="is not proved"):
        bound(instance, Certificate(kind="per-epoch", epochs=(above,)))
    if not isinstance(proof, LpDual):
        spoilt = proof.model_copy(update={"device_price": np.roll(proof.device_price, 1, axis=-1)})
        with pytest.raises(CertificateError, match="is not proved"):
            bound(instance, Certificate(kind="per-epoch", epochs=(spoilt,)))


def test_what_is_reported_holds():
    """Every incumbent is feasible, no bound is above the optimum, and both only improve."""
    instance, costs, bounds = generate(SIZES["orig-20x3"], 4), [], []

    def report(solution=None, bound=None):
        if solution is not None:
            verdict = evaluate(instance, solution)
            assert verdict.feasible
            costs.append(verdict.objective)
        if bound is not None:
            bounds.append(bound)

    outcome = Bisection(gap=0.0).solve(instance, Budget(60, report=report), 0)
    assert all(later <= earlier for earlier, later in pairwise(costs))
    assert all(later >= earlier for earlier, later in pairwise(bounds))
    assert bounds[-1] == costs[-1] == evaluate(instance, outcome.solution).objective


def test_a_short_budget_leaves_a_certified_gap():
    """Cut off early, there are still decisions and a certificate below them; a gap to stop at is kept to."""
    instance = generate(SIZES["orig-120x8"], 0)
    for gap, limit in ((0.0, 0.5), (0.01, 60.0)):
        outcome = Bisection(gap=gap).solve(instance, Budget(limit), 0)
        verdict = evaluate(instance, outcome.solution)
        assert verdict.feasible
        assert outcome.bound == bound(instance, outcome.certificate) <= verdict.objective
    assert verdict.objective <= outcome.bound * 1.01


def test_episodes_are_refused():
    """Several epochs are another problem, and the answer says so in one sentence."""
    with pytest.raises(InputError, match="expected one epoch for a solver of P-ORIG, found 20"):
        Bisection().solve(generate(SIZES["60x5"], 0), Budget(1), 0)
