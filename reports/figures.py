"""Figures of a page as Plotly figures; every algorithm keeps its look from one figure to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mecbench.reports.profiles import performance_profile
from mecbench.reports.wording import percent, seconds

__all__ = ["CURVES", "LEAST_GAP", "OTHER", "Look", "gap_against_time", "gap_boxes", "looks", "profile_curves"]

CURVES = 12  # more cannot be told apart
BOXES = 40  # rows of the figure of boxes
# Okabe and Ito's palette, safe for colour-blind readers, without its yellow, which is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333")
DASHES = ("solid", "dash")
SYMBOLS = ("circle", "diamond")
LEAST_GAP = 1e-6  # left end of the logarithmic gap axis; smaller gaps, zero among them, are drawn there
LEAST_SECONDS = 1e-3
NAME = 36  # characters of a name that fit beside each other on a phone
GAP_TICKS = (1e-6, 1e-4, 1e-2, 0.1, 1.0)
INK, FAINT = "#1f2933", "#d9dee4"


@dataclass(frozen=True)
class Look:
    """Colour, dash and symbol of an algorithm."""

    colour: str
    dash: str
    symbol: str


OTHER = Look("#9aa5b1", "solid", "circle")


def looks(algorithms: list[str]) -> dict[str, Look]:
    """Looks of the first `CURVES` algorithms, which are those that get a curve."""
    return {
        algorithm: Look(COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS)], SYMBOLS[number // len(COLOURS)])
        for number, algorithm in enumerate(algorithms[:CURVES])
    }


def gap_boxes(scored: pd.DataFrame, algorithms: Sequence[str], shown: Mapping[str, Look]) -> go.Figure:
    """Distribution of the certified gap over all runs of each algorithm: extremes, quartiles and median.

    Algorithms stand in the given order, at most `BOXES` of them; those without a look are grey.
    """
    algorithms = algorithms[:BOXES]
    figure = go.Figure()
    annotations = []
    for number, algorithm in enumerate(algorithms):
        look = shown.get(algorithm, OTHER)
        gaps = scored.loc[scored["algorithm"] == algorithm, "gap"].to_numpy()
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
                "text": _label(algorithm),
                "align": "left",
                "showarrow": False,
            }
        )
    figure.update_layout(
        **_layout(height=110 + (64 if any(len(algorithm) > NAME for algorithm in algorithms) else 50) * len(algorithms)),
        annotations=annotations,
        xaxis=_gap_axis("gap to the certified bound"),
        yaxis={"visible": False, "range": [-len(algorithms) + 0.4, 0.75], "fixedrange": True},
    )
    return figure


def gap_against_time(board: pd.DataFrame, shown: Mapping[str, Look]) -> go.Figure:
    """Mean gap, with its interval, against the shifted geometric mean of time; algorithms without a look are grey."""
    figure = go.Figure()
    for row in reversed(board.to_dict("records")):  # the best is drawn last, on top
        look = shown.get(row["algorithm"], OTHER)
        low, gap, high = (max(LEAST_GAP, row[key]) for key in ("mean_gap_low", "mean_gap", "mean_gap_high"))
        figure.add_trace(
            go.Scatter(
                x=[max(LEAST_SECONDS, row["sgm_seconds"])],
                y=[gap],
                error_y={"array": [high - gap], "arrayminus": [gap - low], "thickness": 1.5, "width": 3},
                mode="markers",
                marker={"color": look.colour, "symbol": look.symbol, "size": 12, "line": {"color": "white", "width": 1}},
                name=row["algorithm"],
                hovertemplate=f"{_plain(row['algorithm'])}<br>{percent(row['mean_gap'])}, {seconds(row['sgm_seconds'])}<extra></extra>",
            )
        )
    times = board["sgm_seconds"].clip(lower=LEAST_SECONDS) if len(board) else pd.Series([1.0])
    figure.update_layout(
        **_layout(height=420),
        xaxis=_time_axis(float(times.min()), float(times.max())),
        yaxis=_gap_axis("mean gap"),
    )
    return figure


def profile_curves(scored: pd.DataFrame, shown: Mapping[str, Look], target: float) -> go.Figure:
    """Dolan-Moré performance profile of the time to a gap of at most `target` to the best known objective."""
    curves = performance_profile(scored, target)
    furthest = max(10.0, 1.2 * float(curves["ratio"].max())) if len(curves) else 10.0
    figure = go.Figure()
    for algorithm, look in shown.items():
        curve = curves[curves["algorithm"] == algorithm]
        figure.add_trace(
            go.Scatter(
                x=[*curve["ratio"], furthest],
                y=[*curve["share"], curve["share"].iloc[-1]],
                mode="lines",
                line={"color": look.colour, "dash": look.dash, "width": 2.2, "shape": "hv"},
                name=algorithm,
                hovertemplate=f"{_plain(algorithm)}<br>%{{y:.0%}} within %{{x:.3g}} times the fastest<extra></extra>",
            )
        )
    figure.update_layout(
        **_layout(height=420),
        xaxis=_axis("time as a multiple of the fastest") | {"type": "log", "range": [-0.02, float(np.log10(furthest))], "dtick": 1},
        yaxis=_axis("share of runs solved") | {"range": [-0.02, 1.04], "tickformat": ".0%"},
    )
    return figure


def _layout(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "showlegend": False,
        "margin": {"l": 62, "r": 12, "t": 12, "b": 56},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
    }


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "gridcolor": FAINT, "linecolor": INK, "zeroline": False, "ticks": "outside", "automargin": True}


def _gap_axis(title: str) -> dict[str, Any]:
    ticks = [f"≤ {percent(LEAST_GAP)}", *(f"{100 * tick:g} %" for tick in GAP_TICKS[1:])]
    return _axis(title) | {
        "type": "log",
        "range": [float(np.log10(LEAST_GAP)) - 0.25, 0.15],
        "tickvals": list(GAP_TICKS),
        "ticktext": ticks,
        "fixedrange": True,
    }


def _time_axis(shortest: float, longest: float) -> dict[str, Any]:
    ticks = [10.0**power for power in range(-3, 6)]
    span = [float(np.log10(shortest)) - 0.3, float(np.log10(longest)) + 0.3]
    return _axis("time") | {
        "type": "log",
        "range": span,
        "tickvals": ticks,
        "ticktext": [seconds(tick) for tick in ticks],
        "fixedrange": True,
    }


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.25)"


def _label(algorithm: str) -> str:
    """A name that fits on a phone: the parameters of a long one stand in a second line."""
    return _plain(algorithm).replace(":", ":<br>") if len(algorithm) > NAME else _plain(algorithm)


def _plain(text: str) -> str:
    """Text that Plotly does not take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
