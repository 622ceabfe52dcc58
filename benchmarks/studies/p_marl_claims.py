"""What FOCI's paper says of its agents in section 5: Table 1, the order of its rows, the reductions of the abstract, and the ablations."""

from __future__ import annotations

import itertools

from mecbench.benchmarks.studies.claims import Change, Claims, Direction, Figure, Ordering
from mecbench.benchmarks.studies.p_marl_table1 import PAPER

__all__ = ["CLAIMS"]

_LEARNED = ("foci", "amfq", "iql")
_LEAST = ("mean_latency_ms", "max_latency_ms", "max_energy_mj", "mean_cost", "max_cost")  # of the learned rows of Table 1, FOCI's


def _direction(agent: str, metric: str) -> Direction:
    return "least of the agents" if agent == "foci" and metric in _LEAST else "as stated"


CLAIMS = Claims(
    agents=_LEARNED,
    figures=tuple(
        Figure(agent, f"{part}_{metric}", PAPER[agent][metric][place], _direction(agent, f"{part}_{metric}"))
        for agent in ("foci", "amfq", "iql", "neurosurgeon", "alp")
        for metric in PAPER[agent]
        for place, part in enumerate(("mean", "max"))
    ),
    orderings=(
        *(Ordering(*pair, "max_latency_ms") for pair in itertools.pairwise((*_LEARNED, "alp", "neurosurgeon"))),
        *(Ordering(*pair, "max_cost") for pair in itertools.pairwise((*_LEARNED, "alp", "neurosurgeon"))),
        *(Ordering(*pair, "max_energy_mj") for pair in itertools.pairwise((*_LEARNED, "neurosurgeon"))),
        *(Ordering(*pair, "max_latency_ms") for pair in itertools.pairwise(("foci", "coa", "ofr", "neurosurgeon"))),
    ),
    changes=(
        Change("foci", "neurosurgeon", "max_latency_ms", -0.56),
        Change("foci", "neurosurgeon", "max_energy_mj", -0.46),
        *(Change("foci", rival, "switches_per_minute", -0.5) for rival in _LEARNED[1:]),
    ),
)
"""Figures are means of episodes of ours; "max" is the largest mean of a device over its episode, which the paper's tight maxima fit."""
