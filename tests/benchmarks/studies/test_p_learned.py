"""What is studied of P's agents: suites, rules and claims that exist, and where an agent is judged."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.p_learned import STUDY, WORLD, suites_of
from mecbench.instances.suites import load_suite
from mecbench.problems import p
from mecbench.problems.errors import InputError
from mecbench.problems.p.generate import Parameters
from mecbench.solvers.catalogue import known

HEADER = {"agent": "p/hc-mappo-l", "size": "small", "seed": 0}


def test_all_that_is_studied_exists() -> None:
    """Suites and algorithms are those of the product; the world is that of the suite, drawn as the generator does."""
    assert {f"p/{name}" for name in (*STUDY.simple, *STUDY.rules, STUDY.reference)} <= set(known())
    assert all(load_suite(name).instances for name in STUDY.suites)
    first = load_suite("p-paper-50-world").instances[0]
    assert f"world={WORLD}" in first
    assert p.generate(Parameters(world=WORLD), 0).sha256.startswith(first.partition("sha256=")[2])


def test_an_agent_is_judged_where_it_was_trained_for() -> None:
    """Whoever knows one world is judged in it, whoever knows many at its size and beyond; another world has no bounds here."""
    assert suites_of(HEADER) == ("p-small", "p-paper-50-world", "p-paper-50", "p-paper-200")
    assert suites_of(HEADER | {"size": "paper-50", "world": WORLD}) == ("p-paper-50-world",)
    assert suites_of(HEADER | {"size": "paper-10"}) == ("p-paper-50-world", "p-paper-50", "p-paper-200")
    for wrong in ({"size": "paper-50", "world": 7}, {"size": "medium"}, {"world": WORLD}):
        with pytest.raises(InputError, match=r"expected size small or paper-\*"):
            suites_of(HEADER | wrong)


def test_claims_are_of_what_exists() -> None:
    """Agents, rules and metrics are those of the product; the limit is the paper's."""
    claims = STUDY.claims
    assert claims is not None
    named = {ordering.lower for ordering in claims.orderings} | {ordering.higher for ordering in claims.orderings}
    named |= {figure.agent for figure in claims.figures}
    assert named - set(claims.agents) == {"greedy", "local-only", "edge-only"}
    assert {f"p/{name}" for name in named} <= set(known())
    assert {claim.metric for claim in (*claims.figures, *claims.orderings)} <= set(STUDY.metrics)
    assert p.SIZES["paper-200"].delay_limit == claims.limit
