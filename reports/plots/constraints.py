"""Which constraints are kept: share of runs by algorithm and family of constraints."""

from __future__ import annotations

from mecbench.reports.pictures import figures
from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.scores import constraint_satisfaction

__all__ = ["POSITION", "describe"]

POSITION = 60


def describe(material: Material) -> Plot:
    """A heat map of the chosen algorithms by family of constraints."""
    shares = constraint_satisfaction(material.scored)
    return Plot(
        title="Constraints kept",
        text="Share of runs whose solution satisfies each family of constraints.",
        reading="Pale is all, dark is none. A feasible run keeps every family; an infeasible one is credited with those it keeps; a run "
        "without a solution keeps none, and counts.",
        data={
            "families": [str(name).replace("_", " ") for name in shares],
            "shares": {str(name): figures(row, 6) for name, row in shares.iterrows()},
        },
        keyed=False,
    )
