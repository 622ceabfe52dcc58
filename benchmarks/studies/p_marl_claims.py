"""What FOCI's paper says of its agents in section 5: Table 1, the order of its rows, and the ablations of figures 3 and 4."""

from __future__ import annotations

import itertools

from mecbench.benchmarks.studies.claims import Claims, Figure, Ordering
from mecbench.benchmarks.studies.p_marl_table1 import PAPER

__all__ = ["CLAIMS"]

_AGENTS = ("foci", "amfq", "iql", "coa", "ofr")
_LEAST = ("mean_latency_ms", "max_latency_ms", "max_energy_mj", "mean_cost", "max_cost")  # of the learned rows of Table 1, FOCI's

CLAIMS = Claims(
    agents=_AGENTS,
    figures=tuple(
        Figure("foci", f"{part}_{metric}", PAPER["foci"][metric][place], "least of the agents")
        for metric in PAPER["foci"]
        for place, part in enumerate(("mean", "max"))
        if f"{part}_{metric}" in _LEAST
    ),
    orderings=(
        *(Ordering(*pair, "max_latency_ms") for pair in itertools.pairwise(("foci", "amfq", "iql", "alp", "neurosurgeon"))),
        *(Ordering(*pair, "max_cost") for pair in itertools.pairwise(("foci", "amfq", "iql", "alp", "neurosurgeon"))),
        *(Ordering(*pair, "max_energy_mj") for pair in itertools.pairwise(("foci", "amfq", "iql", "neurosurgeon"))),
        *(Ordering(*pair, "max_latency_ms") for pair in itertools.pairwise(("foci", "coa", "ofr", "neurosurgeon"))),
        *(Ordering("foci", other, "switches_per_minute") for other in _AGENTS[1:]),
    ),
)
"""Figures are means of episodes of ours; "max" is the largest mean of a device over its episode, which the paper's tight maxima fit."""
