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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mecbench.benchmarks import harness
from mecbench.benchmarks.frame import to_frame
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.selection import read_instances
from mecbench.benchmarks.store import Store
from mecbench.benchmarks.studies.claims import Measured
from mecbench.benchmarks.studies.study import Limited, Metric, Study, rows
from mecbench.benchmarks.studies.verdicts import beside_the_paper
from mecbench.instances.documents import read_document
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.rl.training import CHECKPOINT, SUMMARY
from mecbench.solvers.catalogue import resolve

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Trained", "agents", "demands", "fill", "find", "main"]

POLICY_SECONDS = 300.0
MEMORY_LIMIT = 8192  # MiB


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
    try:
        tables = _tables(study, arguments)
        if arguments.doc is None:
            for name, text in tables.items():
                title = study.suites[name].title if name in study.suites else name
                print(f"### {title}\n\n{text}\n")
        else:
            arguments.doc.write_text(fill(arguments.doc.read_text(encoding="utf-8"), tables), encoding="utf-8")
    except InputError as error:
        parser.exit(2, f"{error}\n")


def _tables(study: Study, arguments: argparse.Namespace) -> dict[str, str]:
    """All tables in Markdown by their marks, after the runs that the store does not hold yet."""
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
                verdicts = beside_the_paper(study, claims, runs)
                tables[f"{suite} beside the paper"] = "\n\n".join(f"Trained: {label}.\n\n{text}" for label, text in verdicts.items())
    return tables
