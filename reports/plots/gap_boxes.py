"""How far from the bound: the distribution of the certified gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.plots.style import LEAST_GAP, NAME, OTHER, gap_axis, label, layout
from mecbench.reports.profiles import gap_distribution
from mecbench.reports.wording import interval, percent, share

__all__ = ["POSITION", "draw"]

POSITION = 10
BOXES = 40  # rows that a figure has room for


def draw(material: Material) -> Plot:
    """Draw a box of the gaps of all runs of each algorithm."""
    return Plot(
        title="How far from the bound",
        text="Each box holds the middle half of an algorithm's runs, its line the median, its whiskers all. A failure lies at 100 %.",
        figure=_figure(material),
        table=_table(material),
        keyed=False,
    )


def _figure(material: Material) -> go.Figure:
    algorithms = material.algorithms[:BOXES]
    figure = go.Figure()
    annotations = []
    for number, algorithm in enumerate(algorithms):
        look = material.looks.get(algorithm, OTHER)
        gaps = material.scored.loc[material.scored["algorithm"] == algorithm, "gap"].to_numpy()
        low, first, median, third, high = (max(LEAST_GAP, float(value)) for value in np.quantile(gaps, [0, 0.25, 0.5, 0.75, 1]))
        figure.add_trace(
            go.Box(
                y=[-number],
                lowerfence=[low],
                q1=[first],
                median=[median],
                q3=[third],
                upperfence=[high],
                orientation="h",
                name=algorithm,
                line={"color": look.colour, "width": 2},
                fillcolor=_pale(look.colour),
                width=0.34,
                hoverinfo="x+name",
                whiskerwidth=0.6,
            )
        )
        # Names stand above their boxes: beside them they would leave a phone no room for the figure.
        annotations.append(
            {
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": -number + 0.2,
                "yanchor": "bottom",
                "text": label(algorithm),
                "align": "left",
                "showarrow": False,
            }
        )
    figure.update_layout(
        **layout(height=110 + (64 if any(len(algorithm) > NAME for algorithm in algorithms) else 50) * len(algorithms)),
        annotations=annotations,
        xaxis=gap_axis("gap to the certified bound"),
        yaxis={"visible": False, "range": [-len(algorithms) + 0.4, 0.75], "fixedrange": True},
    )
    return figure


def _table(material: Material) -> pd.DataFrame:
    board = material.board
    distribution = gap_distribution(material.scored).loc[board["algorithm"]]
    columns = {f"≤ {percent(float(str(level)))}": distribution[level].map(share).to_numpy() for level in distribution}
    intervals = [interval(low, high) for low, high in zip(board["iqm_gap_low"], board["iqm_gap_high"], strict=True)]
    return pd.DataFrame({"algorithm": board["algorithm"], **columns, "IQM gap": board["iqm_gap"].map(percent), "its interval": intervals})


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.25)"
