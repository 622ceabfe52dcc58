"""What is studied of CMG's agents: suites, rules and metrics that exist, and where an agent is judged."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.cmg_learned import DEVICES, STUDY, suites_of
from mecbench.instances.suites import load_suite
from mecbench.problems.cmg import SIZES, Task, evaluate, generate
from mecbench.problems.errors import InputError
from mecbench.problems.task import rollout
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


def test_a_size_without_a_suite_is_refused() -> None:
    """The sentence says which there are."""
    with pytest.raises(InputError, match="expected size small, small-scarce, paper, scarce, found tiny"):
        suites_of({"agent": CPO, "size": "tiny"})
