"""HC-MAPPO-L and its ablations as trained here, beside the paper's figures, rules, causal controllers and certified bounds.

``python -m mecbench.benchmarks.studies.p_learned --checkpoints DIR --out STORE`` runs what STORE does not hold yet of every
finished training below DIR, as ``mecbench train`` leaves it, and prints tables in Markdown; ``--doc FILE`` writes them between the
marks of a document instead. Each run has a process of its own under the harness's limits and one thread. All figures are the
evaluator's, over all requests, failed ones included.
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
from mecbench.benchmarks.studies.p_claims import FIGURES, LIMIT, ORDERINGS, Measured, judge_figure, judge_ordering, measure
from mecbench.instances.documents import read_document
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.rl.training import CHECKPOINT, SUMMARY
from mecbench.solvers.catalogue import resolve

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRICS", "SUITES", "Trained", "agents", "beside_the_paper", "demands", "fill", "find", "main", "rows", "suites_of"]

WORLD = 20_000  # of p-paper-50-world
SUITES = {  # and what they say
    "p-paper-50-world": "One world, held-out traces: the paper's protocol",
    "p-small": "Small: a world of its own for every instance",
    "p-paper-50": "The paper's size: a world of its own for every instance",
    "p-paper-200": "The paper's size for 200 slots: a world of its own for every instance",
}
SIMPLE = ("random", "local-only", "edge-only", "greedy")
RULES = (*SIMPLE, "lru", "causal-reference", "drift-plus-penalty")
NEAR = 1.05  # of the limit, that an agent with a multiplier may reach
REFERENCE = "auto"
REFERENCE_SECONDS = {"p-paper-50-world": 30.0, "p-small": 5.0, "p-paper-50": 30.0, "p-paper-200": 120.0}
POLICY_SECONDS = 300.0
MEMORY_LIMIT = 8192  # MiB
METRICS = {  # heading, decimals; shares are shown in per cent
    "objective": ("cost", 1),
    "mean_delay_s": ("delay [s]", 2),
    "mean_energy_j": ("energy [J]", 2),
    "mean_privacy": ("privacy", 2),
    "success_rate": ("served", 1),
    "users_within_delay": ("users within 3 s", 1),
}
PERCENT = {"success_rate", "users_within_delay"}


@dataclass(frozen=True)
class Trained:
    """A finished training run: where its checkpoint is, and what it says of itself."""

    path: Path
    header: Mapping[str, Any]


def find(folders: Iterable[Path]) -> list[Trained]:
    """Finished training runs below some folders, by agent, size and seed.

    Raises
    ------
    InputError
        If there is none, or one cannot be read or is not of P.
    """
    found = [Trained(path.with_name(CHECKPOINT), read_document(path)) for folder in folders for path in folder.rglob(SUMMARY)]
    if not found:
        raise InputError(f"{', '.join(map(str, folders))}: expected folders with {SUMMARY}, as `mecbench train` leaves them, found none")
    for one in found:
        if not str(one.header.get("agent", "")).startswith("p/"):
            raise InputError(f"checkpoint {one.path}: expected one of an agent of p, found one of {one.header.get('agent')}")
    return sorted(found, key=lambda one: (one.header["agent"], str(one.header.get("size")), one.header.get("seed", 0), str(one.path)))


def suites_of(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Suites on which an agent is judged: those of its size, and where it knows one world only, its own.

    Raises
    ------
    InputError
        If no suite is of its size, or of its world.
    """
    size, world = str(header.get("size")), header.get("world")
    if size == "small" and world is None:
        return ("p-small",)
    if size.startswith("paper-") and world is None:
        return ("p-paper-50-world", "p-paper-50", "p-paper-200")
    if size.startswith("paper-") and world == WORLD:
        return ("p-paper-50-world",)
    raise InputError(
        f"checkpoint of {header['agent']}: expected size small or paper-*, of many worlds or world {WORLD}, found {size}, {world}"
    )


def rows(runs: pd.DataFrame) -> dict[str, dict[str, Measured]]:
    """Measure every metric of every agent: by metric, then by its name; runs without a solution have none."""
    from mecbench.reports.agents import agent_names, table

    terms = {name: [cell.get(name, math.nan) for cell in runs["metrics"]] for name in METRICS if name != "objective"}
    values = runs.assign(agent=agent_names(runs), **terms)
    instances = sorted(runs["instance_sha256"].unique())  # the same columns for all, whose differences are taken
    return {
        metric: {
            str(name): measure(table(group, metric).reindex(columns=instances).to_numpy())
            for name, group in values.groupby("agent", sort=True)
            if group[metric].notna().any()
        }
        for metric in METRICS
    }


def agents(runs: pd.DataFrame) -> str:
    """Table of one suite: a row per agent over all its training seeds, the least gap first."""
    from mecbench.reports.agents import agent_board
    from mecbench.reports.scores import score
    from mecbench.reports.wording import interval, percent, quantity, seconds, share

    measured, board = rows(runs), agent_board(score(runs))
    headings = ["sees", "kind", "seeds", "priced gap, IQM", "95 %", *(heading for heading, _ in METRICS.values())]
    headings += [
        "beyond 3 s",
        "worst",
        "multiplier",
        f"better than {board['rival'].max()}",
        "decision p50 / p95",
        "training",
        "transitions",
        "break-even",
    ]
    lines = [f"| | {' | '.join(headings)} |", f"|---|{'---|' * len(headings)}"]
    for row in board.to_dict("records"):
        name, learned = str(row["agent"]), row["kind"] == "learned"
        cells = [str(row["sees"]), str(row["kind"]), str(row["seeds"]) if learned else ""]
        cells += [percent(row["iqm_gap"]), interval(row["iqm_gap_low"], row["iqm_gap_high"])]
        cells += [_cell(metric, measured[metric].get(name), learned and metric in ("objective", "mean_delay_s")) for metric in METRICS]
        price = row["multiplier"] if learned else row["limited_price"] if row["sees"] == "clairvoyant" else math.nan
        cells += [share(row["violating"]), percent(row["worst_excess"]), "" if math.isnan(price) else f"{price:.2f}"]
        cells.append(share(row["improvement"]) if learned else "")
        times = row["decision_latency_p50"], row["decision_latency_p95"]
        cells.append("" if math.isnan(times[0]) else " / ".join(map(seconds, times)))
        pays = row["break_even"]
        cells += [seconds(row["training_cpu_seconds"]), f"{row['transitions']:,.0f}"] if learned else ["", ""]
        cells.append("" if not learned else "never" if math.isinf(pays) else quantity(math.ceil(pays)) if math.isfinite(pays) else "-")
        lines.append(f"| {name.removeprefix('p/')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(metric: str, value: float) -> str:
    return f"{100 * value:.1f} %" if metric in PERCENT else f"{value:.{METRICS[metric][1]}f}"


def _interval(metric: str, found: Measured) -> str:
    return f"{_number(metric, found.low).removesuffix(' %')} to {_number(metric, found.high)}"


def _cell(metric: str, found: Measured | None, spread: bool) -> str:
    if found is None:
        return "-"
    return _number(metric, found.mean) + (f" ({_interval(metric, found)})" if spread else "")


def beside_the_paper(runs: pd.DataFrame) -> dict[str, str]:
    """Tables of the paper's figures and orderings, by how the agents were trained."""
    measured = rows(runs)
    names = {name for found in measured.values() for name in found}
    rules = {name: name.removeprefix("p/") for name in names if "[" not in name}
    tables = {}
    for label in sorted({name.partition(" [")[2].removesuffix("]") for name in names} - {""}):
        mine = rules | {name: name.partition(" [")[0].removeprefix("p/") for name in names if name.endswith(f" [{label}]")}
        found = {metric: {mine[name]: value for name, value in of.items() if name in mine} for metric, of in measured.items()}
        tables[label] = f"{_figures(found)}\n\n{_orderings(found)}"
    return tables


def _figures(found: Mapping[str, Mapping[str, Measured]]) -> str:
    lines = ["| | quantity | paper | claims | ours | 95 % | verdict |", "|---|---|---|---|---|---|---|"]
    for figure in FIGURES:
        mine = found[figure.metric].get(figure.agent)
        ours = ["-", "-"] if mine is None else [_number(figure.metric, mine.mean), _interval(figure.metric, mine)]
        stated = f"{figure.value:.2f}" if figure.metric == "objective" else _number(figure.metric, figure.value)
        quantity = METRICS[figure.metric][0]
        cells = [quantity, stated, figure.direction, *ours, f"**{judge_figure(figure, found[figure.metric])}**"]
        lines.append(f"| {figure.agent} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _orderings(found: Mapping[str, Mapping[str, Measured]]) -> str:
    lines = ["| the paper has | below | in | difference | 95 % | verdict |", "|---|---|---|---|---|---|"]
    for ordering in ORDERINGS:
        verdict, difference = judge_ordering(ordering, found[ordering.metric])
        cells = ["-", "-"] if difference is None else [f"{difference.mean:+.2f}", f"{difference.low:+.2f} to {difference.high:+.2f}"]
        heading = METRICS[ordering.metric][0]
        lines.append(f"| {ordering.lower} | {ordering.higher} | {heading} | {' | '.join(cells)} | **{verdict}** |")
    return "\n".join(lines)


def demands(runs: pd.DataFrame) -> str:
    """Table of what is asked of every agent: to be ahead of the simple rules, and to keep the limit or, without a multiplier, to miss it.

    It is ahead if the 95 % intervals of the priced gap are disjoint. With a multiplier its mean delay must be at most `NEAR` times
    the limit; without one the interval of the mean delay must lie above the limit, as otherwise the limit binds nobody.
    """
    from mecbench.reports.agents import agent_board
    from mecbench.reports.scores import score

    board, delays = agent_board(score(runs)).set_index("agent"), rows(runs)["mean_delay_s"]
    lines = ["| | ahead of | not ahead of | delay [s] | 95 % | asked | |", "|---|---|---|---|---|---|---|"]
    for name, row in board[board["kind"].eq("learned")].iterrows():
        simple = {rule: bool(row["iqm_gap_high"] < board.loc[f"p/{rule}", "iqm_gap_low"]) for rule in SIMPLE if f"p/{rule}" in board.index}
        delay = delays.get(str(name))
        constrained = str(name).removeprefix("p/").partition(" ")[0].partition(":")[0].endswith("-l")
        asked = f"at most {NEAR * LIMIT:.2f}" if constrained else f"interval above {LIMIT:.0f}"
        met = delay is not None and (delay.mean <= NEAR * LIMIT if constrained else delay.low > LIMIT)
        cells = [", ".join(rule for rule, ahead in simple.items() if ahead is wanted) or "none" for wanted in (True, False)]
        cells += ["-", "-"] if delay is None else [_number("mean_delay_s", delay.mean), _interval("mean_delay_s", delay)]
        lines.append(f"| {str(name).removeprefix('p/')} | {' | '.join([*cells, asked, 'met' if met else 'missed'])} |")
    return "\n".join(lines)


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


def _run(store: Store, suite: str, trained: Sequence[Trained], jobs: int, reference_limit: float | None) -> set[str]:
    """Do what is missing on a suite, and give the keys of all its runs."""
    stored = read_instances(load_suite(suite))
    own = [one for one in trained if suite in suites_of(one.header)]
    texts = [f"{one.header['agent']}:checkpoint={one.path}{sampled}" for one in own for sampled in ("", ",sampled=1")]
    limits = {POLICY_SECONDS: [*(f"p/{rule}" for rule in RULES), *texts]}
    limits.setdefault(reference_limit or REFERENCE_SECONDS[suite], []).append(f"p/{REFERENCE}")
    keys: set[str] = set()
    for limit, algorithms in limits.items():
        job = plan(
            stored, [resolve(text) for text in algorithms], time_limit=limit, memory_limit=MEMORY_LIMIT, suite=suite, held=store.finished()
        )
        harness.run(job, store, jobs=jobs)
        keys |= {*job.held, *(spec.key for spec in job.runs)}
    return keys


def main() -> None:
    """Run what is missing, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True, help="folders below which trained agents are")
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--doc", type=Path, help="document whose tables are written")
    parser.add_argument("--suites", nargs="+", default=list(SUITES), choices=SUITES)
    parser.add_argument("--reference-limit", type=float, help="seconds of the clairvoyant reference, if not the usual ones")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    trained = find(arguments.checkpoints)
    wanted = {suite for one in trained for suite in suites_of(one.header)}
    tables: dict[str, str] = {}
    with Store(arguments.out) as store:
        for suite in (name for name in arguments.suites if name in wanted):
            keys = _run(store, suite, trained, arguments.jobs, arguments.reference_limit)
            frame = to_frame(store)
            runs = frame[frame["key"].isin(keys)].reset_index(drop=True)
            tables |= {suite: agents(runs), f"{suite} demands": demands(runs)}
            if suite.startswith("p-paper-50"):
                verdicts = beside_the_paper(runs)
                tables[f"{suite} beside the paper"] = "\n\n".join(f"Trained: {label}.\n\n{text}" for label, text in verdicts.items())
    if arguments.doc is None:
        for name, text in tables.items():
            print(f"### {SUITES.get(name, name)}\n\n{text}\n")
    else:
        arguments.doc.write_text(fill(arguments.doc.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
