"""What a study of learned agents is made of: suites, rules beside the agents, metrics in its tables, and the paper's claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mecbench.benchmarks.studies.claims import Claims, Measured, measure
from mecbench.problems.evaluation import excess

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Limited", "Metric", "Study", "Suite", "rows"]

_OF_RUNS = ("objective", "above_bound")


@dataclass(frozen=True)
class Metric:
    """One of the evaluator's metrics in a table.

    Attributes
    ----------
    heading
        Its column's.
    decimals
        Digits behind the point.
    percent
        Whether it is a share.
    spread
        Whether the interval of an agent's mean is shown.
    """

    heading: str
    decimals: int
    percent: bool = False
    spread: bool = False

    def number(self, value: float) -> str:
        """The value in words."""
        return f"{100 * value:.{self.decimals}f} %" if self.percent else f"{value:.{self.decimals}f}"

    def interval(self, found: Measured) -> str:
        """The interval of the mean in words."""
        return f"{self.number(found.low).removesuffix(' %')} to {self.number(found.high)}"


@dataclass(frozen=True)
class Limited:
    """A long-term constraint.

    Attributes
    ----------
    metric, limit, words
        What it limits, by how much, and that with its unit for people.
    constrained
        Whether an agent of that name, such as ``h-mappo``, learns to keep it.
    near
        How many times the limit such an agent may reach.
    """

    metric: str
    limit: float
    words: str
    constrained: Callable[[str], bool]
    near: float = 1.05


@dataclass(frozen=True)
class Suite:
    """A suite of a study.

    Attributes
    ----------
    title
        What it says.
    reference_seconds
        How long the clairvoyant reference has [s].
    of_the_paper
        Whether the study's claims are of it.
    claims
        The paper's of this suite alone, in place of the study's.
    """

    title: str
    reference_seconds: float
    of_the_paper: bool = False
    claims: Claims | None = None


@dataclass(frozen=True)
class Study:
    """What is run and told of a problem's learned agents.

    Attributes
    ----------
    problem
        Its name.
    suites
        By name.
    suites_of
        On which of them an agent is judged, by its checkpoint's header; raises `InputError` if on none.
    simple
        Rules that every agent is asked to be ahead of.
    rules
        Others that learn nothing and know no future.
    metrics
        Columns by the evaluator's names; ``objective`` is the solution's, ``above_bound`` how far that is from the certified bound,
        relative to it, whatever else the solution breaks.
    limited
        The long-term constraint, if there is one.
    claims
        The paper's, if it has any of these.
    reference
        The clairvoyant method.
    sampled
        Whether agents are run a second time with ``sampled=1``.
    strict
        Whether agents are run a second time with ``strict=1``.
    variants
        Presets that are ablations, each with the preset that it departs from: in claims they stand beside it, as ``agent preset``.
    """

    problem: str
    suites: Mapping[str, Suite]
    suites_of: Callable[[Mapping[str, Any]], tuple[str, ...]]
    simple: tuple[str, ...]
    rules: tuple[str, ...]
    metrics: Mapping[str, Metric]
    limited: Limited | None = None
    claims: Claims | None = None
    reference: str = "auto"
    sampled: bool = True
    strict: bool = False
    variants: Mapping[str, str] = field(default_factory=dict)

    def short(self, name: str) -> str:
        """Name of an algorithm or agent without the problem's."""
        return name.removeprefix(f"{self.problem}/")


def rows(study: Study, runs: pd.DataFrame) -> dict[str, dict[str, Measured]]:
    """Measure every metric of every agent: by metric, then by its name; runs without a solution have none."""
    import pandas as pd

    from mecbench.reports.agents import agent_names, table

    terms = {name: [cell.get(name, math.nan) for cell in runs["metrics"]] for name in study.metrics if name not in _OF_RUNS}
    above = pd.Series(map(excess, runs["objective"], runs["reference_bound"]), runs.index).replace(math.inf, math.nan)
    values = runs.assign(agent=agent_names(runs), above_bound=above, **terms)
    instances = sorted(runs["instance_sha256"].unique())  # the same columns for all, whose differences are taken
    return {
        metric: {
            str(name): measure(table(group, metric).reindex(columns=instances).to_numpy())
            for name, group in values.groupby("agent", sort=True)
            if group[metric].notna().any()
        }
        for metric in study.metrics
    }
