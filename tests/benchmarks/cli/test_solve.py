from __future__ import annotations

from pathlib import Path

import pytest

KEYS = {
    "instance", "algorithm", "status", "sense", "objective", "bound", "bound_kind", "gap", "excess", "feasible", "violations",
    "wall_seconds", "cpu_seconds", "peak_memory_mib", "seed",
}  # fmt: skip
NAME = "p-edge-tiny-nsg-0000"


def test_what_solve_writes_verify_confirms(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Solution and certificate travel as files; the evaluator alone says the same of them."""
    solution, certificate = tmp_path / "solution.json", tmp_path / "certificate.json"
    answer = mecbench("solve", NAME, "--out", solution, "--certificate", certificate, "--json")
    assert answer.code == 0
    assert set(answer.json) >= KEYS
    assert (answer.json["status"], answer.json["bound_kind"], answer.json["gap"]) == ("ok", "certified", 0.0)
    verified = mecbench("verify", NAME, solution, "--certificate", certificate, "--json")
    assert verified.code == 0
    for key in ("instance", "sense", "objective", "bound", "bound_kind", "gap", "excess", "feasible", "violations"):
        assert verified.json[key] == answer.json[key]
    for words in (("solve", NAME), ("verify", NAME, solution)):
        text = mecbench(*words).out
        assert "1.7774924922195474 (minimise)" in text
        assert "certified" in text


def test_without_a_bound_of_its_own_a_run_is_held_against_the_library(mecbench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A heuristic's gap is to the certified bound, and says whose bound it is."""
    answer = mecbench("solve", NAME, "--with", "p-edge/equal-share", "--json")
    assert answer.code == 0
    assert (answer.json["bound_kind"], answer.json["bound_source"]) == ("certified", "library")
    assert 0 < answer.json["gap"] < 1
    missing = mecbench("solve", NAME, "--with", "p-edge/equal-share", "--certificate", tmp_path / "none.json")
    assert missing.code == 1
    assert "gave no certificate" in missing.err
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("wasteful", "infeasible", ("violates capacity", "violations")),
        ("broken", "crash", ("ZeroDivisionError: of all things",)),
        ("endless", "timeout", ("killed at its limit of 1 s",)),
    ],
)
def test_failures_of_a_users_algorithm_are_told(mecbench, workplace: Path, name: str, status: str, words) -> None:  # type: ignore[no-untyped-def]
    """Limits hold in ``solve`` as in ``run``; the exit code says that nothing useful came out."""
    answer = mecbench("solve", workplace / "demo-3.json", "--with", f"{workplace / 'mine.py'}:{name}", "--time-limit", "1")
    assert answer.code == 1
    assert f"status     {status}: " in answer.out.replace("status      ", "status     ")
    assert all(word in answer.out + answer.err for word in words)


def test_a_failure_as_json_has_no_infinity(mecbench, workplace: Path) -> None:  # type: ignore[no-untyped-def]
    """The excess of a failure is infinite, which JSON writes as null."""
    answer = mecbench("solve", workplace / "demo-3.json", "--with", f"{workplace / 'mine.py'}:broken", "--json")
    assert set(answer.json) >= KEYS
    assert (answer.json["gap"], answer.json["excess"], answer.json["objective"]) == (1.0, None, None)


@pytest.mark.parametrize(
    ("algorithm", "sentence"),
    [
        ("p-edge/treshold", "unknown algorithm 'p-edge/treshold': the nearest algorithm names are p-edge/threshold"),
        ("p-edge/algorithm-1:reeding=literal", "unknown parameter of p-edge/algorithm-1 'reeding'"),
        ("nowhere.py:Mine", "nowhere.py: expected a readable Python file"),
    ],
)
def test_an_unknown_algorithm_is_refused(refused, algorithm: str, sentence: str) -> None:  # type: ignore[no-untyped-def]
    """The nearest names that exist are in the message."""
    assert sentence in refused("solve", NAME, "--with", algorithm)
