"""Nothing that a run said is believed: its record holds what was recomputed, and the status says what was refuted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mecbench.benchmarks.isolation.pool import Ending
from mecbench.benchmarks.judge import judge
from mecbench.benchmarks.plan import Plan, RunSpec
from mecbench.instances.files import StoredInstance
from mecbench.problems.p_edge import Solution, evaluate
from mecbench.solvers import Budget
from mecbench.solvers.p_edge.threshold import Threshold

ONES = {"allocation": [1] * 6}


@pytest.fixture
def spec(planned: Callable[..., Plan]) -> RunSpec:
    """Return a run on the first tiny instance."""
    return planned("p-edge/threshold").runs[0]


@pytest.fixture
def optimum(instances: list[StoredInstance]) -> tuple[dict[str, Any], float]:
    """Return an optimal solution of that instance and its objective."""
    solution = Threshold().solve(instances[0].instance, Budget(), 0).solution
    assert isinstance(solution, Solution)
    return solution.model_dump(mode="json"), evaluate(instances[0].instance, solution).objective


def _returned(**outcome: Any) -> Ending:
    described = {"solution": None, "bound": None, "certificate": None, "status": "feasible", "metrics": {}}
    return Ending("finished", 0, described | {"wall_seconds": 0.25, "cpu_seconds": 0.125} | outcome, wall_seconds=0.5, cpu_seconds=0.5)


def test_certified(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """A certificate that recomputes makes the bound certified and closes the gap."""
    record = judge(spec, _returned(solution=optimum[0], bound=0.0, certificate={"kind": "threshold", "threshold": optimum[1]}))
    assert (record.status, record.bound_kind, record.bound, record.gap) == ("ok", "certified", optimum[1], 0.0)
    assert record.feasible
    assert record.trace == [[0.25, optimum[1], optimum[1]]]
    assert (record.wall_seconds, record.cpu_seconds) == (0.25, 0.125)


def test_solvers_word(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """A bound without a certificate stays a solver's word, however true."""
    record = judge(spec, _returned(solution=optimum[0], bound=optimum[1] / 2))
    assert (record.status, record.bound_kind, record.gap, record.excess) == ("ok", "solver", 0.5, 1.0)
    assert judge(spec, _returned(solution=optimum[0])).bound_kind == "none"


def test_trivial_bound(spec: RunSpec) -> None:
    """Minus infinity bounds every minimum and says nothing; plus infinity bounds none."""
    record = judge(spec, _returned(solution=ONES, bound=-math.inf))
    assert (record.status, record.bound, record.bound_kind) == ("ok", None, "none")
    assert judge(spec, _returned(solution=ONES, bound=math.inf)).status == "invalid-output"


def test_refuted_by_reference(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """A bound is refuted by the best known solution even if the run's own one does not beat it."""
    claim = _returned(solution=ONES, bound=optimum[1] * 1.01)
    assert judge(spec, claim).status == "ok"
    record = judge(replace(spec, reference=optimum[1]), claim)
    assert record.status == "wrong-claim"
    assert record.feasible
    assert record.failed


def test_refuted_by_incumbent(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """So it is by an incumbent that the run itself reported, at a limit too."""
    incumbents = [[0.1, optimum[0], None], [0.2, None, optimum[1] * 1.01]]
    record = judge(spec, Ending("time", -9, None, incumbents, wall_seconds=1.5))
    assert record.status == "wrong-claim"
    assert "killed at its limit" in record.message


def test_false_certificate_is_kept(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """A certificate that does not hold refutes the run; it is kept, so that anybody can see."""
    certificate = {"kind": "threshold", "threshold": optimum[1] * 1.01}
    record = judge(spec, _returned(solution=optimum[0], bound=optimum[1], certificate=certificate))
    assert (record.status, record.bound_kind, record.certificate) == ("wrong-claim", "solver", certificate)


def test_wrong_claim_outranks_infeasible(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """An infeasible solution beside a false bound is a wrong claim: the graver of the two."""
    wild = {"allocation": [32] * 6}
    assert judge(spec, _returned(solution=wild)).status == "infeasible"
    assert judge(replace(spec, reference=optimum[1]), _returned(solution=wild, bound=optimum[1] + 1)).status == "wrong-claim"


def test_incumbents(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """At a limit the best feasible incumbent counts, not the last; what cannot be evaluated leaves only its time."""
    nan = {"allocation": [math.nan] * 6}
    wild = {"allocation": [32] * 6}
    incumbents = [[0.1, ONES, 0.25], [0.2, optimum[0], math.nan], [0.3, nan, None], [0.4, wild, 0.5]]
    record = judge(spec, Ending("memory", -9, None, incumbents, wall_seconds=1.0))
    assert record.status == "memout"
    assert (record.objective, record.feasible, record.solution) == (optimum[1], True, optimum[0])
    assert (record.bound, record.bound_kind) == (0.5, "solver")
    ones = record.trace[0][1]
    assert ones is not None
    assert ones > optimum[1]
    assert record.trace[1:] == [[0.2, optimum[1], None], [0.3, None, None], [0.4, None, 0.5]]
    assert not record.failed
    only_wild = judge(spec, Ending("time", -9, None, incumbents[3:]))
    assert (only_wild.feasible, only_wild.violation, only_wild.failed) == (False, 5.0, True)


def test_crash_keeps_no_objective(spec: RunSpec) -> None:
    """A crash is a failure whatever was reported before it; the trace still shows how far it came."""
    record = judge(spec, Ending("died", -11, None, [[0.1, ONES, None]]))
    assert (record.status, record.objective, record.gap, len(record.trace)) == ("crash", None, 1.0, 1)
    assert record.message == "killed by SIGSEGV without an outcome"


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending("died", -9, peak_memory_mib=930), "memout"),
        (Ending("died", -9, peak_memory_mib=900), "crash"),
        (Ending("died", -6, log_tail="terminate called after throwing an instance of 'std::bad_alloc'"), "memout"),
        (_returned(error="SomeError: no", trace="", memory=False), "crash"),
        (replace(_returned(error="SomeError: no", memory=False), log_tail="[mem.c] insufficient memory"), "memout"),
        (_returned(error="MemoryError: no", memory=True), "memout"),
    ],
)
def test_lack_of_memory(spec: RunSpec, ending: Ending, status: str) -> None:
    """A solver that dies of memory in its own way is a memout, not a crash that one would look for in its code."""
    assert judge(spec, ending).status == status


def test_no_solution(spec: RunSpec, optimum: tuple[dict[str, Any], float]) -> None:
    """A bound is all that a bounding algorithm owes; others owe a solution, and one that gives up at its limit ran out of time."""
    bound = _returned(certificate={"kind": "threshold", "threshold": optimum[1]})
    record = judge(replace(spec, kind="bound"), bound)
    assert (record.status, record.bound, record.objective, record.failed) == ("ok", optimum[1], None, False)
    assert judge(spec, replace(bound, wall_seconds=0.6 * spec.time_limit)).status == "timeout", "solvers stop early"
    assert judge(spec, replace(bound, wall_seconds=0.4 * spec.time_limit)).status == "invalid-output"


@pytest.mark.parametrize("solution", [[], 1, {"allocation": [10**30] * 6}, {"allocation": [1] * 6, "more": 1}, {"allocation": [[1]]}, {}])
def test_unreadable(spec: RunSpec, solution: Any) -> None:
    """No content whatsoever of a solution may end the job."""
    assert judge(spec, _returned(solution=solution)).status == "invalid-output"


def test_labels(spec: RunSpec) -> None:
    """The record says what was run in all detail, parameters apart."""
    record = judge(replace(spec, algorithm="p-edge/milp-onehot:eps=1e-3,cuts=0", suite="quick", seed=3), _returned(solution=ONES))
    assert record.parameters == {"eps": "1e-3", "cuts": "0"}
    assert (record.suite, record.seed, record.sense, record.version) == ("quick", 3, "minimise", "1")
    assert judge(replace(spec, algorithm="C:/own.py:f"), _returned(solution=ONES)).parameters == {}


def test_json(spec: RunSpec) -> None:
    """The JSON form has gap and excess and no number that JSON lacks."""
    data = judge(spec, _returned(solution=ONES, metrics={"ratio": math.nan})).to_json()
    assert data["gap"] == 1.0
    assert data["excess"] is None
    assert data["metrics"]["ratio"] is None
    assert data["violations"]["capacity"] == {"absolute": 0.0, "relative": 0.0}
