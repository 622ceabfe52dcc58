"""Curves in a terminal: what is drawn is what was told, at any width of screen and in any state of a run."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from mecbench.benchmarks.cli import curves
from mecbench.benchmarks.cli.curves import WIDTH, Watched, picture, sparkline, watching
from mecbench.rl.training import Point


def point(done: int, reward: float, cost: float = math.nan, limit: float = math.nan) -> Point:
    """A point of a curve."""
    return Point(done, 1.0, reward, cost, limit, math.nan if math.isnan(cost) else 0.25, 1.0, -reward, cost)


def drawn(run: Watched, width: int = 120) -> str:
    """What a terminal shows of a run."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    console.print(picture([run]))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_curve_is_drawn_between_its_least_and_its_greatest() -> None:
    """Ends of the scale are the ends of the bars, gaps stay gaps, and a long curve keeps its first and last value."""
    assert sparkline([0.0, 1.0, 2.0]) == "▁▅█"
    assert sparkline([math.nan, 1.0, 2.0]) == " ▁█"
    assert sparkline([3.0, 3.0]) == "▁▁"
    assert sparkline([]) == sparkline([math.nan]).strip() == ""
    long = sparkline([float(value) for value in range(1000)])
    assert len(long) == WIDTH
    assert (long[0], long[-1]) == ("▁", "█")


def test_the_picture_says_what_the_run_is_about() -> None:
    """Reward, cost with its limit, multiplier and validation with its best; nothing of what an algorithm does not have."""
    run = Watched("", 100)
    assert "0 of 100 transitions" in drawn(run)
    run.note(0, point(0, -9.0, 4.0, 3.0))
    run.note(50, point(50, -5.0, 3.5, 3.0))
    shown = drawn(run)
    assert "50 of 100 transitions" in shown
    for words in ("reward", "-5", "3.5 (limit 3)", "multiplier", "0.25", "5, best 5"):
        assert words in shown
    free = Watched("", 100)
    free.note(0, point(0, -9.0))
    assert "multiplier" not in drawn(free)
    assert "cost" not in drawn(free)


def test_the_time_that_is_left_ignores_what_was_done_before_a_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run repeats its points at once; only what it does from there on sets its pace."""
    now = 100.0
    monkeypatch.setattr(curves.time, "monotonic", lambda: now)
    run = Watched("", 100)
    assert math.isnan(run.left)
    run.note(0, point(0, 1.0))
    run.note(60, point(60, 1.0))
    assert math.isnan(run.left)
    now = 110.0
    run.note(80, None)
    assert run.left == 10.0


def test_a_terminal_sees_curves_and_a_pipe_sees_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody looks there is one line a point with the seed before it; quiet is quiet."""
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    told = "seed 3: 50 of 100 transitions, - left, reward -1, cost 2 (limit 3), multiplier 0.25"
    told += ", validation 1, best 1, validation cost 2 (limit 3)\n"
    for quiet, screen, expected in ((False, console, ""), (True, None, ""), (False, None, told)):
        run = Watched("seed 3", 100)
        with watching([run], quiet=quiet, console=screen) as progress:
            progress(0, 50, point(50, -1.0, 2.0, 3.0))
            progress(0, 60, None)
        assert capsys.readouterr().err == expected
        assert (run.done, len(run.points)) == (60, 1)
    assert "60 of 100" in console.file.getvalue()  # type: ignore[attr-defined]
