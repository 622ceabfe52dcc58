"""A small picture of an instance in a terminal, from the frames of `describe` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mecbench.reports.wording import quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bars", "draw"]

BLOCKS = " ▁▂▃▄▅▆▇█"
COLUMNS = 60  # most bars beside each other
CURVES = 8  # most curves of a panel


def bars(values: np.ndarray) -> str:
    """Bars of one line, from zero to the largest value; more than fit are averaged in groups of neighbours.

    Parameters
    ----------
    values
        Shape [N]; those that are not finite leave a gap.
    """
    groups = np.array_split(np.asarray(values, dtype=float), min(len(values), COLUMNS))
    heights = np.array([group[np.isfinite(group)].mean() if np.isfinite(group).any() else np.nan for group in groups])
    low, high = min(0.0, float(np.nanmin(heights, initial=0.0))), float(np.nanmax(heights, initial=0.0))
    scale = (high - low) or 1.0
    return "".join(" " if np.isnan(height) else BLOCKS[max(1, round(8 * (height - low) / scale))] for height in heights)


def draw(frames: dict[str, pd.DataFrame]) -> str:
    """Draw the measured attributes of nodes and links as bars, a bar each, and the series as curves.

    Parameters
    ----------
    frames
        ``nodes``, ``links`` and ``series``; a column name that ends in ``[unit]`` is a measured attribute.
    """
    lines: list[str] = []
    for frame in (frames["nodes"], frames["links"]):
        for kind, group in frame.groupby("kind", sort=False):
            measured = [name for name in group.columns if str(name).endswith("]") and group[name].notna().any()]
            lines += ["", f"{len(group)} × {kind}"] if len(group) > 1 else ["", str(kind)]
            lines += _rows({name: group[name].to_numpy(float) for name in measured})
    for panel, group in frames["series"].groupby("panel", sort=False):
        axes = f"{group['y_label'].iloc[0]} over {group['x_label'].iloc[0]}"
        curves = {str(line): points.sort_values("x")["y"].to_numpy(float) for line, points in group.groupby("line", sort=False)}
        lines += ["", f"{panel}: {axes}, {quantity(group['x'].min())} to {quantity(group['x'].max())}"]
        lines += _rows(dict(list(curves.items())[:CURVES]))
        lines += [f"  and {len(curves) - CURVES} more"] if len(curves) > CURVES else []
    return "\n".join(lines).lstrip("\n")


def _rows(values: dict[str, np.ndarray]) -> list[str]:
    width = max(map(len, values), default=0)
    pictures = {name: bars(array) if len(array) > 1 else "" for name, array in values.items()}
    room = max(map(len, pictures.values()), default=0)
    return [f"  {name:<{width}}  {pictures[name]:<{room}}  {_range(array)}" for name, array in values.items()]


def _range(values: np.ndarray) -> str:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return quantity(low) if low == high else f"{quantity(low)} to {quantity(high)}"
