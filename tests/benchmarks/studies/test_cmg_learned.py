"""What is studied of CMG's agents: suites, rules and metrics that exist, and where an agent is judged."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.benchmarks.studies.claims import judge_ordering, measure
from mecbench.benchmarks.studies.cmg_baselines import PAPER
from mecbench.benchmarks.studies.cmg_claims import CLAIMS
from mecbench.benchmarks.studies.cmg_learned import DEVICES, STUDY, suites_of
from mecbench.instances.suites import load_suite
from mecbench.problems.cmg import SIZES, Task, evaluate, generate
from mecbench.problems.errors import InputError
from mecbench.problems.task import rollout
from mecbench.rl.cmg.hyperparameters import PRESETS
from mecbench.solvers.catalogue import known
from mecbench.solvers.cmg.heuristics import Random

CPO = "cmg/cpo-maddpg"


def test_all_that_is_studied_exists() -> None:
    """Suites, algorithms and metrics are those of the product."""
    named = (*STUDY.simple, *STUDY.rules, STUDY.reference)
    assert {f"cmg/{name.partition(':')[0]}" for name in named} <= set(known())
    assert all(load_suite(name).instances for name in STUDY.suites)
    instance = generate(SIZES["small"], 0)
    (solution,) = rollout(Task(), Random(), [instance], 0).solutions
    assert set(STUDY.metrics) - {"objective"} <= set(evaluate(instance, solution).metrics)
    assert {name: SIZES[name.removeprefix("cmg-")].devices for name in DEVICES} == {name: (n, n) for name, n in DEVICES.items()}


@pytest.mark.parametrize(
    ("size", "interface", "first", "number"),
    [
        ("small", "priced", "cmg-small", 12),
        ("small", "text", "cmg-small", 1),
        ("paper", "priced", "cmg-paper", 11),
        ("paper", "text", "cmg-paper", 8),
    ],
)
def test_an_agent_is_judged_where_its_actors_serve(size, interface, first, number) -> None:
    """One actor for all devices is asked for the paper's sweeps, actors of twenty devices for those of twenty, those of five for five."""
    suites = suites_of({"agent": CPO, "size": size, "hyperparameters": {"interface": interface}})
    assert (suites[0], len(suites)) == (first, number)
    assert set(suites) <= set(STUDY.suites)
    assert interface == "priced" or not set(suites) & set(DEVICES)


def test_claims_are_of_what_exists() -> None:
    """Agents, ablations, rules and metrics are those of the product, and tables 3 and 4 have a row for each of their suites."""
    agents = {algorithm.removeprefix("cmg/") for algorithm in known()}
    ablations = {f"cpo-maddpg {variant}" for variant in STUDY.variants}
    assert set(STUDY.variants) <= set(PRESETS["cpo-maddpg"])
    stated = [suite.claims for suite in STUDY.suites.values() if suite.claims] + [CLAIMS]
    for claims in stated:
        told = (*claims.figures, *claims.orderings, *claims.changes)
        assert {claim.metric for claim in told} <= set(STUDY.metrics)
        named = {name for ordering in claims.orderings for name in (ordering.lower, ordering.higher)}
        named |= {figure.agent for figure in claims.figures} | {name for change in claims.changes for name in (change.agent, change.rival)}
        assert named <= agents | ablations
    assert {figure.value for claims in stated for figure in claims.figures} == {value for row in PAPER.values() for value in row}


def test_the_better_agent_is_the_paper_s() -> None:
    """What is more in the paper's favour is reward and SOR, what is less ECPR: an agent that is ahead in all three reproduces all."""
    ahead = {"reward": 1.0, "ecpr_percent": -1.0, "sor_percent": 1.0}
    for ordering in CLAIMS.orderings:
        if "cpo-maddpg" in (ordering.lower, ordering.higher):
            values = {"cpo-maddpg": 5.0 * ahead[ordering.metric]}
            found = {name: measure(np.full((2, 4), values.get(name, 0.0))) for name in (ordering.lower, ordering.higher)}
            assert judge_ordering(ordering, found)[0] == "reproduced"
    for change in CLAIMS.changes:
        found = {change.agent: measure(np.full((2, 4), 1.0 + change.share)), change.rival: measure(np.ones((2, 4)))}
        assert CLAIMS.judge_change(change, found)[0] == "reproduced"


def test_a_size_without_a_suite_is_refused() -> None:
    """The sentence says which there are."""
    with pytest.raises(InputError, match="expected size small, small-scarce, paper, scarce, found tiny"):
        suites_of({"agent": CPO, "size": "tiny"})
