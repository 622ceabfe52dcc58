"""What a plot is drawn from, and what it is: a figure that is never without its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from mecbench.reports.plots.style import Look

__all__ = ["Material", "Plot"]


@dataclass(frozen=True)
class Material:
    """What a page knows of one problem.

    Attributes
    ----------
    scored
        Scored runs, see `mecbench.reports.scores.score`.
    board
        Leaderboard, see `mecbench.reports.leaderboard.leaderboard`.
    looks
        Looks of the first algorithms of the leaderboard; the others have none.
    """

    scored: pd.DataFrame
    board: pd.DataFrame
    looks: Mapping[str, Look]

    @property
    def algorithms(self) -> list[str]:
        """Names in the order of the leaderboard."""
        return [str(name) for name in self.board["algorithm"]]


@dataclass(frozen=True)
class Plot:
    """A figure with its words and its table.

    Attributes
    ----------
    title, text
        Heading, and what a reader sees in the figure.
    figure
        The figure, of a fixed height.
    table
        The same as text, a row per algorithm, first column ``algorithm``.
    keyed
        Whether colours must be explained below the figure.
    rest
        What became of algorithms without a look, where there are any.
    """

    title: str
    text: str
    figure: go.Figure
    table: pd.DataFrame
    keyed: bool = True
    rest: str = ""
