"""What a run had told by when is read off its record."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.traces import bounds, first, gaps, objectives, ratio_text, seconds_text


def test_what_was_told_last_counts_at_the_end(record) -> None:
    """The outcome stands after all reports; an infeasible one is no objective."""
    one = record("p/any", [[1.0, 5.0, None], [2.0, None, 3.0]], objective=4.0, bound=3.5, wall=9.0)
    assert objectives(one) == [(1.0, 5.0), (9.0, 4.0)]
    assert bounds(one) == [(2.0, 3.0), (9.0, 3.5)]
    assert objectives(record("p/any", [], objective=4.0, bound=None, feasible=False)) == []


@pytest.mark.parametrize(("sense", "sign"), [("minimise", 1.0), ("maximise", -1.0)])
def test_gaps_are_those_of_the_best_on_either_side(record, sense, sign) -> None:
    """Whatever the direction, a worse plan or bound told later changes nothing, and one side alone is a gap of 1."""
    trace = [[1.0, sign * 5.0, None], [2.0, None, sign * 4.0], [3.0, sign * 6.0, sign * 3.0], [4.0, sign * 5.0, sign * 4.5]]
    one = record("p/any", trace, objective=sign * 5.0, bound=sign * 5.0, wall=9.0, sense=sense)
    assert gaps(one) == [(after, pytest.approx(gap)) for after, gap in ((1.0, 1.0), (2.0, 0.2), (3.0, 0.2), (4.0, 0.1), (9.0, 0.0))]
    assert first(one, 0.2) == 2.0
    assert first(one, 0.15) == 4.0
    assert first(record("p/any", trace[:1], objective=sign * 5.0, bound=None, sense=sense), 0.5) is None


def test_times_are_written_with_two_or_three_digits() -> None:
    """Milliseconds, seconds and ratios as tables have them."""
    assert [seconds_text(value) for value in (0.0321, 0.0996, 4.0, 300.2)] == ["32 ms", "0.10 s", "4.00 s", "300 s"]
    assert [ratio_text(value) for value in (1.0, 12.3, 1234.0)] == ["1", "12", "1,234"]
