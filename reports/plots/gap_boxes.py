"""How far from the bound: the distribution of the certified gap."""

from __future__ import annotations

from mecbench.reports.plots.plot import Material, Plot

__all__ = ["POSITION", "describe"]

POSITION = 10


def describe(material: Material) -> Plot:
    """A box of the gaps of all runs of each chosen algorithm."""
    return Plot(
        title="How far from the bound",
        text="Distribution of the gap to the certified bound over all runs, failures included.",
        reading="Each box holds the middle half of an algorithm's runs, its line the median, its whiskers all of them. Further left is "
        "better. The axis is logarithmic; gaps below one in a million are drawn at its left end, failures at 100 %. Where the bound is "
        "loose, even an optimal solution keeps a gap: compare boxes with each other rather than with zero.",
        keyed=False,
    )
