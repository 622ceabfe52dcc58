"""What keeping a long-term limit costs: the objective against what is limited."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mecbench.reports.agents import WITHIN
from mecbench.reports.pictures import figures
from mecbench.reports.plots.plot import Material, Plot

__all__ = ["POSITION", "describe"]

POSITION = 55


def describe(material: Material) -> Plot | None:
    """A point for each chosen algorithm, failures without a solution apart; where a problem has such a limit and costs."""
    runs = material.scored
    if "limited_limit" not in runs or not runs["sense"].eq("minimise").all():
        return None
    runs = runs.assign(
        strain=runs["limited_value"] / runs["limited_limit"],
        cost=(runs["objective"] / runs["reference_bound"]).where(runs["reference_bound"] > 0),
    )
    runs = runs[np.isfinite(runs["strain"]) & np.isfinite(runs["cost"])]
    if runs.empty:
        return None
    groups = runs.groupby("algorithm")
    found = pd.DataFrame(
        {
            "strain": groups["strain"].mean(),
            "worst": groups["strain"].max(),
            "cost": groups["cost"].mean(),
            "violating": groups["strain"].apply(lambda strain: float((strain > 1.0 + WITHIN).mean())),
            "counted": groups.size(),
        }
    )
    return Plot(
        title="What keeping the limit costs",
        text="Mean objective in multiples of the certified bound against what is limited, in multiples of its limit (the dashed line).",
        reading="Left of the dashed line the limit is kept on average; lower is cheaper. The thin line joins those that none of the shown "
        "beats in both. The bound holds for whoever keeps the limit: right of the line a point may lie below 1. Means are of all runs "
        "with a solution, feasible or not, and of all their requests, failed ones at what failing is charged. A point left of the line can "
        "have single runs beyond it: the table says how many. Both axes are logarithmic.",
        data={"names": found.index.tolist(), **{str(name): figures(found[name], 6) for name in found}},
    )
