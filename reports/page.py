"""The report: one self-contained page that opens without a network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from mecbench.reports.leaderboard import display, hard_failures, leaderboard, remarks
from mecbench.reports.pictures import collect, figures
from mecbench.reports.plots import Material, describe_all, scripts
from mecbench.reports.scores import order, score
from mecbench.reports.wording import seconds

__all__ = ["render"]

TAILS = 100  # kinds of failure whose output is shown
TAIL = 2000  # characters of it
SPEEDS = 1.25  # ratio of calibrations from which on machines are called different
SCRIPTS = ("wording.js", "table.js", "plot.js", "instance.js", "page.js")
# Figures of a leaderboard's row that the page's scripts use.
BOARD = (
    "mean_gap", "mean_gap_low", "mean_gap_high", "paired_p", "iqm_gap", "iqm_gap_low", "iqm_gap_high", "solved", "runs", "feasible_share",
    "mean_gap_to_best", "median_excess", "median_regret", "sgm_seconds", "par2_seconds", "primal_integral", "correctness",
    "decision_latency_p50", "decision_latency_p95",
)  # fmt: skip
RUN = {"gap": 5, "gap_to_best": 5, "excess": 5, "seconds": 5, "wall_seconds": 5, "objective": 8, "violation": 4, "peak_memory_mib": 4}


def render(
    runs: pd.DataFrame,
    *,
    title: str = "mecbench report",
    environment: Sequence[Mapping[str, object]] = (),
    pictures: Iterable[tuple[str, Mapping[str, pd.DataFrame]]] = (),
    curves: pd.DataFrame | None = None,
) -> str:
    """Page of a runs frame.

    Parameters
    ----------
    runs
        A runs frame, scored or not.
    title
        Heading of the page.
    environment
        What is known of the machine, one mapping per invocation of the harness.
    pictures
        Hash of an instance with its frames ``nodes``, ``links`` and ``series``, see `mecbench.reports.pictures.collect`; as many
        are taken as the page has room for, so a generator saves work.
    curves
        Points of learning curves in their order: ``problem``, ``algorithm``, ``agent``, ``recipe``, ``training_seed``, ``transitions``,
        ``reward``, ``cost`` of what is limited, its ``limit``, ``multiplier`` and ``chosen``, the transitions of the checkpoint; NaN
        where not known.

    Returns
    -------
    str
        HTML with style, script and data inlined; it loads nothing and its content security policy forbids it to.
    """
    scored = runs if "gap_to_best" in runs else score(runs)
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("mecbench.reports", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    drawn = collect(pictures) if len(scored) else {}
    learned = pd.DataFrame(columns=["problem"]) if curves is None else curves
    sections = [
        _section(str(problem), group, drawn, learned[learned["problem"].eq(problem)]) for problem, group in scored.groupby("problem")
    ]
    failures = _failures(scored)
    return templates.get_template("report.html").render(
        title=title,
        plotly=Markup(get_plotlyjs()),
        style=Markup(_template("report.css")),
        script=Markup("\n".join(['"use strict";', *map(_template, SCRIPTS[:-1]), *scripts(), _template(SCRIPTS[-1])])),
        data=Markup(_json(sections)),
        counts={name: scored[column].nunique() for name, column in (("algorithms", "algorithm"), ("instances", "instance_sha256"))}
        | {"runs": len(scored)},
        suites=", ".join(sorted(set(scored["suite"].dropna().astype(str)) - {""})),
        limits=", ".join(seconds(limit) for limit in sorted(scored["time_limit"].unique())),
        alarms=hard_failures(scored),
        sections=sections,
        failures=failures[:TAILS],
        failures_left_out=max(0, len(failures) - TAILS),
        environment=[{str(key): _flat(value) for key, value in entry.items()} for entry in environment],
        different_machines=_differ(environment),
    )


def _template(name: str) -> str:
    return (resources.files("mecbench.reports") / "templates" / name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _section(problem: str, scored: pd.DataFrame, pictures: Mapping[str, Mapping[str, Any]], curves: pd.DataFrame) -> dict[str, Any]:
    """Everything the page says of one problem, as plain data."""
    board = leaderboard(scored)
    plots = describe_all(Material(scored, board, curves))
    groups = order(scored).groupby("instance_sha256", sort=False)
    instances = groups[["instance", "sense", "reference_bound", "best_objective"]].first()
    return {
        "problem": problem,
        "remarks": remarks(scored),
        "board": _board(board),
        "runs": _runs(order(scored), board["algorithm"].tolist(), instances.index.tolist()),
        "instances": {
            "name": instances["instance"].tolist(),
            "sha256": instances.index.str[:12].tolist(),
            "sense": instances["sense"].tolist(),
            "bound": figures(instances["reference_bound"], 8),
            "best": figures(instances["best_objective"], 8),
        },
        "pictures": {number: pictures[sha256] for number, sha256 in enumerate(instances.index) if sha256 in pictures},
        "plots": {
            name: {"title": plot.title, "text": plot.text, "reading": plot.reading, "keyed": plot.keyed, "data": dict(plot.data)}
            for name, plot in plots.items()
        },
    }


def _board(board: pd.DataFrame) -> list[dict[str, Any]]:
    texts = display(board)
    rows = []
    for row, mark, alarm in zip(board.to_dict("records"), texts["#"], texts["alarm"], strict=True):
        words = {name: str(row[name]) for name in ("algorithm", "sees", "kind")}
        numbers = {name: float(f"{row[name]:.6g}") if math.isfinite(row[name]) else None for name in BOARD}
        rows.append(words | numbers | {"rank": int(row["rank"]), "mark": mark, "alarm": alarm})
    return rows


def _runs(scored: pd.DataFrame, algorithms: list[str], instances: list[str]) -> dict[str, list[Any]]:
    """Columns of the runs, the best of each instance first; names as places in the leaderboard and among the instances."""
    statuses = scored["status"].astype("category")
    return {
        "algorithm": scored["algorithm"].map({name: number for number, name in enumerate(algorithms)}).tolist(),
        "instance": scored["instance_sha256"].map({name: number for number, name in enumerate(instances)}).tolist(),
        "seed": scored["seed"].tolist(),
        "statuses": statuses.cat.categories.tolist(),
        "status": statuses.cat.codes.tolist(),
        "solved": scored["solved"].astype(int).tolist(),
        **{name: figures(scored[name], digits) if name in scored else [None] * len(scored) for name, digits in RUN.items()},
    }


def _failures(scored: pd.DataFrame) -> list[dict[str, Any]]:
    """Failures of a kind together, the most frequent first, with the output of the first."""
    failed = scored[~scored["status"].eq("ok") | scored["beats_bound"]]
    failed = failed.assign(message=failed["message"].fillna("").astype(str) if "message" in failed else "")
    kinds = []
    for (algorithm, status, message), group in failed.groupby(["algorithm", "status", "message"]):
        first = group.iloc[0]
        tail = str(first["log_tail"] or "")
        kinds.append(
            {
                "algorithm": algorithm,
                "status": status if status != "ok" else "bound beaten",
                "message": message,
                "count": len(group),
                "instance": first["instance"],
                "seed": first["seed"],
                "tail": tail[-TAIL:],
                "cut": len(tail) > TAIL,
            }
        )
    return sorted(kinds, key=lambda kind: -int(kind["count"]))


def _differ(environment: Sequence[Mapping[str, object]]) -> bool:
    """Whether the machines differ so much in speed that their times do not compare."""
    speeds = [float(str(entry["calibration_seconds"])) for entry in environment if "calibration_seconds" in entry]
    return len(speeds) > 1 and max(speeds) > SPEEDS * min(speeds)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
