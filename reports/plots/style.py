"""The look of all plots: every algorithm keeps its colour from one figure to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mecbench.reports.wording import percent, seconds

__all__ = [
    "CURVES",
    "LEAST_GAP",
    "LEAST_SECONDS",
    "NAME",
    "OTHER",
    "Look",
    "axis",
    "gap_axis",
    "label",
    "layout",
    "looks",
    "plain",
    "time_axis",
]

CURVES = 12  # more cannot be told apart
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


def looks(algorithms: Iterable[str]) -> dict[str, Look]:
    """Looks of the first `CURVES` algorithms, which are those that get a curve."""
    return {
        algorithm: Look(COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS)], SYMBOLS[number // len(COLOURS)])
        for number, algorithm in enumerate(list(algorithms)[:CURVES])
    }


def layout(height: int) -> dict[str, Any]:
    """Layout of a figure of a height [px]; its width is the page's."""
    return {
        "height": height,
        "showlegend": False,
        "margin": {"l": 62, "r": 12, "t": 12, "b": 56},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
    }


def axis(title: str) -> dict[str, Any]:
    """Axis with a title."""
    return {"title": {"text": title}, "gridcolor": FAINT, "linecolor": INK, "zeroline": False, "ticks": "outside", "automargin": True}


def gap_axis(title: str) -> dict[str, Any]:
    """Logarithmic axis of gaps, from `LEAST_GAP` to 100 %."""
    ticks = [f"≤ {percent(LEAST_GAP)}", *(f"{100 * tick:g} %" for tick in GAP_TICKS[1:])]
    return axis(title) | {
        "type": "log",
        "range": [float(np.log10(LEAST_GAP)) - 0.25, 0.15],
        "tickvals": list(GAP_TICKS),
        "ticktext": ticks,
        "fixedrange": True,
    }


def time_axis(shortest: float, longest: float) -> dict[str, Any]:
    """Logarithmic axis of time [s]."""
    ticks = [10.0**power for power in range(-3, 6)]
    span = [float(np.log10(shortest)) - 0.3, float(np.log10(longest)) + 0.3]
    return axis("time") | {
        "type": "log",
        "range": span,
        "tickvals": ticks,
        "ticktext": [seconds(tick) for tick in ticks],
        "fixedrange": True,
    }


def label(algorithm: str) -> str:
    """A name that fits on a phone: the parameters of a long one stand in a second line."""
    return plain(algorithm).replace(":", ":<br>") if len(algorithm) > NAME else plain(algorithm)


def plain(text: str) -> str:
    """Text that Plotly does not take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
