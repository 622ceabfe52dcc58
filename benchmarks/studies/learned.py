"""Learned agents of a problem as trained here, beside rules, causal controllers, certified bounds and their paper's figures.

A study is data, `Study`; ``python -m mecbench.benchmarks.studies.NAME --checkpoints DIR --out STORE`` of its module runs what STORE does
not hold yet of every finished training below DIR, as ``mecbench train`` leaves it, and prints tables in Markdown; ``--doc FILE`` writes
them between the marks of a document instead. Each run has a process of its own under the harness's limits and one thread. All figures are
the evaluator's.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mecbench.benchmarks import harness
from mecbench.benchmarks.frame import to_frame
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.selection import read_instances
from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.claims import Claims, Measured, judge_ordering, measure
from mecbench.instances.documents import read_document
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.rl.training import CHECKPOINT, SUMMARY
from mecbench.solvers.catalogue import resolve

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Limited", "Metric", "Study", "Suite", "Trained", "agents", "beside_the_paper", "demands", "fill", "find", "main", "rows"]

POLICY_SECONDS = 300.0
MEMORY_LIMIT = 8192  # MiB


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
        Columns by the evaluator's names; ``objective`` is the solution's.
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


@dataclass(frozen=True)
class Trained:
    """A finished training run: where its checkpoint is, and what it says of itself."""

    path: Path
    header: Mapping[str, Any]


def find(folders: Iterable[Path], problem: str) -> list[Trained]:
    """Finished training runs below some folders, by agent, size and seed.

    Raises
    ------
    InputError
        If there is none, or one cannot be read or is not of the problem.
    """
    found = [Trained(path.with_name(CHECKPOINT), read_document(path)) for folder in folders for path in folder.rglob(SUMMARY)]
    if not found:
        raise InputError(f"{', '.join(map(str, folders))}: expected folders with {SUMMARY}, as `mecbench train` leaves them, found none")
    for one in found:
        if not str(one.header.get("agent", "")).startswith(f"{problem}/"):
            raise InputError(f"checkpoint {one.path}: expected one of an agent of {problem}, found one of {one.header.get('agent')}")
    return sorted(found, key=lambda one: (one.header["agent"], str(one.header.get("size")), one.header.get("seed", 0), str(one.path)))


def rows(study: Study, runs: pd.DataFrame) -> dict[str, dict[str, Measured]]:
    """Measure every metric of every agent: by metric, then by its name; runs without a solution have none."""
    from mecbench.reports.agents import agent_names, table

    terms = {name: [cell.get(name, math.nan) for cell in runs["metrics"]] for name in study.metrics if name != "objective"}
    values = runs.assign(agent=agent_names(runs), **terms)
    instances = sorted(runs["instance_sha256"].unique())  # the same columns for all, whose differences are taken
    return {
        metric: {
            str(name): measure(table(group, metric).reindex(columns=instances).to_numpy())
            for name, group in values.groupby("agent", sort=True)
            if group[metric].notna().any()
        }
        for metric in study.metrics
    }


def agents(study: Study, runs: pd.DataFrame) -> str:
    """Table of one suite: a row per agent over all its training seeds, the least gap first."""
    from mecbench.reports.agents import agent_board
    from mecbench.reports.scores import score
    from mecbench.reports.wording import interval, percent, quantity, seconds, share

    measured, board, limited = rows(study, runs), agent_board(score(runs)), study.limited
    headings = ["sees", "kind", "seeds", "priced gap, IQM" if limited else "gap, IQM", "95 %"]
    headings += [metric.heading for metric in study.metrics.values()]
    headings += [f"beyond {limited.words}", "worst", "multiplier"] if limited else []
    headings += [f"better than {board['rival'].max()}", "decision p50 / p95", "training", "transitions", "break-even"]
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    for row in board.to_dict("records"):
        name, learned = str(row["agent"]), row["kind"] == "learned"
        cells = [str(row["sees"]), str(row["kind"]), str(row["seeds"]) if learned else ""]
        cells += [percent(row["iqm_gap"]), interval(row["iqm_gap_low"], row["iqm_gap_high"])]
        cells += [_cell(metric, measured[key].get(name), learned) for key, metric in study.metrics.items()]
        if limited:
            price = row["multiplier"] if learned else row["limited_price"] if row["sees"] == "clairvoyant" else math.nan
            cells += [share(row["violating"]), percent(row["worst_excess"]), "" if math.isnan(price) else f"{price:.2f}"]
        cells.append(share(row["improvement"]) if learned else "")
        times = row["decision_latency_p50"], row["decision_latency_p95"]
        cells.append("" if math.isnan(times[0]) else " / ".join(map(seconds, times)))
        pays = row["break_even"]
        cells += [seconds(row["training_cpu_seconds"]), f"{row['transitions']:,.0f}"] if learned else ["", ""]
        cells.append("" if not learned else "never" if math.isinf(pays) else quantity(math.ceil(pays)) if math.isfinite(pays) else "-")
        lines.append(f"| {study.short(name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(metric: Metric, found: Measured | None, learned: bool) -> str:
    if found is None:
        return "-"
    return metric.number(found.mean) + (f" ({metric.interval(found)})" if learned and metric.spread else "")


def beside_the_paper(study: Study, runs: pd.DataFrame) -> dict[str, str]:
    """Tables of the paper's figures, orderings and changes with our verdicts and certified gaps, by how the agents were trained."""
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
        parts = _figures(study, found, gaps), _orderings(study, found, gaps), _changes(study, found, gaps)
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


def _figures(study: Study, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    assert study.claims is not None
    lines = []
    for figure in study.claims.figures:
        metric, mine = study.metrics[figure.metric], found[figure.metric].get(figure.agent)
        ours = ["-", "-"] if mine is None else [metric.number(mine.mean), metric.interval(mine)]
        stated = f"{figure.value:.2f}" if figure.metric == "objective" else metric.number(figure.value)
        cells = [metric.heading, stated, figure.direction, *ours, gaps.get(figure.agent, "-")]
        lines.append(f"| {figure.agent} | {' | '.join(cells)} | **{study.claims.judge(figure, found[figure.metric])}** |")
    return _table("| | quantity | paper | claims | ours | 95 % | gap, IQM | verdict |", lines)


def _orderings(study: Study, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    assert study.claims is not None
    lines = []
    for ordering in study.claims.orderings:
        verdict, difference = judge_ordering(ordering, found[ordering.metric])
        metric = study.metrics[ordering.metric]
        cells, digits = [ordering.lower, ordering.higher, metric.heading], max(metric.decimals, 2)
        ours = [] if difference is None else [f"{value:+.{digits}f}" for value in (difference.mean, difference.low, difference.high)]
        cells += [ours[0], f"{ours[1]} to {ours[2]}"] if ours else ["-", "-"]
        cells += [gaps.get(ordering.lower, "-"), gaps.get(ordering.higher, "-")]
        lines.append(f"| {' | '.join(cells)} | **{verdict}** |")
    return _table("| the paper has | below | in | difference | 95 % | gap, IQM | the other's | verdict |", lines)


def _changes(study: Study, found: Mapping[str, Mapping[str, Measured]], gaps: Mapping[str, str]) -> str:
    assert study.claims is not None
    lines = []
    for change in study.claims.changes:
        verdict, ours = study.claims.judge_change(change, found[change.metric])
        cells = [change.agent, change.rival, study.metrics[change.metric].heading, f"{100 * change.share:+.1f} %"]
        known = ours is not None and not math.isnan(ours.mean)  # a share of nothing is not
        cells += [f"{100 * ours.mean:+.1f} %", f"{100 * ours.low:+.1f} to {100 * ours.high:+.1f} %"] if ours and known else ["-", "-"]
        cells += [gaps.get(change.agent, "-"), gaps.get(change.rival, "-")]
        lines.append(f"| {' | '.join(cells)} | **{verdict}** |")
    return _table("| the paper has | differ from | in by | paper | ours | 95 % | gap, IQM | the other's | verdict |", lines)


def demands(study: Study, runs: pd.DataFrame) -> str:
    """Table of what is asked of every agent: to be ahead of the simple rules, and to keep the limit or, without a multiplier, to miss it.

    It is ahead if the 95 % intervals of the priced gap are disjoint. If it learns to keep the limit its mean must be at most `near` times
    the limit; else the interval of its mean must lie above the limit, as otherwise the limit binds nobody.
    """
    from mecbench.reports.agents import agent_board
    from mecbench.reports.scores import score

    board, measured, limited = agent_board(score(runs)).set_index("agent"), rows(study, runs), study.limited
    headings = ["ahead of", "not ahead of"] + ([study.metrics[limited.metric].heading, "95 %", "asked", ""] if limited else [])
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    present = [rule for rule in study.simple if f"{study.problem}/{rule}" in board.index]
    for name, row in board[board["kind"].eq("learned")].iterrows():
        simple = {rule: bool(row["iqm_gap_high"] < board.loc[f"{study.problem}/{rule}", "iqm_gap_low"]) for rule in present}
        cells = [", ".join(rule for rule, ahead in simple.items() if ahead is wanted) or "none" for wanted in (True, False)]
        if limited:
            cells += _kept(study.metrics[limited.metric], limited, study.short(str(name)), measured[limited.metric].get(str(name)))
        lines.append(f"| {study.short(str(name))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _kept(metric: Metric, limited: Limited, name: str, found: Measured | None) -> list[str]:
    constrained = limited.constrained(re.split(r"[ :]", name)[0])
    most = limited.near * limited.limit
    asked = f"at most {metric.number(most)}" if constrained else f"interval above {limited.limit:g}"
    if found is None:
        return ["-", "-", asked, "missed"]
    met = found.mean <= most if constrained else found.low > limited.limit
    return [metric.number(found.mean), metric.interval(found), asked, "met" if met else "missed"]


def fill(document: str, tables: Mapping[str, str]) -> str:
    """Put tables between the marks ``<!-- name -->`` and ``<!-- end of name -->`` of a document.

    Raises
    ------
    InputError
        If a table has no marks in the document.
    """
    for name, text in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(document):
            raise InputError(f"document: expected the marks {begin} and {end}, found none")
        before, after = pattern.split(document, maxsplit=1)
        document = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return document


def _run(study: Study, store: Store, suite: str, trained: Sequence[Trained], jobs: int, reference_limit: float | None) -> set[str]:
    """Do what is missing on a suite, and give the keys of all its runs."""
    stored = read_instances(load_suite(suite))
    own = [one for one in trained if suite in study.suites_of(one.header)]
    ways = ("", *([",sampled=1"] if study.sampled else []), *([",strict=1"] if study.strict else []))
    texts = [f"{one.header['agent']}:checkpoint={one.path}{way}" for one in own for way in ways]
    limits = {POLICY_SECONDS: [*(f"{study.problem}/{rule}" for rule in (*study.simple, *study.rules)), *texts]}
    limits.setdefault(reference_limit or study.suites[suite].reference_seconds, []).append(f"{study.problem}/{study.reference}")
    keys: set[str] = set()
    for limit, algorithms in limits.items():
        job = plan(
            stored, [resolve(text) for text in algorithms], time_limit=limit, memory_limit=MEMORY_LIMIT, suite=suite, held=store.finished()
        )
        harness.run(job, store, jobs=jobs)
        keys |= {*job.held, *(spec.key for spec in job.runs)}
    return keys


def main(study: Study) -> None:
    """Run what is missing, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True, help="folders below which trained agents are")
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--doc", type=Path, help="document whose tables are written")
    parser.add_argument("--suites", nargs="+", default=list(study.suites), choices=list(study.suites))
    parser.add_argument("--reference-limit", type=float, help="seconds of the clairvoyant reference, if not the usual ones")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    trained = find(arguments.checkpoints, study.problem)
    wanted = {suite for one in trained for suite in study.suites_of(one.header)}
    tables: dict[str, str] = {}
    with Store(arguments.out) as store:
        for suite in (name for name in arguments.suites if name in wanted):
            keys = _run(study, store, suite, trained, arguments.jobs, arguments.reference_limit)
            frame = to_frame(store)
            runs = frame[frame["key"].isin(keys)].reset_index(drop=True)
            tables |= {suite: agents(study, runs), f"{suite} demands": demands(study, runs)}
            claims = study.suites[suite].claims or (study.claims if study.suites[suite].of_the_paper else None)
            if claims:
                verdicts = beside_the_paper(replace(study, claims=claims), runs)
                tables[f"{suite} beside the paper"] = "\n\n".join(f"Trained: {label}.\n\n{text}" for label, text in verdicts.items())
    if arguments.doc is None:
        for name, text in tables.items():
            title = study.suites[name].title if name in study.suites else name
            print(f"### {title}\n\n{text}\n")
    else:
        arguments.doc.write_text(fill(arguments.doc.read_text(encoding="utf-8"), tables), encoding="utf-8")
