from __future__ import annotations

import numpy as np
import pandas as pd

from mecbench.benchmarks.cli.picture import COLUMNS, bars, draw


def test_bars_are_proportional() -> None:
    """The largest value fills its cell, half of it half a cell, and nothing vanishes."""
    assert bars(np.array([0.0, 4.0, 8.0])) == "▁▄█"
    assert bars(np.array([5.0, 5.0])) == "██"
    assert bars(np.array([0.0, 0.0])) == "▁▁"
    assert bars(np.array([-1.0, 0.0, 1.0])) == "▁▄█"
    assert bars(np.array([np.nan, 1.0, np.inf])) == " █ "


def test_many_values_fit_a_line() -> None:
    """A thousand devices are drawn as wide as sixty."""
    assert len(bars(np.arange(1000.0))) == COLUMNS


def test_a_picture_knows_no_problem() -> None:
    """Nodes, links and curves of a problem that does not exist are drawn from the frames alone."""
    frames = {
        "nodes": pd.DataFrame({"id": ["a", "b", "c"], "kind": ["hub", "leaf", "leaf"], "label": "x", "weight [kg]": [np.nan, 1.0, 2.0]}),
        "links": pd.DataFrame({"source": ["a"], "target": ["b"], "kind": "rope", "label": "x", "length [m]": [3.0]}),
        "series": pd.DataFrame(
            {
                "panel": "load",
                "line": np.repeat([f"day {n}" for n in range(10)], 2),
                "x": [0, 1] * 10,
                "y": 1.0,
                "x_label": "hour",
                "y_label": "load [N]",
            }
        ),
    }
    picture = draw(frames)
    assert "2 × leaf" in picture
    assert "weight [kg]  ▄█  1 to 2" in picture
    assert "length [m]    3" in picture
    assert "load: load [N] over hour, 0 to 1" in picture
    assert "and 2 more" in picture
