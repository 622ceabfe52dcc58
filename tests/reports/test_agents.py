"""Agents are judged with all their training seeds, failures and missed limits included, and beside what needs no learning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from mecbench.reports.agents import agent_board, display_agents, priced_gap
from mecbench.reports.intervals import bootstrap_interval
from mecbench.reports.scores import score

Build = Callable[..., dict[str, Any]]
NAMES = ("demo-1", "demo-2", "demo-3")


@pytest.fixture
def learned(row: Build) -> Build:
    """A run of the learned agent from one training seed."""

    def build(training_seed: int, **changes: Any) -> dict[str, Any]:
        run = {"algorithm": f"demo/agent:checkpoint={training_seed}.npz", "agent": "demo/agent [small]", "kind": "learned"}
        run |= {"training_seed": training_seed, "training_cpu_seconds": 90.0 + 10 * training_seed, "transitions": 1e5, "cpu_seconds": 0.1}
        return row(**(run | {"limited_value": 2.7, "limited_limit": 3.0} | changes))

    return build


@pytest.fixture
def mixed(row: Build, learned: Build) -> pd.DataFrame:
    """Three seeds of an agent, a controller, a solver that knows the future, and chance, on three instances."""
    rows = []
    for number, name in enumerate(NAMES):
        rows += [learned(seed, instance=name, objective=100.0 + 10 * seed + number) for seed in range(3)]
        rows.append(row(instance=name, algorithm="demo/controller", kind="controller", objective=113.0, cpu_seconds=0.4))
        rows.append(row(instance=name, algorithm="demo/auto", kind="exact", sees="clairvoyant", objective=100.0, cpu_seconds=2.1))
        missed = {"feasible": False, "status": "infeasible", "regret": 3.0, "limited_value": 6.0, "limited_limit": 3.0}
        rows.append(row(instance=name, algorithm="demo/random", kind="trivial", objective=90.0, **missed))
    return score(pd.DataFrame(rows).assign(agent=lambda runs: runs["agent"].fillna(runs["algorithm"])))


def test_seeds_are_one_agent(mixed: pd.DataFrame) -> None:
    """One row for all its checkpoints, with the interquartile mean of all cells and the interval of the table."""
    board = agent_board(mixed)
    assert board["agent"].tolist() == ["demo/auto", "demo/agent [small]", "demo/controller", "demo/random"]
    agent = board.iloc[1]
    table = mixed[mixed["kind"] == "learned"].pivot(index="training_seed", columns="instance", values="gap").to_numpy()
    assert (agent["seeds"], agent["instances"], agent["runs"]) == (3, 3, 9)
    assert agent["iqm_gap"] == pytest.approx(stats.trim_mean(table, 0.25, axis=None))
    assert (agent["iqm_gap_low"], agent["iqm_gap_high"]) == bootstrap_interval(table)
    assert agent["algorithms"] == [f"demo/agent:checkpoint={seed}.npz" for seed in range(3)]


def test_another_recipe_is_another_agent(mixed: pd.DataFrame) -> None:
    """Checkpoints of one name that were trained otherwise are not seeds of one agent, even if their runs come from two stores."""
    recipes = mixed.assign(recipe=(mixed["training_seed"] == 2).map({True: "b", False: "a"}))
    assert agent_board(recipes).set_index("agent")["seeds"].to_dict() == {
        "demo/auto": 1,
        "demo/agent [small] a": 2,
        "demo/controller": 1,
        "demo/agent [small] b": 1,
        "demo/random": 1,
    }


def test_a_missed_limit_has_its_price(row: Build, failed: Build) -> None:
    """Who misses the limit is judged by the priced objective, on the scale of gaps; a crash, or another fault, by the whole."""
    rows = [row(), row(status="infeasible", feasible=False, objective=90.0, regret=0.25), failed(regret=0.25)]
    rows.append(row(status="infeasible", feasible=False, regret=None))
    assert priced_gap(score(pd.DataFrame(rows))).tolist() == pytest.approx([1 - 100 / 110, 0.2, 1.0, 1.0])


def test_limits_count_every_run(learned: Build, row: Build) -> None:
    """The mean is of all runs, the share counts a run without result as one that misses, a rounding error is no miss."""
    rows = [learned(0, instance=name, limited_value=value) for name, value in zip(NAMES, (2.0, 3.0 * (1 + 1e-7), 3.6), strict=True)]
    rows.append(learned(0, instance="demo-4", limited_value=None, status="crash", feasible=False, objective=None))
    (agent,) = agent_board(score(pd.DataFrame(rows))).to_dict("records")
    assert agent["limited_value"] == pytest.approx(8.6 / 3)
    assert (agent["violating"], agent["worst_excess"]) == (0.5, pytest.approx(0.2))
    kept = agent_board(score(pd.DataFrame(rows[:2]))).iloc[0]
    assert (kept["violating"], kept["worst_excess"]) == (0.0, 0.0)
    assert math.isnan(agent_board(score(pd.DataFrame([row(kind="learned")]))).iloc[0]["violating"])


def test_improvement_is_over_the_best_that_knows_no_future(mixed: pd.DataFrame) -> None:
    """Against the controller, not against chance or the clairvoyant: two of three seeds are better on every instance."""
    agent = agent_board(mixed).iloc[1]
    assert (agent["rival"], agent["improvement"]) == ("demo/controller", pytest.approx(2 / 3))
    assert agent["improvement_low"] == 0.0
    assert agent["improvement_high"] == 1.0
    assert agent_board(mixed[mixed["kind"] != "controller"]).iloc[1]["rival"] == "demo/random"


def test_training_pays_for_itself_after_so_many_instances(mixed: pd.DataFrame) -> None:
    """A hundred seconds of training against two saved on every instance; never, where the agent is the slower one."""
    agent = agent_board(mixed).iloc[1]
    assert agent["training_cpu_seconds"] == pytest.approx(100.0)
    assert (agent["solver"], agent["break_even"]) == ("demo/auto", pytest.approx(50.0))
    slow = mixed.assign(cpu_seconds=mixed["cpu_seconds"].mask(mixed["kind"] == "learned", 5.0))
    assert agent_board(slow).iloc[1]["break_even"] == math.inf
    alone = agent_board(mixed[mixed["sees"] != "clairvoyant"]).iloc[0]
    assert math.isnan(alone["break_even"])


def test_without_learned_agents_there_is_no_board(runs: pd.DataFrame, mixed: pd.DataFrame) -> None:
    """Nothing is shown where nothing was trained; a frame without any of the columns still has its learned row."""
    assert agent_board(mixed[mixed["kind"] != "learned"]).empty
    board = agent_board(score(runs))
    assert board.loc[board["kind"] == "learned", "agent"].tolist() == ["demo/fragile"]


def test_agents_as_people_read_them(mixed: pd.DataFrame) -> None:
    """What was not learned has no training, no rival and no break-even."""
    shown = display_agents(agent_board(mixed)).set_index("agent")
    assert shown.loc["demo/agent [small]", ["seeds", "limited", "limit", "violating"]].tolist() == ["3", "2.7", "3", "0 %"]
    assert shown.loc["demo/agent [small]", ["better than rival", "training", "break-even"]].tolist() == ["67 %", "100 s", "50"]
    assert shown.loc["demo/random", ["violating", "worst excess"]].tolist() == ["100 %", "100.00 %"]
    assert shown.loc["demo/controller", ["seeds", "better than rival", "training", "break-even"]].tolist() == ["", "-", "-", "-"]
