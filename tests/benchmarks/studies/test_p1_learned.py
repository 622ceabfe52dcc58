"""What is studied of P1's agents: suites, rules and claims that exist, and where an agent is judged."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.p1_learned import STUDY, suites_of
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.problems.p1 import SIZES, Task, evaluate, generate
from mecbench.problems.task import rollout
from mecbench.solvers.catalogue import known
from mecbench.solvers.p1.heuristics import EdgeComputing


def test_all_that_is_studied_exists() -> None:
    """Suites, algorithms and metrics are those of the product, and the learned agents are judged against the rule they may begin with."""
    assert {f"p1/{name}" for name in (*STUDY.simple, *STUDY.rules, STUDY.reference)} <= set(known())
    assert "outlook" in STUDY.rules
    assert all(load_suite(name).instances for name in STUDY.suites)
    instance = generate(SIZES["n5"], 0)
    (solution,) = rollout(Task(), EdgeComputing(), [instance], 0).solutions
    assert set(STUDY.metrics) - {"objective"} <= set(evaluate(instance, solution).metrics)


def test_an_agent_is_judged_at_its_size_and_larger_ones() -> None:
    """Networks belong to no node, so what was trained with ten devices is judged with thirty and fifty too; other sizes have no suite."""
    assert suites_of({"agent": "p1/cerl", "size": "n10"}) == ("p1-n10", "p1-n30", "p1-n50")
    assert suites_of({"agent": "p1/cerl", "size": "n50"}) == ("p1-n50",)
    with pytest.raises(InputError, match="expected size n10, n30, n50, found tiny"):
        suites_of({"agent": "p1/cerl", "size": "tiny"})


def test_claims_are_of_what_exists() -> None:
    """Agents, rules and metrics are those of the product; the changes are the two of the abstract, against local computing."""
    claims = STUDY.claims
    assert claims is not None
    named = {name for ordering in claims.orderings for name in (ordering.lower, ordering.higher)} | set(claims.agents)
    named |= {figure.agent for figure in claims.figures} | {name for change in claims.changes for name in (change.agent, change.rival)}
    assert {f"p1/{name}" for name in named} <= set(known())
    assert {claim.metric for claim in (*claims.figures, *claims.orderings, *claims.changes)} <= set(STUDY.metrics)
    assert {(change.rival, change.metric, change.share) for change in claims.changes} == {
        ("lc3", "completion_rate", 0.575),
        ("lc3", "objective", -0.657),
    }
