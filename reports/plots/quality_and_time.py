"""What the quality costs in time: mean gap against the shifted geometric mean of time."""

from __future__ import annotations

from mecbench.reports.plots.plot import Material, Plot

__all__ = ["POSITION", "describe"]

POSITION = 30


def describe(material: Material) -> Plot:
    """A point with its interval for each chosen algorithm."""
    return Plot(
        title="What the quality costs in time",
        text="Mean gap to the certified bound against the time of a run.",
        reading="Lower left is better: nobody is both better and faster than a point with nothing to its lower left. Time is the shifted "
        "geometric mean of the wall-clock, bars are 95 % bootstrap intervals of the mean gap. Both axes are logarithmic.",
    )
