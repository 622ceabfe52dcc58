"""What HC-MAPPO-L's paper says of its agents in section V-B, and the rules by which a re-run agrees with it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mecbench.reports.intervals import bootstrap_interval

__all__ = [
    "AGENTS",
    "COMPETITIVE",
    "FIGURES",
    "LIMIT",
    "ORDERINGS",
    "TOLERANCE",
    "Figure",
    "Measured",
    "Ordering",
    "Verdict",
    "judge_figure",
    "judge_ordering",
    "measure",
]

AGENTS = ("hc-mappo-l", "hc-ippo-l", "heuristic-mappo-l", "h-mappo", "h-ippo")
LIMIT = 3.0  # of the average delay [s], C8
TOLERANCE = 0.1  # of the paper's figure: what the draw of a world alone moves is more
COMPETITIVE = 1.1  # times the least of the agents' figures

Direction = Literal["within the limit", "beyond the limit", "least of the agents", "near the least", "at least"]
Verdict = Literal["reproduced", "direction only", "not reproduced", "not run"]


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, and what it says by it.

    Attributes
    ----------
    agent, metric
        Whose, and which of the evaluator's metrics (``objective`` is the user cost (13)).
    value
        As printed.
    direction
        What the text claims beside the figure.
    """

    agent: str
    metric: str
    value: float
    direction: Direction


@dataclass(frozen=True)
class Ordering:
    """The paper has one algorithm below another in some metric."""

    lower: str
    higher: str
    metric: str


@dataclass(frozen=True)
class Measured:
    """A metric of ours: mean over training seeds and traces, its 95 % interval, and the table [S, N] that both come from."""

    mean: float
    low: float
    high: float
    table: np.ndarray


FIGURES = (
    Figure("hc-mappo-l", "mean_delay_s", 2.74, "within the limit"),
    Figure("hc-ippo-l", "mean_delay_s", 2.65, "within the limit"),
    Figure("heuristic-mappo-l", "mean_delay_s", 2.94, "within the limit"),
    Figure("h-mappo", "mean_delay_s", 4.38, "beyond the limit"),
    Figure("h-ippo", "mean_delay_s", 4.76, "beyond the limit"),
    Figure("hc-mappo-l", "objective", 131.35, "least of the agents"),
    Figure("hc-mappo-l", "mean_energy_j", 14.87, "least of the agents"),
    Figure("hc-mappo-l", "mean_privacy", 10.09, "near the least"),
    Figure("hc-mappo-l", "success_rate", 0.985, "at least"),
)
"""Convergence performance evaluation (figure 5), and of the success rate the conclusion."""

_BY_DELAY = ("hc-ippo-l", "hc-mappo-l", "heuristic-mappo-l", "h-mappo", "h-ippo")

ORDERINGS = (
    *(Ordering(lower, higher, "mean_delay_s") for lower, higher in itertools.pairwise(_BY_DELAY)),
    *(Ordering("hc-mappo-l", other, "objective") for other in AGENTS[1:]),
    *(Ordering("hc-mappo-l", other, "objective") for other in ("greedy", "local-only", "edge-only")),
    *(Ordering("hc-mappo-l", other, "mean_energy_j") for other in AGENTS[1:]),
)
"""Figure 5 as the text tells it: delays by their size, least cost and energy of HC-MAPPO-L; figures 6 to 8 for the heuristics."""


def measure(table: np.ndarray) -> Measured:
    """Mean of a table of training seeds by traces, shape [S, N], with its interval; NaN where there is no run."""
    low, high = bootstrap_interval(table, trim=0.0)
    return Measured(float(np.nanmean(table)), low, high, table)


def judge_figure(figure: Figure, found: Mapping[str, Measured]) -> Verdict:
    """Judge a figure of the paper.

    It is *reproduced* if the direction holds and the paper's value lies within our 95 % interval or within `TOLERANCE` of it of our
    mean; *direction only* if the direction holds: our mean is within or beyond the limit, is the least of the agents that were
    run, is at most `COMPETITIVE` times the least, or is at least the value; *not reproduced* otherwise.

    Parameters
    ----------
    figure
        Of the paper.
    found
        The metric by agent, of those that were run.
    """
    if figure.agent not in found:
        return "not run"
    mine = found[figure.agent]
    least = min(found[agent].mean for agent in AGENTS if agent in found)
    holds = {
        "within the limit": mine.mean <= LIMIT,
        "beyond the limit": mine.mean > LIMIT,
        "least of the agents": mine.mean <= least and len(found.keys() & set(AGENTS)) > 1,
        "near the least": mine.mean <= COMPETITIVE * least,
        "at least": mine.mean >= figure.value,
    }[figure.direction]
    if not holds:
        return "not reproduced"
    near = mine.low <= figure.value <= mine.high or abs(mine.mean - figure.value) <= TOLERANCE * figure.value
    return "reproduced" if near else "direction only"


def judge_ordering(ordering: Ordering, found: Mapping[str, Measured]) -> tuple[Verdict, Measured | None]:
    """Judge an ordering, and give the difference, lower minus higher, that decides.

    It is *reproduced* if the 95 % interval of the mean difference lies below zero, *direction only* if the mean does, and *not
    reproduced* otherwise. Differences are taken trace by trace, of training seeds with the same place in the order of seeds; what has no
    seeds is the same for all.
    """
    if ordering.lower not in found or ordering.higher not in found:
        return "not run", None
    lower, higher = found[ordering.lower].table, found[ordering.higher].table
    seeds = min(len(lower), len(higher)) if min(len(lower), len(higher)) > 1 else max(len(lower), len(higher))
    difference = measure(lower[:seeds] - higher[:seeds])
    if difference.mean >= 0:
        return "not reproduced", difference
    return ("reproduced" if difference.high < 0 else "direction only"), difference
