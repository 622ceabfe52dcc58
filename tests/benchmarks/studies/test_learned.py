"""The study of learned agents: which runs are judged where, and that its tables are what the runs say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.claims import Change
from mecbench.benchmarks.studies.learned import agents, beside_the_paper, demands, fill, find, main, rows
from mecbench.benchmarks.studies.p_learned import STUDY
from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.policies import DATA

HEADER = {"agent": "p/hc-mappo-l", "size": "small", "seed": 0}


def _run(algorithm: str, instance: int, objective: float, delay: float, **changes: Any) -> dict[str, Any]:
    metrics = {"mean_delay_s": delay, "mean_energy_j": objective / 10, "mean_privacy": 9.0, "success_rate": 1.0, "users_within_delay": 0.5}
    feasible = delay <= 3.0
    run = {
        "instance": f"p-{instance}",
        "instance_sha256": f"{instance:064x}",
        "problem": "p",
        "suite": "p-paper-50",
        "algorithm": algorithm,
        "agent": algorithm,
        "recipe": "",
        "kind": "heuristic",
        "sees": "central",
        "seed": 0,
        "status": "ok" if feasible else "infeasible",
        "sense": "minimise",
        "objective": objective,
        "feasible": feasible,
        "bound": None,
        "bound_kind": "none",
        "reference_bound": 90.0,
        "best_objective": 91.0,
        "violation": max(0.0, delay / 3.0 - 1.0),
        "violations": {"delay": max(0.0, delay / 3.0 - 1.0)},
        "regret": (objective + 2.0 * (delay - 3.0) - 90.0) / 90.0,
        "wall_seconds": 1.0,
        "cpu_seconds": 1.0,
        "time_limit": 60.0,
        "log_tail": "",
        "metrics": metrics,
        "limited_value": delay,
        "limited_limit": 3.0,
        "limited_price": 2.0,
    }
    return run | changes


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Three seeds of the paper's agent, one of its rival, a controller, a rule and the clairvoyant, on four traces."""
    rows = []
    for trace in range(4):
        for seed in range(3):
            learned = {
                "kind": "learned",
                "sees": "local",
                "training_seed": seed,
                "training_cpu_seconds": 100.0,
                "transitions": 1e6,
                "multiplier": 1.5,
            }
            name = f"p/hc-mappo-l:checkpoint={seed}.npz"
            learned |= {"decision_latency_p50": 1e-3, "decision_latency_p95": 2e-3, "cpu_seconds": 0.5}
            rows.append(_run(name, trace, 130.0 + seed + trace, 2.7, **learned, agent="p/hc-mappo-l [paper-50, paper]"))
        rows.append(_run("p/h-mappo:checkpoint=0", trace, 140.0 + trace, 4.4, **learned, agent="p/h-mappo [paper-50, paper]"))
        rows.append(_run("p/greedy", trace, 180.0 + trace, 8.0))
        rows.append(_run("p/drift-plus-penalty", trace, 95.0 + trace, 3.0, kind="controller"))
        rows.append(_run("p/auto", trace, 91.0 + trace, 3.0, kind="exact", sees="clairvoyant", cpu_seconds=60.5))
    return pd.DataFrame(rows)


def test_training_is_found_wherever_it_lies(tmp_path: Path) -> None:
    """Any folders, one for each run; a run that has not ended has no summary yet and is left alone."""
    for place, header in {"b/one": HEADER | {"seed": 1}, "a": HEADER}.items():
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "training.json").write_text(json.dumps(header))
    found = find([tmp_path], "p")
    assert [(one.path, one.header["seed"]) for one in found] == [(tmp_path / "a/checkpoint.npz", 0), (tmp_path / "b/one/checkpoint.npz", 1)]
    with pytest.raises(InputError, match=r"expected folders with training\.json"):
        find([tmp_path / "nowhere"], "p")
    (tmp_path / "a/training.json").write_text(json.dumps(HEADER | {"agent": "p-edge/ppo"}))
    with pytest.raises(InputError, match="expected one of an agent of p"):
        find([tmp_path], "p")


def test_figures_are_the_runs(runs: pd.DataFrame) -> None:
    """Means over seeds and traces of what the evaluator said; a failure's missing figures leave a hole, not a zero."""
    found = rows(STUDY, runs)
    assert set(found) == set(STUDY.metrics)
    agent = found["objective"]["p/hc-mappo-l [paper-50, paper]"]
    assert agent.mean == pytest.approx(130.0 + 1.0 + 1.5)
    np.testing.assert_array_equal(agent.table, 130.0 + np.arange(3)[:, None] + np.arange(4))
    failed = runs.assign(
        metrics=[{} if name == "p/greedy" else cell for name, cell in zip(runs["algorithm"], runs["metrics"], strict=True)]
    )
    assert "p/greedy" not in rows(STUDY, failed)["mean_delay_s"]


def test_a_suite_has_a_row_for_each_agent(runs: pd.DataFrame) -> None:
    """The certified gap where the limit is kept, the regret where it is not, what learning cost and whether it pays."""
    heading, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in agents(STUDY, runs).splitlines())
    table = {line[0]: dict(zip(heading, line, strict=True)) for line in lines}
    assert list(table) == ["auto", "drift-plus-penalty", "hc-mappo-l [paper-50, paper]", "h-mappo [paper-50, paper]", "greedy"]
    agent, greedy = table["hc-mappo-l [paper-50, paper]"], table["greedy"]
    assert (agent["seeds"], agent["sees"], agent["kind"]) == ("3", "local", "learned")
    assert agent["cost"].startswith("132.5 (")
    assert (agent["served"], agent["beyond 3 s"], agent["training"]) == ("100.0 %", "0 %", "100 s")
    assert (agent["multiplier"], table["auto"]["multiplier"], greedy["multiplier"]) == ("1.50", "2.00", "")
    assert agent["better than p/drift-plus-penalty"] == "0 %"
    assert agent["decision p50 / p95"] == "1 ms / 2 ms"
    assert agent["break-even"] == "2"
    regret = (np.arange(180.0, 184.0)[1:3].mean() + 10.0 - 90.0) / 90.0
    assert greedy["priced gap, IQM"] == f"{100 * regret / (1 + regret):.2f} %"
    assert (greedy["beyond 3 s"], greedy["seeds"], greedy["break-even"]) == ("100 %", "", "")


def test_what_is_asked_of_agents(runs: pd.DataFrame) -> None:
    """Disjoint intervals from the simple rules; a limit kept with a multiplier, and clearly missed without."""
    heading, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in demands(STUDY, runs).splitlines())
    table = {line[0]: line[1:] for line in lines}
    assert heading[1:3] == ["ahead of", "not ahead of"]
    assert table["hc-mappo-l [paper-50, paper]"] == ["greedy", "none", "2.70", "2.70 to 2.70", "at most 3.15", "met"]
    assert table["h-mappo [paper-50, paper]"] == ["greedy", "none", "4.40", "4.40 to 4.40", "interval above 3", "met"]
    worse = runs.assign(
        objective=runs["objective"].mask(runs["algorithm"] == "p/greedy", 130.0),
        regret=runs["regret"].mask(runs["algorithm"] == "p/greedy", 0.4),
    )
    assert "| hc-mappo-l [paper-50, paper] | none | greedy |" in demands(STUDY, worse)


def test_without_a_limit_there_is_nothing_to_keep(runs: pd.DataFrame) -> None:
    """A problem without a long-term constraint has neither its columns nor a verdict on it."""
    free = replace(STUDY, limited=None)
    assert "beyond" not in agents(free, runs)
    assert "| hc-mappo-l [paper-50, paper] | greedy | none |" in demands(free, runs).splitlines()


def test_the_papers_figures_stand_beside_ours(runs: pd.DataFrame) -> None:
    """Judged by how agents were trained; agents that were not run say so, and no rule is taken for one."""
    tables = beside_the_paper(STUDY, runs)
    assert list(tables) == ["paper-50, paper"]
    lines = tables["paper-50, paper"].splitlines()
    delay = next(line for line in lines if line.startswith("| hc-mappo-l | delay [s] | 2.74"))
    gap = f"{100 * (1 - 45.0 / 132.0 - 45.0 / 133.0):.2f} %"  # interquartile, of 130 to 135
    assert delay.endswith(f"| within the limit | 2.70 | 2.70 to 2.70 | {gap} | **reproduced** |")
    assert any(line.startswith("| h-ippo | delay [s] | 4.76") and line.endswith("**not run** |") for line in lines)
    assert any(line.startswith("| hc-mappo-l | cost | 131.35 | least of the agents | 132.5") for line in lines)
    assert any(line.startswith("| hc-mappo-l | greedy | cost | -49.00") and line.endswith("**reproduced** |") for line in lines)
    assert any(line.startswith("| h-mappo | h-ippo | delay [s] | - | - | ") and line.endswith("| - | **not run** |") for line in lines)


def test_an_ablation_stands_beside_what_it_departs_from(runs: pd.DataFrame) -> None:
    """It is a preset of the same agent: claims tell the two apart by its name, and a study without such claims has no table of them."""
    assert STUDY.claims is not None
    ablated = runs.assign(agent=runs["agent"].str.replace("h-mappo [paper-50, paper]", "hc-mappo-l [paper-50, free]"))
    claims = replace(STUDY.claims, figures=(), orderings=(), changes=(Change("hc-mappo-l", "hc-mappo-l free", "mean_delay_s", -0.5),))
    study = replace(STUDY, claims=claims, variants={"free": "paper"})
    tables = beside_the_paper(study, ablated)
    assert list(tables) == ["paper-50, paper"]
    (line,) = tables["paper-50, paper"].splitlines()[2:]
    assert line.startswith("| hc-mappo-l | hc-mappo-l free | delay [s] | -50.0 % | -38.6 % | ")
    assert line.endswith("| **direction only** |")


def test_tables_go_between_their_marks() -> None:
    """Writing twice is writing once; a table without a place is not lost in silence."""
    document = "before\n<!-- a -->\nold | table\n<!-- end of a -->\nafter\n"
    once = fill(document, {"a": r"| new \1 |"})
    assert once == "before\n<!-- a -->\n\n| new \\1 |\n\n<!-- end of a -->\nafter\n"
    assert fill(once, {"a": r"| new \1 |"}) == once
    with pytest.raises(InputError, match="expected the marks <!-- b -->"):
        fill(document, {"b": ""})


@pytest.mark.slow
def test_the_document_is_what_the_store_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of training to the tables of a document, and the same again without another run."""
    checkpoint, _ = load_checkpoint(DATA / "p-hc-mappo-l-small.npz", "p/hc-mappo-l")
    for seed in range(2):
        header = checkpoint.header | {"seed": seed}
        save_checkpoint(Checkpoint(header, checkpoint.weights), tmp_path / f"trained/{seed}/checkpoint.npz")
        (tmp_path / f"trained/{seed}/training.json").write_text(json.dumps(header))
    document = tmp_path / "page.md"
    document.write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in ("p-small", "p-small demands")))
    arguments = [
        "--checkpoints",
        tmp_path / "trained",
        "--out",
        tmp_path / "store",
        "--doc",
        document,
        "--suites",
        "p-small",
        "--reference-limit",
        0.5,
    ]
    monkeypatch.setattr("sys.argv", ["p_learned", *map(str, arguments)])
    main(STUDY)
    written = document.read_text()
    table = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in written.splitlines() if line.startswith("| ")}
    assert {"hc-mappo-l [small]", "hc-mappo-l:sampled=1 [small]", "auto", *STUDY.simple, *STUDY.rules} <= set(table)
    with Store(tmp_path / "store", create=False) as store:
        runs = len(store)
    assert runs == 12 * (2 * 2 + len(STUDY.simple) + len(STUDY.rules) + 1)
    main(STUDY)
    with Store(tmp_path / "store", create=False) as store:
        assert len(store) == runs
    assert document.read_text() == written
