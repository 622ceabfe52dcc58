"""All exact methods of P1 give the same answer, and no bound of any is above a solution of any."""

from __future__ import annotations

import pytest

from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p1 import SIZES, Parameters, bound, generate

MONOLITHS = ["p1/milp-highs", "p1/milp-scip", "p1/minlp-scip"]
DECOMPOSITIONS = ["p1/branch-and-price", "p1/milp-highs:search_part=0.005"]  # the second with prices and plans known first
BOUND = "p1/column-generation"
PAIR = {"devices": 2, "tasks": 2, "window": 2, "subcarriers": 2}
ONE_HOP = {"devices": 2, "tasks": 3, "window": 2, "subcarriers": 1}
THREE = {"devices": 3, "tasks": 3, "window": 2, "subcarriers": 2}
CHARGED = {"devices": 2, "tasks": 3, "window": 2, "subcarriers": 1, "profile": "literal"}
FITTED = {"devices": 2, "tasks": 2, "window": 2, "subcarriers": 1, "slot_fit": True}


def draw(sizes, seed):
    """An instance of the class tiny, or near it."""
    return generate(Parameters.model_validate(SIZES["tiny"].model_dump() | sizes), seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "seeds", "monoliths"),
    [
        pytest.param(PAIR, range(1, 6), MONOLITHS, id="pair"),
        pytest.param(ONE_HOP, range(8), ["p1/minlp-scip"], id="one-hop"),
        pytest.param(THREE, range(5), ["p1/minlp-scip"], id="three"),
        pytest.param(CHARGED, range(2), ["p1/milp-highs"], id="charged"),
        pytest.param(FITTED, range(2), MONOLITHS[:2], id="fitted"),
    ],
)
def test_exact_methods_contain_one_optimum(solve_apart, accepted, sizes, seeds, monoliths):
    """Binaries in HiGHS and SCIP, products in SCIP, plans and prices: 22 instances, one optimum to 1e-6, none claims more."""
    instances = [draw(sizes, seed) for seed in seeds]
    exact = [*monoliths, *DECOMPOSITIONS]
    answers = solve_apart([*exact, BOUND], instances, time_limit=120.0)
    for instance, of_instance in zip(instances, _by(len(exact) + 1, answers), strict=True):
        *proofs, bounded = of_instance
        assert [answer.status for answer in proofs] == ["optimal"] * len(exact)
        costs = [accepted(instance, answer.solution) for answer in proofs]
        optimum = min(costs)
        assert costs == pytest.approx([optimum] * len(exact), rel=1e-6)
        assert bounded.bound == bound(instance, bounded.certificate)
        _check_claims(instance, accepted, optimum, of_instance)


@pytest.mark.slow
def test_cp_sat_joins_in(solve_apart, accepted):
    """In integers throughout, in a process without HiGHS: the same optima."""
    instances = [draw(PAIR, seed) for seed in (2, 3)]
    known = solve_apart(["p1/branch-and-price"], instances)
    for instance, answer, other in zip(instances, solve_apart(["p1/cp-sat"], instances, time_limit=120.0), known, strict=True):
        optimum = accepted(instance, other.solution)
        assert answer.status == other.status == "optimal"
        assert accepted(instance, answer.solution) == pytest.approx(optimum, rel=1e-6)
        _check_claims(instance, accepted, optimum, [answer, other])


def _by(number, answers):
    """Answers of each instance."""
    return [answers[first : first + number] for first in range(0, len(answers), number)]


def _check_claims(instance, accepted, optimum, answers):
    """No solution told on the way is below the optimum, and no bound above it."""
    for answer in answers:
        for solution, told in [*answer.reports, (answer.solution, answer.bound)]:
            assert solution is None or accepted(instance, solution) >= optimum * (1 - 1e-9), answer.algorithm
            assert told is None or not beats(optimum, told, Sense.MINIMISE), answer.algorithm
