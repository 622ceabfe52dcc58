"""Pictures of instances on a page: frames of nodes, links and series, thinned to what can be seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["collect", "figures", "queue", "spread"]

BYTES = 500_000  # of all pictures of a page together
MOST = 100  # pictures of a page
NODES = 400  # nodes and links of a picture
CURVES = 16  # curves of a panel
POINTS = 32  # points of a curve


def queue(runs: pd.DataFrame) -> list[str]:
    """Hashes of all instances in the order in which they get a picture: families in turn, so that none goes without."""
    instances = runs.drop_duplicates("instance_sha256")
    family = instances["problem"].astype(str) + " " + instances["instance"].astype(str).str.replace(r"[^a-zA-Z]*\d+$", "", regex=True)
    return instances.assign(turn=family.groupby(family).cumcount()).sort_values("turn", kind="stable")["instance_sha256"].tolist()


def collect(described: Iterable[tuple[str, Mapping[str, pd.DataFrame]]]) -> dict[str, dict[str, Any]]:
    """Thin frames as plain data, until the page's room for pictures is used up.

    Parameters
    ----------
    described
        Hash of an instance with its frames ``nodes``, ``links`` and ``series``; taken one by one, and no more than fit. A column
        name that ends in ``]`` is a measured attribute.
    """
    pictures: dict[str, dict[str, Any]] = {}
    room = BYTES
    for sha256, frames in described:
        picture = {
            "nodes": _columns(frames["nodes"].head(NODES)),
            "links": _columns(frames["links"].head(NODES)),
            "series": _panels(frames["series"]),
            "left_out": max(0, len(frames["nodes"]) - NODES),
        }
        room -= len(json.dumps(picture))
        if room < 0:
            break
        pictures[sha256] = picture
        if len(pictures) >= MOST:
            break
    return pictures


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    measured = {str(name) for name in frame if str(name).endswith("]") or name in ("x", "y")}
    return {str(name): figures(frame[name], 4) if str(name) in measured else frame[name].astype(str).tolist() for name in frame}


def _panels(series: pd.DataFrame) -> list[dict[str, Any]]:
    panels = []
    for panel, group in series.groupby("panel", sort=False):
        curves = [(str(line), points.sort_values("x")) for line, points in group.groupby("line", sort=False)]
        shown = [curves[index] for index in spread(len(curves), CURVES)]
        lines = [
            {"line": line, **{axis: figures(points[axis].iloc[spread(len(points), POINTS)], 4) for axis in "xy"}} for line, points in shown
        ]
        labels = {f"{axis}_label": str(group[f"{axis}_label"].iloc[0]) for axis in "xy"}
        panels.append({"panel": str(panel), **labels, "lines": lines, "left_out": len(curves) - len(shown)})
    return panels


def spread(size: int, most: int) -> np.ndarray:
    """Places of at most so many of the items of a list, the first and the last among them."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(int))


def figures(values: pd.Series, digits: int) -> list[float | None]:
    """Numbers in so many significant digits, as JSON has them: None where not finite."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.to_numpy(float, na_value=np.nan)]
