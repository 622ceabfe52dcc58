"""What a paper says of its agents, and the rules by which a re-run agrees with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mecbench.reports.intervals import bootstrap_interval

__all__ = ["Change", "Claims", "Direction", "Figure", "Measured", "Ordering", "Verdict", "judge_ordering", "measure"]

Direction = Literal[
    "within the limit", "beyond the limit", "least of the agents", "most of the agents", "near the least", "at least", "as stated"
]
Verdict = Literal["reproduced", "direction only", "not reproduced", "not run"]


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, and what it says by it.

    Attributes
    ----------
    agent, metric
        Whose, and which of the evaluator's metrics; ``objective`` is what the problem is judged by.
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
class Change:
    """The paper has an algorithm's figure above another's by a share of that, or below it if the share is negative."""

    agent: str
    rival: str
    metric: str
    share: float


@dataclass(frozen=True)
class Measured:
    """A metric of ours: mean over training seeds and instances, its 95 % interval, and the table [S, N] that both come from."""

    mean: float
    low: float
    high: float
    table: np.ndarray


def measure(table: np.ndarray) -> Measured:
    """Mean of a table of training seeds by instances, shape [S, N], with its interval; NaN where there is no run."""
    low, high = bootstrap_interval(table, trim=0.0)
    return Measured(float(np.nanmean(table)), low, high, table)


@dataclass(frozen=True)
class Claims:
    """A paper's claims.

    Attributes
    ----------
    agents
        Its agents by name, without the problem's.
    figures, orderings, changes
        What it says of them.
    limit
        What "the limit" is in its figures, in their unit.
    tolerance
        Part of a figure by which a reproduction may miss it.
    competitive
        How many times the least of the agents' figures is near it.
    """

    agents: tuple[str, ...]
    figures: tuple[Figure, ...]
    orderings: tuple[Ordering, ...]
    changes: tuple[Change, ...] = ()
    limit: float = math.inf
    tolerance: float = 0.1
    competitive: float = 1.1

    def judge(self, figure: Figure, found: Mapping[str, Measured]) -> Verdict:
        """Judge a figure.

        It is *reproduced* if the direction holds and the paper's value lies within our 95 % interval or within `tolerance` of it of our
        mean; *direction only* if the direction holds: our mean is within or beyond the limit, is the least or the most of the agents that
        were run, is at most `competitive` times the least, or is at least the value; *not reproduced* otherwise. Of a figure without a
        claim, "as stated", only the value is judged.

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
        means = [found[agent].mean for agent in self.agents if agent in found]
        near = mine.low <= figure.value <= mine.high or abs(mine.mean - figure.value) <= self.tolerance * abs(figure.value)
        holds = {
            "within the limit": mine.mean <= self.limit,
            "beyond the limit": mine.mean > self.limit,
            "least of the agents": mine.mean <= min(means) and len(means) > 1,
            "most of the agents": mine.mean >= max(means) and len(means) > 1,
            "near the least": mine.mean <= self.competitive * min(means),
            "at least": mine.mean >= figure.value,
            "as stated": near,
        }[figure.direction]
        if not holds:
            return "not reproduced"
        return "reproduced" if near else "direction only"

    def judge_change(self, change: Change, found: Mapping[str, Measured]) -> tuple[Verdict, Measured | None]:
        """Judge a change, and give ours, as a share.

        It is *reproduced* if all of our 95 % interval is of the same sign and ours is as large, or short of it by no more than the interval
        or `tolerance`; *direction only* if our mean is of the same sign; and *not reproduced* otherwise. Seeds and instances are paired as
        in `judge_ordering`.
        """
        if change.agent not in found or change.rival not in found:
            return "not run", None
        agent, rival = _paired(found[change.agent], found[change.rival])
        level = float(np.nanmean(rival))
        ratio = float(np.nanmean(agent)) / level if level else math.nan
        # A ratio of means, and the mean of these to first order in what a draw of seeds and instances moves.
        ours = measure(ratio - 1.0 + (agent - ratio * rival) / level) if level else Measured(math.nan, math.nan, math.nan, agent)
        sign = math.copysign(1.0, change.share)
        if not sign * ours.mean > 0:
            return "not reproduced", ours
        least, most = sorted((sign * ours.low, sign * ours.high))
        large = max(most, sign * ours.mean + self.tolerance * abs(change.share)) >= abs(change.share)
        return ("reproduced" if least > 0 and large else "direction only"), ours


def judge_ordering(ordering: Ordering, found: Mapping[str, Measured]) -> tuple[Verdict, Measured | None]:
    """Judge an ordering, and give the difference, lower minus higher, that decides.

    It is *reproduced* if the 95 % interval of the mean difference lies below zero, *direction only* if the mean does, and *not
    reproduced* otherwise. Differences are taken instance by instance, of training seeds with the same place in the order of seeds; what
    has no seeds is the same for all.
    """
    if ordering.lower not in found or ordering.higher not in found:
        return "not run", None
    lower, higher = _paired(found[ordering.lower], found[ordering.higher])
    difference = measure(lower - higher)
    if difference.mean >= 0:
        return "not reproduced", difference
    return ("reproduced" if difference.high < 0 else "direction only"), difference


def _paired(one: Measured, other: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Their tables [S, N] for the training seeds that both have."""
    tables = one.table, other.table
    seeds = min(map(len, tables)) if min(map(len, tables)) > 1 else max(map(len, tables))
    shape = seeds, tables[0].shape[1]
    return np.broadcast_to(tables[0][:seeds], shape), np.broadcast_to(tables[1][:seeds], shape)
