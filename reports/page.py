"""The report: one self-contained page that opens without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from mecbench.reports import figures
from mecbench.reports.leaderboard import display, hard_failures, leaderboard, remarks
from mecbench.reports.profiles import gap_distribution, performance_profile
from mecbench.reports.scores import constraint_satisfaction, order, score
from mecbench.reports.wording import interval, percent, quantity, seconds, share

__all__ = ["render"]

TARGET = 1e-3  # gap to the best known objective at which the profile calls a run solved
SAME = 1e-9  # gap within which an objective is the best known one
INSTANCES = 1000  # rows of the table of instances
RUNS = 5000  # rows of the table of all runs; a page with more does not open on a phone
TAILS = 100  # failures whose output is shown
RATIOS = (1, 2, 5, 10, 100, 1000)


def render(runs: pd.DataFrame, *, title: str = "mecbench report", environment: Sequence[Mapping[str, object]] = ()) -> str:
    """Page of a runs frame.

    Parameters
    ----------
    runs
        A runs frame, scored or not.
    title
        Heading of the page.
    environment
        What is known of the machine, one mapping per invocation of the harness.

    Returns
    -------
    str
        HTML with style, script and data inlined; it loads nothing and its content security policy forbids it to.
    """
    scored = runs if "gap_to_best" in runs else score(runs)
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("mecbench.reports", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["breakable"] = _breakable
    failures = order(scored[~scored["status"].eq("ok") | scored["beats_bound"]])
    return templates.get_template("report.html").render(
        title=title,
        plotly=Markup(get_plotlyjs()),
        style=Markup(templates.get_template("report.css").render()),
        counts={name: scored[column].nunique() for name, column in (("algorithms", "algorithm"), ("instances", "instance_sha256"))}
        | {"runs": len(scored)},
        suites=", ".join(sorted(scored["suite"].dropna().astype(str).unique())),
        limits=", ".join(seconds(limit) for limit in sorted(scored["time_limit"].unique())),
        alarms=hard_failures(scored),
        sections=[_section(str(problem), group) for problem, group in scored.groupby("problem")],
        runs=_runs(order(scored).head(RUNS)),
        runs_left_out=max(0, len(scored) - RUNS),
        failures=failures.head(TAILS).to_dict("records"),
        failures_left_out=max(0, len(failures) - TAILS),
        environment=[{str(key): _flat(value) for key, value in entry.items()} for entry in environment],
        target=percent(TARGET),
    )


def _section(problem: str, scored: pd.DataFrame) -> dict[str, Any]:
    """Everything the page says of one problem."""
    board = leaderboard(scored)
    rows = display(board)
    shown = figures.looks(board["algorithm"].tolist())
    plots = {
        "gaps": figures.gap_boxes(scored, board["algorithm"].tolist(), shown),
        "times": figures.gap_against_time(board, shown),
        "profile": figures.profile_curves(scored, shown, TARGET),
    }
    return {
        "problem": problem,
        "board": rows if rows["alarm"].any() else rows.drop(columns="alarm"),
        "remarks": remarks(scored),
        "looks": shown,
        "left_out": max(0, len(board) - len(shown)),
        "figures": {name: json.loads(figure.to_json()) for name, figure in plots.items()},
        "gap_table": _gaps(scored, board),
        "time_table": _times(board),
        "profile_table": _profile(scored, board["algorithm"].tolist()),
        "constraints": _labelled(constraint_satisfaction(scored).loc[board["algorithm"]].map(share), str),
        "instances": (instances := _instances(scored)).head(INSTANCES),
        "instances_left_out": max(0, len(instances) - INSTANCES),
    }


def _labelled(frame: pd.DataFrame, label: Any) -> pd.DataFrame:
    return frame.rename(columns=label).rename_axis("algorithm").reset_index()


def _gaps(scored: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    distribution = gap_distribution(scored).loc[board["algorithm"]].map(share)
    table = _labelled(distribution, lambda level: f"≤ {percent(float(level))}")
    table["IQM gap"] = board["iqm_gap"].map(percent)
    table["its interval"] = [interval(low, high) for low, high in zip(board["iqm_gap_low"], board["iqm_gap_high"], strict=True)]
    return table


def _times(board: pd.DataFrame) -> pd.DataFrame:
    table = {
        "algorithm": board["algorithm"],
        "mean gap": board["mean_gap"].map(percent),
        "time": board["sgm_seconds"].map(seconds),
        "primal integral": board["primal_integral"].map(percent),
        "gap to best": board["mean_gap_to_best"].map(percent),
    }
    if board["decision_latency_p50"].notna().any():
        table |= {f"decision {part}": board[f"decision_latency_{part}"].map(seconds) for part in ("p50", "p95")}
    return pd.DataFrame(table)


def _profile(scored: pd.DataFrame, algorithms: list[str]) -> pd.DataFrame:
    curves = performance_profile(scored, TARGET)
    rows = []
    for algorithm in algorithms:
        curve = curves[curves["algorithm"] == algorithm]
        reached = {f"{ratio}×": share(curve.loc[curve["ratio"] <= ratio * (1 + 1e-12), "share"].max()) for ratio in RATIOS}
        rows.append({"algorithm": algorithm, **reached, "ever": share(curve["share"].max())})
    return pd.DataFrame(rows)


def _instances(scored: pd.DataFrame) -> pd.DataFrame:
    groups = scored.groupby("instance_sha256")
    table = groups[["instance", "reference_bound", "best_objective"]].first()
    table["solved"] = groups["solved"].sum().astype(int).astype(str) + "/" + groups.size().astype(str)
    table["median gap"], table["largest gap"] = groups["gap"].median().map(percent), groups["gap"].max().map(percent)
    fastest = scored[scored["gap_to_best"] <= SAME].sort_values("seconds").drop_duplicates("instance_sha256").set_index("instance_sha256")
    table["fastest to the best known"] = fastest["algorithm"] + " (" + fastest["seconds"].map(seconds) + ")"
    for column, name in (("reference_bound", "certified bound"), ("best_objective", "best known")):
        table[column] = table[column].map(quantity)
        table = table.rename(columns={column: name})
    return table.fillna({"fastest to the best known": "nobody"}).sort_values("instance", ignore_index=True)


def _runs(ordered: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "instance": ordered["instance"],
            "algorithm": ordered["algorithm"],
            "seed": ordered["seed"].astype(str),
            "status": ordered["status"],
            "objective": ordered["objective"].map(quantity),
            "violation": ordered["violation"].map(quantity),
            "gap": ordered["gap"].map(percent),
            "excess": ordered["excess"].map(percent),
            "time": ordered["wall_seconds"].map(seconds),
            "memory": [f"{value:.0f} MiB" if pd.notna(value) else "-" for value in ordered["peak_memory_mib"]],
        }
    )


def _breakable(name: str) -> Markup:
    """A name that a narrow column may break between its parts, and that is still copied as it is."""
    parts = re.findall(r"[^:,]*[:,]|[^:,]+", name)
    return Markup("<wbr>").join(Markup('<span class="part">{}</span>').format(part) for part in parts)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
