"""How fast the gap closes: mean gap of what was in hand, from the traces of incumbents."""

from __future__ import annotations

import numpy as np

from mecbench.reports.pictures import figures
from mecbench.reports.plots.plot import Material, Plot
from mecbench.reports.traces import gap_over_time

__all__ = ["POSITION", "describe"]

POSITION = 20
MOMENTS = 80
EARLIEST = 1e-3  # s


def describe(material: Material) -> Plot:
    """A falling curve for each chosen algorithm."""
    runs = material.scored
    latest = float(np.nanmax([2 * EARLIEST, runs["wall_seconds"].max(), *(runs["trace"].map(_end) if "trace" in runs else ())]))
    moments = np.geomspace(EARLIEST, 1.0000001 * latest, MOMENTS)
    curves = gap_over_time(runs, moments)
    return Plot(
        title="How fast the gap closes",
        text="Mean gap to the certified bound of the best solution in hand after so much wall-clock time.",
        reading="Lower and further left is better. A run counts with 100 % until its first feasible solution, which is why every curve "
        "begins there, and with its final gap after its end; a failure stays at 100 %. Solvers report their incumbents as they go, "
        "simple methods have only the end of their run, and so a single step. Each curve ends at the mean gap of the leaderboard.",
        data={"moments": figures(curves.columns.to_series(), 4), "curves": {str(name): figures(row, 5) for name, row in curves.iterrows()}},
    )


def _end(trace: object) -> float:
    return float(trace[-1][0]) if isinstance(trace, list | tuple) and trace else 0.0
