"""Who is fastest, and how often: Dolan and Moré's performance profile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.plots.style import axis, layout, plain
from mecbench.reports.profiles import performance_profile
from mecbench.reports.wording import percent, share

__all__ = ["POSITION", "draw"]

POSITION = 30
TARGET = 1e-3  # gap to the best known objective at which a run counts as solved
RATIOS = (1, 2, 5, 10, 100, 1000)


def draw(material: Material) -> Plot:
    """Draw a curve for each algorithm that has a look."""
    curves = performance_profile(material.scored, TARGET)
    return Plot(
        title="Who is fastest, and how often",
        text=f"Performance profile: the share of runs that an algorithm brought within {percent(TARGET)} of the best known objective, "
        "in at most so many times the time of the fastest. The left edge says how often it was the fastest, the right end how often "
        "it got there at all.",
        figure=_figure(material, curves),
        table=_table(material, curves),
        rest=f"Drawn are the first {len(material.looks)} of the leaderboard; the table has all.",
    )


def _figure(material: Material, curves: pd.DataFrame) -> go.Figure:
    furthest = max(10.0, 1.2 * float(curves["ratio"].max()))
    figure = go.Figure()
    for algorithm, look in material.looks.items():
        curve = curves[curves["algorithm"] == algorithm]
        figure.add_trace(
            go.Scatter(
                x=[*curve["ratio"], furthest],
                y=[*curve["share"], curve["share"].iloc[-1]],
                mode="lines",
                line={"color": look.colour, "dash": look.dash, "width": 2.2, "shape": "hv"},
                name=algorithm,
                hovertemplate=f"{plain(algorithm)}<br>%{{y:.0%}} within %{{x:.3g}} times the fastest<extra></extra>",
            )
        )
    figure.update_layout(
        **layout(height=420),
        xaxis=axis("time as a multiple of the fastest") | {"type": "log", "range": [-0.02, float(np.log10(furthest))], "dtick": 1},
        yaxis=axis("share of runs solved") | {"range": [-0.02, 1.04], "tickformat": ".0%"},
    )
    return figure


def _table(material: Material, curves: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for algorithm in material.algorithms:
        curve = curves[curves["algorithm"] == algorithm]
        reached = {f"{ratio}×": share(curve.loc[curve["ratio"] <= ratio * (1 + 1e-12), "share"].max()) for ratio in RATIOS}
        rows.append({"algorithm": algorithm, **reached, "ever": share(curve["share"].max())})
    return pd.DataFrame(rows)
