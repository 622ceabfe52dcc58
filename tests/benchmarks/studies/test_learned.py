"""The study of learned agents: which runs are judged where, and that its tables are what the runs say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.learned import agents, demands, fill, find, main
from mecbench.benchmarks.studies.p_learned import STUDY
from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.policies import DATA

HEADER = {"agent": "p/hc-mappo-l", "size": "small", "seed": 0}


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
