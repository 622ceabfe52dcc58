"""What is studied of P-MARL's agents: suites, rules and claims that exist, and where an agent is judged."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.p_marl_learned import STUDY, suites_of
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.problems.p_marl import Task, evaluate, generate
from mecbench.problems.p_marl.generate import SIZES
from mecbench.problems.task import rollout
from mecbench.solvers.catalogue import known
from mecbench.solvers.p_marl.heuristics import AllLocal


def test_all_that_is_studied_exists() -> None:
    """Suites, algorithms and metrics are those of the product."""
    assert {f"p-marl/{name}" for name in (*STUDY.simple, *STUDY.rules, STUDY.reference)} <= set(known())
    assert all(load_suite(name).instances for name in STUDY.suites)
    instance = generate(SIZES["tiny"], 0)
    (solution,) = rollout(Task(), AllLocal(), [instance], 0).solutions
    assert set(STUDY.metrics) - {"objective", "above_bound"} <= set(evaluate(instance, solution).metrics)


def test_an_agent_is_judged_at_the_size_it_was_trained_for() -> None:
    """Another size has no suite to be judged on."""
    assert suites_of({"agent": "p-marl/foci", "size": "60x5"}) == ("p-marl-60x5",)
    assert suites_of({"agent": "p-marl/foci", "size": "240x11"}) == ("p-marl-240x11",)
    with pytest.raises(InputError, match="expected size 60x5 or 240x11, found tiny"):
        suites_of({"agent": "p-marl/foci", "size": "tiny"})


def test_claims_are_of_what_exists_and_the_papers() -> None:
    """Agents, rules and metrics are those of the product; figures are the five rows of Table 1, reductions the abstract's."""
    claims = STUDY.claims
    assert claims is not None
    named = {name for ordering in claims.orderings for name in (ordering.lower, ordering.higher)}
    named |= {figure.agent for figure in claims.figures} | {name for change in claims.changes for name in (change.agent, change.rival)}
    assert named - set(claims.agents) == {"alp", "neurosurgeon", "coa", "ofr"}
    assert {f"p-marl/{name}" for name in named} <= set(known())
    assert {claim.metric for claim in (*claims.figures, *claims.orderings, *claims.changes)} <= set(STUDY.metrics)
    assert len(claims.figures) == 5 * 6
    assert {figure.metric: figure.value for figure in claims.figures if figure.direction == "least of the agents"} == {
        "mean_latency_ms": 26.82,
        "max_latency_ms": 27.20,
        "max_energy_mj": 33.50,
        "mean_cost": 0.953,
        "max_cost": 0.973,
    }
    for change in claims.changes[:2]:  # what the abstract rounds is what Table 1 says
        printed = {figure.agent: figure.value for figure in claims.figures if figure.metric == change.metric}
        assert printed[change.agent] / printed[change.rival] - 1 == pytest.approx(change.share, abs=0.01)
