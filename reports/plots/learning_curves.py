"""How agents learned: reward, what is limited, and its multiplier over the transitions of their training."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mecbench.reports.pictures import figures, spread
from mecbench.reports.plots.plot import Material, Plot

__all__ = ["PANELS", "POSITION", "describe"]

POSITION = 70
POINTS = 120  # of a curve
PANELS = ("reward", "cost", "multiplier")


def describe(material: Material) -> Plot | None:
    """A curve for each training seed of each agent whose checkpoint tells how it was trained, in its agent's colour."""
    if material.curves.empty:
        return None
    learned = material.scored[material.scored["kind"].eq("learned")]
    untold = _trained(learned) - _trained(material.curves)
    return Plot(
        title="How they learned",
        text="Mean reward of training episodes, what is limited with its limit (dashed), and the multiplier that prices it, over the "
        "transitions learned from."
        + (f" No curve is known of {len(untold)} training runs, whose checkpoints have none or are not there any more." if untold else ""),
        reading="One line is one training seed, one colour one agent; circles mark the checkpoint that validation chose. Rewards are in "
        "each agent's own scale and include its exploration: compare a curve with itself, and agents by the leaderboard. With a Lagrangian "
        "the multiplier rises while the limit is missed and falls while it is kept; whoever has none learns for the reward alone.",
        data={"curves": [_curve(points) for _, points in material.curves.groupby(["agent", "algorithm"], sort=True)]},
        keyed=False,
    )


def _trained(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Recipe and seed of the training runs of a frame."""
    columns = [frame[name].astype(str) if name in frame else [""] * len(frame) for name in ("recipe", "training_seed")]
    return set(zip(*columns, strict=True))


def _curve(points: pd.DataFrame) -> dict[str, Any]:
    first = points.iloc[0]
    shown = points.iloc[spread(len(points), POINTS)]
    return {
        "algorithm": str(first["algorithm"]),
        "agent": str(first["agent"]),
        "seed": None if pd.isna(first["training_seed"]) else int(first["training_seed"]),
        "limit": figures(points["limit"].head(1), 6)[0],
        "chosen": figures(points["chosen"].head(1), 12)[0],
        "transitions": figures(shown["transitions"], 12),
        **{name: figures(shown[name], 5) for name in PANELS},
    }
