"""What the quality costs in time: mean gap against the shifted geometric mean of time."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.plots.style import LEAST_GAP, LEAST_SECONDS, OTHER, gap_axis, layout, plain, time_axis
from mecbench.reports.wording import percent, seconds

__all__ = ["POSITION", "draw"]

POSITION = 20


def draw(material: Material) -> Plot:
    """Draw a point with its interval for each algorithm."""
    return Plot(
        title="What the quality costs in time",
        text="Lower left is better. Time is the shifted geometric mean; bars are 95 % intervals of the mean gap.",
        figure=_figure(material),
        table=_table(material.board),
        rest="Grey: the rest of the leaderboard, named in the table.",
    )


def _figure(material: Material) -> go.Figure:
    board = material.board
    figure = go.Figure()
    for row in reversed(board.to_dict("records")):  # the best is drawn last, on top
        look = material.looks.get(row["algorithm"], OTHER)
        low, gap, high = (max(LEAST_GAP, row[key]) for key in ("mean_gap_low", "mean_gap", "mean_gap_high"))
        figure.add_trace(
            go.Scatter(
                x=[max(LEAST_SECONDS, row["sgm_seconds"])],
                y=[gap],
                error_y={"array": [high - gap], "arrayminus": [gap - low], "thickness": 1.5, "width": 3},
                mode="markers",
                marker={"color": look.colour, "symbol": look.symbol, "size": 12, "line": {"color": "white", "width": 1}},
                name=row["algorithm"],
                hovertemplate=f"{plain(row['algorithm'])}<br>{percent(row['mean_gap'])}, {seconds(row['sgm_seconds'])}<extra></extra>",
            )
        )
    times = board["sgm_seconds"].clip(lower=LEAST_SECONDS)
    figure.update_layout(
        **layout(height=420),
        xaxis=time_axis(float(times.min()), float(times.max())),
        yaxis=gap_axis("mean gap"),
    )
    return figure


def _table(board: pd.DataFrame) -> pd.DataFrame:
    table = {
        "algorithm": board["algorithm"],
        "mean gap": board["mean_gap"].map(percent),
        "time": board["sgm_seconds"].map(seconds),
        "primal integral": board["primal_integral"].map(percent),
        "gap to best": board["mean_gap_to_best"].map(percent),
    }
    if board["decision_latency_p50"].notna().any():
        table |= {f"decision {part}": board[f"decision_latency_{part}"].map(seconds) for part in ("p50", "p95")}
    return pd.DataFrame(table)
