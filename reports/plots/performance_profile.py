"""Who is fastest, and how often: Dolan and Moré's performance profile."""

from __future__ import annotations

from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.profiles import FLOOR, TARGET
from mecbench.reports.wording import percent, seconds

__all__ = ["POSITION", "describe"]

POSITION = 40


def describe(material: Material) -> Plot:
    """A curve for each chosen algorithm, computed in the page: the fastest is the fastest of those chosen."""
    return Plot(
        title="Who is fastest, and how often",
        text=f"Performance profile: the share of runs brought within {percent(TARGET)} of the best known objective, in at most so many "
        "times the time of the fastest of the algorithms shown.",
        reading="The left edge says how often an algorithm was the fastest, the right end how often it got there at all. A profile "
        "depends on who is compared: with three algorithms or more, the order of two that are not the best can turn when the best is taken "
        f"away. So choose the two you want to compare; the curves are computed again. Times below {seconds(FLOOR)} are not told apart.",
        data={"target": TARGET, "floor": FLOOR},
    )
