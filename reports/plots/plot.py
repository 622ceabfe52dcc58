"""What a plot is drawn from, and what it is: words and figures, which a script of the same name draws in the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

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
    curves
        Learning curves, see `mecbench.reports.page.render`.
    """

    scored: pd.DataFrame
    board: pd.DataFrame
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def algorithms(self) -> list[str]:
        """Names in the order of the leaderboard."""
        return [str(name) for name in self.board["algorithm"]]


@dataclass(frozen=True)
class Plot:
    """A figure's words and data.

    Attributes
    ----------
    title
        Heading.
    text
        What the figure shows, in a sentence.
    reading
        How to read it, and what not to read into it.
    data
        What its script needs beside the runs and the leaderboard, which every script has; plain values as JSON has them.
    keyed
        Whether colours must be explained below the figure.
    """

    title: str
    text: str
    reading: str
    data: Mapping[str, Any] = field(default_factory=dict)
    keyed: bool = True
