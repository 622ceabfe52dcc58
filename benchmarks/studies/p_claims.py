"""What HC-MAPPO-L's paper says of its agents in section V-B."""

from __future__ import annotations

import itertools

from mecbench.benchmarks.studies.claims import Claims, Figure, Ordering

__all__ = ["CLAIMS"]

_AGENTS = ("hc-mappo-l", "hc-ippo-l", "heuristic-mappo-l", "h-mappo", "h-ippo")
_BY_DELAY = ("hc-ippo-l", "hc-mappo-l", "heuristic-mappo-l", "h-mappo", "h-ippo")

CLAIMS = Claims(
    agents=_AGENTS,
    limit=3.0,  # of the average delay [s], C8
    figures=(
        Figure("hc-mappo-l", "mean_delay_s", 2.74, "within the limit"),
        Figure("hc-ippo-l", "mean_delay_s", 2.65, "within the limit"),
        Figure("heuristic-mappo-l", "mean_delay_s", 2.94, "within the limit"),
        Figure("h-mappo", "mean_delay_s", 4.38, "beyond the limit"),
        Figure("h-ippo", "mean_delay_s", 4.76, "beyond the limit"),
        Figure("hc-mappo-l", "objective", 131.35, "least of the agents"),
        Figure("hc-mappo-l", "mean_energy_j", 14.87, "least of the agents"),
        Figure("hc-mappo-l", "mean_privacy", 10.09, "near the least"),
        Figure("hc-mappo-l", "success_rate", 0.985, "at least"),
    ),
    orderings=(
        *(Ordering(lower, higher, "mean_delay_s") for lower, higher in itertools.pairwise(_BY_DELAY)),
        *(Ordering("hc-mappo-l", other, "objective") for other in _AGENTS[1:]),
        *(Ordering("hc-mappo-l", other, "objective") for other in ("greedy", "local-only", "edge-only")),
        *(Ordering("hc-mappo-l", other, "mean_energy_j") for other in _AGENTS[1:]),
    ),
)
"""Convergence performance (figure 5) as the text tells it: delays by their size, least cost and energy of HC-MAPPO-L; of the success rate
the conclusion; figures 6 to 8 for the heuristics. The tolerance is less than what the draw of a world alone moves."""
