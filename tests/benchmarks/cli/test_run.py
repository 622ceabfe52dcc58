from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import FILE, Store
from mecbench.problems.errors import InputError


def test_a_run_keeps_failures_and_says_so(mecbench, workplace: Path, store: Path) -> None:  # type: ignore[no-untyped-def]
    """The same command again runs nothing, shows the same board and the same exit code."""
    words = ["run", workplace / "demo.toml", "--out", store]
    for name in ("greedy", "wasteful", "broken"):
        words += ["--algorithms", f"{workplace / 'mine.py'}:{name}"]
    answer = mecbench(*words, "--json")
    assert answer.code == 1
    result = answer.json
    assert (result["planned"], result["done"], result["interrupted"]) == (6, 6, False)
    assert result["statuses"] == {"ok": 2, "infeasible": 2, "crash": 2}
    assert {run["status"] for run in result["failed"]} <= {"crash", "infeasible"}
    assert [row["runs"] for row in result["leaderboard"]] == [2, 2, 2]
    text = mecbench(*words)
    assert "6 of 6 runs done" in text.out
    assert f"store: {store / FILE}" in text.out
    assert "mecbench report" in text.out
    assert "ZeroDivisionError: of all things" in text.out
    assert "6 of 6 runs are in" in text.err


def test_a_false_bound_is_an_alarm_everywhere(mecbench, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A claim beyond the optimum costs the exit code, is named with its figures, and reddens page and leaderboard."""
    words = ("run", workplace / "demo.toml", "--out", tmp_path, "--algorithms", f"{workplace / 'mine.py'}:liar", "p-edge/threshold")
    answer = mecbench(*words)
    assert answer.code == 1
    assert "2 false bounds" in answer.out
    assert "claims 1000000.0 on demo-3" in answer.out
    result = mecbench(*words, "--json").json
    assert result["statuses"] == {"wrong-claim": 2, "ok": 2}
    assert {item["algorithm"] for item in result["contradictions"]} == {f"{workplace / 'mine.py'}:liar"}
    board = mecbench("leaderboard", tmp_path, "--json").json
    assert [(row["bounds_refuted"], row["correctness"]) for row in board["leaderboard"]] == [(0, 1.0), (2, 0.0)]
    assert len(board["alarms"]) == 2
    mecbench("report", tmp_path, "--out", tmp_path / "site")
    assert "A bound was beaten" in (tmp_path / "site" / "index.html").read_text()


def test_a_dry_run_plans_and_touches_nothing(mecbench, workplace: Path, store: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """What would be run, less what the store holds."""
    words = ("run", workplace / "demo.toml", "--dry-run", "--seeds", "3", "--time-limit", "20", "--jobs", "2")
    plan = mecbench(*words, "--out", tmp_path / "new", "--json").json
    assert (plan["planned"], plan["held"], plan["worst_case_seconds"]) == (12, 0, 120.0)
    assert {run["seed"] for run in plan["runs"]} == {0, 1, 2}
    assert {run["algorithm"] for run in plan["runs"]} == {"p-edge/threshold", "p-edge/equal-share"}
    assert not (tmp_path / "new").exists()
    assert mecbench(*words, "--out", store, "--json").json["held"] == 4
    assert "8 runs to do on 2 instances, 4 done before" in mecbench(*words, "--out", store).out


def test_patterns_choose_algorithms(mecbench) -> None:  # type: ignore[no-untyped-def]
    """Several patterns after one option or several: fnmatch over names, exclusions, and names with parameters."""
    words = ("run", "smoke", "--dry-run", "--json", "--algorithms", "p-edge/milp-*", "!*secant")
    plan = mecbench(*words, "--seeds", "1", "--algorithms", "p-edge/algorithm-1:reading=minmax").json
    assert {run["algorithm"] for run in plan["runs"]} == {"p-edge/milp-onehot", "p-edge/algorithm-1:reading=minmax"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("quikc",), "unknown suite 'quikc': the nearest suite names are quick"),
        (("smoke", "--algorithms", "p-edge/tresh*"), "unknown algorithm 'p-edge/tresh*': the nearest algorithm names are p-edge/thresh"),
        (("smoke", "--algorithms", "nowhere.py:Mine"), "nowhere.py: expected a readable Python file"),
        (("nowhere.toml",), "nowhere.toml: expected a file, found none"),
    ],
)
def test_unknown_names_are_refused(refused, tmp_path: Path, words, sentence: str) -> None:  # type: ignore[no-untyped-def]
    """The nearest names are in the message, and no store is begun."""
    assert sentence in refused("run", *words, "--out", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_store_that_is_full_is_one_sentence(refused, workplace: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """The disk's limit is the user's to mend: no traceback, exit code 2, and what was written before is intact."""
    add = Store.add

    def add_and_fill_the_disk(self: Store, record: Record) -> None:
        add(self, record)
        self._connection.execute("PRAGMA max_page_count = 1")  # no more pages than it has

    monkeypatch.setattr(Store, "add", add_and_fill_the_disk)
    assert "full" in refused("run", workplace / "demo.toml", "--seeds", "8", "--out", tmp_path)
    with Store(tmp_path, create=False) as store:
        assert 1 <= len(list(store.records())) < 16


def test_a_store_of_a_newer_version_is_refused(refused, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """An old mecbench does not read, and so does not spoil, what it cannot understand."""
    with Store(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for words in (
        ("run", workplace / "demo.toml", "--out", tmp_path),
        ("leaderboard", tmp_path),
        ("report", tmp_path, "--out", tmp_path / "site"),
    ):
        assert "found 99 of a newer mecbench" in refused(*words)


def test_a_file_that_is_no_store_is_refused(refused, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A stranger's file is not written over."""
    (tmp_path / FILE).write_text("not a database, but long enough to look like a file of one")
    assert FILE in refused("leaderboard", tmp_path)
    with pytest.raises(InputError):
        Store(tmp_path)
