from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.store import Store
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve

ROW = {
    "rank", "problem", "algorithm", "sees", "kind", "instances", "runs", "solved", "feasible", "feasible_share",
    "mean_gap", "mean_gap_low", "mean_gap_high", "iqm_gap", "iqm_gap_low", "iqm_gap_high", "mean_gap_to_best", "median_excess",
    "median_regret", "sgm_seconds", "par2_seconds", "primal_integral", "claims", "correctness", "bounds_refuted", "bounds_beaten",
    "decision_latency_p50", "decision_latency_p95", "statuses", "tied", "separable", "paired_p",
}  # fmt: skip


def test_a_leaderboard_counts_every_run(mecbench, store: Path) -> None:  # type: ignore[no-untyped-def]
    """Exact first, failures last, none missing; what is not a number is null."""
    answer = mecbench("leaderboard", store, "--json")
    assert answer.code == 0
    rows = answer.json["leaderboard"]
    assert all(set(row) == ROW for row in rows)
    assert rows[0]["algorithm"] == "p-edge/threshold"
    assert (rows[0]["rank"], rows[0]["mean_gap"], rows[0]["correctness"]) == (1, 0.0, 1.0)
    failing = [row for row in rows if row["solved"] == 0]
    assert [row["algorithm"].partition(":")[2] for row in failing] in (["broken", "wasteful"], ["wasteful", "broken"])
    assert rows[-2:] == failing
    assert all((row["mean_gap"], row["median_excess"], row["correctness"]) == (1.0, None, None) for row in failing)
    policy = next(row for row in rows if row["algorithm"] == "p-edge/equal-share")
    assert policy["decision_latency_p50"] > 0
    assert answer.json["alarms"] == []


def test_a_leaderboard_for_people(mecbench, store: Path) -> None:  # type: ignore[no-untyped-def]
    """Names, solved of run, and gaps."""
    out = mecbench("leaderboard", store).out
    assert "p-edge/threshold" in out
    assert "2/2" in out
    assert "0/2" in out
    assert "100.00 %" in out


def test_learned_agents_have_a_table_of_their_own(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Seeds, training and what it takes to pay for it, for people and for programs; without them there is none."""
    stored = library.load("p-edge-tiny-nsg-0000")
    job = plan([stored], [resolve("p-edge/ppo"), resolve("p-edge/equal-share")], time_limit=5.0)
    with Store(tmp_path) as own:
        harness.run(job, own)
    agents = {row["agent"]: row for row in mecbench("leaderboard", tmp_path, "--json").json["agents"]}
    assert set(agents) == {"p-edge/ppo [small]", "p-edge/equal-share"}
    assert agents["p-edge/ppo [small]"]["training_cpu_seconds"] > 60
    assert "p-edge: learned agents over all their training seeds" in mecbench("leaderboard", tmp_path).out


def test_a_narrow_terminal_keeps_the_labels(mecbench, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """What an algorithm sees and its kind go with every score, however little room there is."""
    monkeypatch.setattr("mecbench.benchmarks.cli.console.PIPE_WIDTH", 100)
    out = mecbench("leaderboard", store).out
    assert max(map(len, out.splitlines())) <= 100
    assert all(name in out for name in ("algorithm", "sees", "kind", "mean gap", "central", "exact"))
    assert "PAR-2" not in out


def test_the_same_store_twice_counts_once(mecbench, store: Path) -> None:  # type: ignore[no-untyped-def]
    """Runs are known by their content, so copies of a store do not weigh double."""
    assert mecbench("leaderboard", store, store, "--json").json == mecbench("leaderboard", store, "--json").json


def test_what_one_folder_skipped_another_may_have_run(mecbench, store: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Folders merge run by run, in whatever order they are named: a result beats the want of a package."""
    with Store(store, create=False) as full, Store(tmp_path / "bare") as bare:
        for record in full.records():
            bare.add(replace(record, status="skipped", objective=None, feasible=False, bound=None, bound_kind="none"))
    alone = mecbench("leaderboard", store, "--json").json
    for folders in ((store, tmp_path / "bare"), (tmp_path / "bare", store)):
        merged = mecbench("leaderboard", *folders, "--json").json
        assert merged == alone


def test_a_report_is_one_page(mecbench, store: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Leaderboard, failures with their traceback, and the machine, in one file."""
    answer = mecbench("report", store, "--out", tmp_path / "site", "--json")
    assert answer.json == {"page": str(tmp_path / "site" / "index.html"), "runs": 10}
    page = (tmp_path / "site" / "index.html").read_text()
    for words in ("p-edge: leaderboard", "of all things", "on my way", "calibration"):
        assert words in page
    assert list((tmp_path / "site").iterdir()) == [tmp_path / "site" / "index.html"]


def test_stores_and_places_that_are_not_there(refused, store: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A wrong folder is named."""
    assert "expected a folder with runs.sqlite" in refused("leaderboard", tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused("report", store, "--out", tmp_path / "file" / "site")
