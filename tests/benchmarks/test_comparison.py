"""A user's file against what is known, as a plain function."""

from __future__ import annotations

from pathlib import Path

import pytest

from mecbench.benchmarks import compare
from mecbench.benchmarks.comparison import opponents
from mecbench.benchmarks.temp_suite import temp_suite
from mecbench.problems.errors import InputError

ONE_EACH = """
    from mecbench.problems.p_edge import Solution

    def one_each(instance, budget, seed):
        return Solution(allocation=[1] * instance.devices)
"""


def test_a_changed_file_is_compared_again_and_the_others_are_not(tmp_path: Path) -> None:
    """The page and the table hold what the file does now; opponents keep their runs."""
    with temp_suite(ONE_EACH, instances=["p-edge-tiny-nsg-0000", "p-edge-tiny-nsg-0001"], time_limit=20.0) as suite:
        done: list[int] = []
        first = compare(*suite.algorithms, suite=suite.path, out=tmp_path, progress=lambda record, number, total: done.append(number))
        assert list(first.leaderboard["algorithm"])[-1] == suite.algorithms[0]
        assert set(first.leaderboard["algorithm"]) == {"p-edge/auto", "p-edge/greedy-marginal", "p-edge/random", *suite.algorithms}
        assert (first.summary.exit_code, done) == (0, list(range(1, 9)))
        assert first.page == tmp_path / "report" / "index.html"
        assert suite.algorithms[0] in first.page.read_text()
        file = Path(suite.algorithms[0].rpartition(":")[0])
        file.write_text(
            file.read_text().replace("[1] * instance.devices", "[instance.multiprocessors // instance.devices] * instance.devices")
        )
        done.clear()
        second = compare(*suite.algorithms, suite=suite.path, out=tmp_path, progress=lambda record, number, total: done.append(number))
        assert done == [7, 8]
        assert len(second.runs) == 8
        gaps = [board.set_index("algorithm")["mean_gap"][suite.algorithms[0]] for board in (first.leaderboard, second.leaderboard)]
        assert gaps[1] < gaps[0]


def test_opponents_are_the_strongest_a_greedy_one_and_chance() -> None:
    """They are found by their names, so that a new problem brings its own; what it does not have is left out."""
    names = ["p1/auto", "p1/random", "p1/greedy", "p1/fair-greedy", "p1/greedy-late", "cmg/greedy-myopic", "cmg/auto", "p-edge/auto"]
    assert opponents("p1", names) == ["p1/auto", "p1/greedy", "p1/random"]
    assert opponents("cmg", names) == ["cmg/auto", "cmg/greedy-myopic"]


def test_opponents_can_be_chosen(tmp_path: Path) -> None:
    """Patterns stand in for the usual ones, none leaves the user's alone, and a wrong one starts nothing."""
    with temp_suite(ONE_EACH) as suite:
        with pytest.raises(InputError, match="unknown algorithm 'p-edge/nobody'"):
            compare(*suite.algorithms, suite=suite.path, against=["p-edge/nobody"], out=tmp_path / "none")
        assert not (tmp_path / "none").exists()
        result = compare(*suite.algorithms, suite=suite.path, against=["p-edge/equal-*"], seeds=2, time_limit=20.0, out=tmp_path)
        assert set(result.leaderboard["algorithm"]) == {"p-edge/equal-share", *suite.algorithms}
        assert set(result.runs["seed"]) == {0, 1}
        alone = compare(*suite.algorithms, suite=suite.path, against=[], time_limit=20.0, out=tmp_path)
        assert list(alone.leaderboard["algorithm"]) == list(suite.algorithms)
