from __future__ import annotations

import math

from mecbench.reports.wording import interval, percent, probability, quantity, seconds, share


def test_small_and_missing_figures_stay_legible() -> None:
    """A gap of one millionth is not shown as zero, and what is missing is not shown as a number."""
    assert [percent(x) for x in (0.0, 1e-15, 1e-6, 0.0312, 1.0, 25.0, math.inf, math.nan)] == [
        "0 %",
        "0 %",
        "0.0001 %",
        "3.12 %",
        "100.00 %",
        "2500 %",
        "∞",
        "-",
    ]
    assert [share(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0, math.nan)] == ["0 %", "1 %", "50 %", "99 %", "100 %", "-"]
    assert [seconds(x) for x in (0.00123, 1.5, 120.0, math.nan)] == ["1.23 ms", "1.5 s", "120 s", "-"]
    assert [interval(*ends) for ends in ((0.1, 0.2), (0.0, 0.0), (0.5, math.nan))] == ["10.00 to 20.00 %", "0 %", "50.00 to -"]
    assert quantity(12.3456789) == "12.3457"
    assert [probability(x) for x in (1e-6, 0.012345, 1.0, math.nan)] == ["< 0.0001", "0.012", "1", "-"]
