"""Of a checkpoint's header a record keeps what tells agents apart and what they cost."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.frame import to_frame
from mecbench.benchmarks.learned import agent, curve, summary
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.selection import select
from mecbench.benchmarks.store import Store
from mecbench.instances import library
from mecbench.instances.suites import load_suite
from mecbench.reports.agents import agent_board
from mecbench.reports.scores import score
from mecbench.solvers.catalogue import resolve

HEADER = {"agent": "p/one", "size": "small", "seed": 3, "hyperparameters": {"width": 8}, "transitions": 10}


def test_a_record_keeps_no_curve() -> None:
    """A hundred runs of one checkpoint do not hold its curve a hundred times."""
    kept = summary(HEADER)
    assert {name: kept[name] for name in kept if name != "recipe"} == {"agent": "p/one", "size": "small", "seed": 3, "transitions": 10}
    assert summary({}) == {}


def test_a_recipe_is_all_but_the_seed() -> None:
    """Another width is another agent; another seed, and what came of it, is not."""
    recipe = summary(HEADER)["recipe"]
    assert summary(HEADER | {"seed": 4, "transitions": 20, "validation_gap": 0.1})["recipe"] == recipe
    changes = ({"hyperparameters": {"width": 9}}, {"size": "tiny"}, {"preset": "paper"}, {"agent": "p/two"})
    assert len({recipe, *(summary(HEADER | change)["recipe"] for change in changes)}) == 5


def test_a_record_keeps_the_multiplier_of_its_checkpoint() -> None:
    """That of the moment which validation chose, not the last one; none, where nothing was limited."""
    columns = {"transitions": [0, 100, 200], "multiplier": [0.0, 1.5, 9.0]}
    assert summary(HEADER | {"curve": columns, "chosen_at_transitions": 100})["multiplier"] == 1.5
    assert "multiplier" not in summary(HEADER | {"curve": columns | {"multiplier": [None] * 3}, "chosen_at_transitions": 100})


def test_agents_have_names_for_people() -> None:
    """The checkpoint's path is no part of a name, nor is the preset that everybody uses."""
    trained = {"size": "small", "preset": "paper"}
    assert agent("p/x:checkpoint=a/b.npz", trained) == "p/x [small, paper]"
    assert agent("p/y:checkpoint=c.npz,sampled=1", trained) == "p/y:sampled=1 [small, paper]"
    assert agent("p/y:sampled=1,checkpoint=c.npz", trained | {"preset": "default"}) == "p/y:sampled=1 [small]"
    assert agent("p/x", {"agent": "p/x"}) == "p/x [trained]"
    assert agent("p/x", {"agent": "p/x", "size": "small", "world": 7}) == "p/x [small, world 7]"
    assert agent("p/greedy:checkpoint=none", {}) == "p/greedy:checkpoint=none"


def test_the_shipped_agent_says_how_it_was_trained() -> None:
    """From its checkpoint through the catalogue into every planned run; what was not trained says nothing."""
    stored = library.load("p-edge-tiny-nsg-0000")
    learned, exact = plan([stored], [resolve("p-edge/ppo"), resolve("p-edge/threshold")], time_limit=1.0).runs
    assert learned.training["agent"] == "p-edge/ppo"
    assert learned.training["transitions"] > 1e5
    assert learned.training["training_cpu_seconds"] > 60
    assert exact.training == {}


def test_curves_are_read_as_training_writes_them() -> None:
    """Columns become points; what a header does not say is not a number, and an older one has no curve at all."""
    columns = {"transitions": [0, 100], "train_reward": [None, -2.0], "cost": [9.0, 3.5], "entropy": [1.0, 0.5]}
    first, last = curve({"curve": columns, "cost_limit": 3.0, "chosen_at_transitions": 100})
    assert last == {
        "transitions": 100.0,
        "reward": -2.0,
        "cost": 3.5,
        "limit": 3.0,
        "multiplier": pytest.approx(math.nan, nan_ok=True),
        "chosen": 100.0,
    }
    assert math.isnan(first["reward"])
    assert curve({}) == curve({"agent": "p-edge/ppo"}) == []


AGENTS = {"p/hc-mappo-l", "p/hc-ippo-l", "p/heuristic-mappo-l", "p/h-mappo", "p/h-ippo"}


@pytest.mark.parametrize("name", ["p-small", "p-paper-50", "p-paper-50-world", "p-paper-200"])
def test_suites_of_p_run_agents_both_ways(name: str) -> None:
    """As trained, drawing every decision, and without chance: which of the two a paper shows is often not said."""
    suite = load_suite(name)
    stored = library.load(suite.instances[0])
    learned = {algorithm.text for algorithm in select(suite, [], [stored]) if algorithm.kind == "learned"}
    assert learned == AGENTS | {f"{agent}:sampled=1" for agent in AGENTS}


@pytest.mark.slow
def test_shipped_agents_run_on_small_instances(tmp_path: Path) -> None:
    """None crashes; each row has latency, delay against its limit, what training cost, and a priced gap, feasible or not."""
    suite = load_suite("p-small")
    stored = library.load(suite.instances[0])
    chosen = [algorithm for algorithm in select(suite, [], [stored]) if algorithm.kind == "learned"]
    with Store(tmp_path) as store:
        harness.run(plan([stored], chosen, time_limit=30.0), store)
        runs = to_frame(store)
    assert set(runs["status"]) <= {"ok", "infeasible"}
    board = agent_board(score(runs))
    assert len(board) == 2 * len(AGENTS)
    assert (board["iqm_gap"] < 1.0).all()
    figures = ["limited_value", "limited_limit", "violating", "decision_latency_p50", "transitions", "training_cpu_seconds"]
    assert board[figures].notna().all().all()
