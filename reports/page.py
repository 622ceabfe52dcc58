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

from mecbench.reports.leaderboard import display, hard_failures, leaderboard, remarks
from mecbench.reports.plots import Material, draw_all
from mecbench.reports.plots.style import looks
from mecbench.reports.scores import constraint_satisfaction, order, score
from mecbench.reports.wording import percent, quantity, seconds, share

__all__ = ["render"]

SAME = 1e-9  # gap within which an objective is the best known one
INSTANCES = 1000  # rows of the table of instances
RUNS = 5000  # rows of the table of all runs; a page with more does not open on a phone
TAILS = 100  # failures whose output is shown


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
    )


def _section(problem: str, scored: pd.DataFrame) -> dict[str, Any]:
    """Everything the page says of one problem."""
    board = leaderboard(scored)
    rows = display(board)
    shown = looks(board["algorithm"])
    return {
        "problem": problem,
        "board": rows if rows["alarm"].any() else rows.drop(columns="alarm"),
        "remarks": remarks(scored),
        "looks": shown,
        "left_out": max(0, len(board) - len(shown)),
        "plots": {
            name: {"plot": plot, "figure": json.loads(plot.figure.to_json())}
            for name, plot in draw_all(Material(scored, board, shown)).items()
        },
        "constraints": constraint_satisfaction(scored).loc[board["algorithm"]].map(share).reset_index(),
        "instances": (instances := _instances(scored)).head(INSTANCES),
        "instances_left_out": max(0, len(instances) - INSTANCES),
    }


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
