"""The paper's claims beside what we measured, in Markdown: figures, orderings and changes, each with its verdict and certified gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mecbench.benchmarks.studies.claims import Claims, Measured, judge_ordering
from mecbench.benchmarks.studies.study import Study, rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["beside_the_paper"]


def beside_the_paper(study: Study, claims: Claims, runs: pd.DataFrame) -> dict[str, str]:
    """Tables of claimed figures, orderings and changes with our verdicts and certified gaps, by how the agents were trained."""
    from mecbench.reports.agents import agent_board
    from mecbench.reports.scores import score
    from mecbench.reports.wording import percent

    measured, board = rows(study, runs), agent_board(score(runs)).set_index("agent")
    names = {name: _trained(study, name) for found in measured.values() for name in found}
    tables = {}
    for label in sorted({label for label, _ in names.values()} - {""}):
        mine = {name: claimed for name, (trained, claimed) in names.items() if trained in ("", label)}
        found = {metric: {mine[name]: value for name, value in of.items() if name in mine} for metric, of in measured.items()}
        gaps = {claimed: percent(board["iqm_gap"][name]) for name, claimed in mine.items()}
        parts = (table(study, claims, found, gaps) for table in (_figures, _orderings, _changes))
        tables[label] = "\n\n".join(part for part in parts if part)
    return tables


def _trained(study: Study, name: str) -> tuple[str, str]:
    """How an agent was trained, nothing if it learned nothing, and what claims call it."""
    agent, _, how = name.partition(" [")
    size, _, preset = how.removesuffix("]").partition(", ")
    if preset not in study.variants:
        return how.removesuffix("]"), study.short(agent)
    base = study.variants[preset]
    return (size if base == "default" else f"{size}, {base}"), f"{study.short(agent)} {preset}"


def _table(headings: str, lines: list[str]) -> str:
    """In Markdown; nothing if it would have no lines."""
    return "\n".join((headings, f"|{'---|' * (headings.count('|') - 1)}", *lines)) if lines else ""


def _figures(study: Study, claims: Claims, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    lines = []
    for figure in claims.figures:
        metric, mine = study.metrics[figure.metric], found[figure.metric].get(figure.agent)
        ours = ["-", "-"] if mine is None else [metric.number(mine.mean), metric.interval(mine)]
        stated = f"{figure.value:.2f}" if figure.metric == "objective" else metric.number(figure.value)
        cells = [metric.heading, stated, figure.direction, *ours, gaps.get(figure.agent, "-")]
        lines.append(f"| {figure.agent} | {' | '.join(cells)} | **{claims.judge(figure, found[figure.metric])}** |")
    return _table("| | quantity | paper | claims | ours | 95 % | gap, IQM | verdict |", lines)


def _orderings(study: Study, claims: Claims, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    lines = []
    for ordering in claims.orderings:
        verdict, difference = judge_ordering(ordering, found[ordering.metric])
        metric = study.metrics[ordering.metric]
        cells, digits = [ordering.lower, ordering.higher, metric.heading], max(metric.decimals, 2)
        ours = [] if difference is None else [f"{value:+.{digits}f}" for value in (difference.mean, difference.low, difference.high)]
        cells += [ours[0], f"{ours[1]} to {ours[2]}"] if ours else ["-", "-"]
        cells += [gaps.get(ordering.lower, "-"), gaps.get(ordering.higher, "-")]
        lines.append(f"| {' | '.join(cells)} | **{verdict}** |")
    return _table("| the paper has | below | in | difference | 95 % | gap, IQM | the other's | verdict |", lines)


def _changes(study: Study, claims: Claims, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    lines = []
    for change in claims.changes:
        verdict, ours = claims.judge_change(change, found[change.metric])
        cells = [change.agent, change.rival, study.metrics[change.metric].heading, f"{100 * change.share:+.1f} %"]
        known = ours is not None and not math.isnan(ours.mean)  # a share of nothing is not
        cells += [f"{100 * ours.mean:+.1f} %", f"{100 * ours.low:+.1f} to {100 * ours.high:+.1f} %"] if ours and known else ["-", "-"]
        cells += [gaps.get(change.agent, "-"), gaps.get(change.rival, "-")]
        lines.append(f"| {' | '.join(cells)} | **{verdict}** |")
    return _table("| the paper has | differ from | in by | paper | ours | 95 % | gap, IQM | the other's | verdict |", lines)
