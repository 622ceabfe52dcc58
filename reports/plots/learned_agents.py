"""What learning brings and costs: each agent over all its training seeds, beside what needs no learning."""

from __future__ import annotations

import math

from mecbench.reports.agents import agent_board
from mecbench.reports.plots.plot import Material, Plot

__all__ = ["POSITION", "describe"]

POSITION = 45
DIGITS = 6
WORDS = ("agent", "sees", "kind")
NUMBERS = (
    "seeds", "instances", "runs", "iqm_gap", "iqm_gap_low", "iqm_gap_high", "improvement", "improvement_low", "improvement_high",
    "limited_value", "limited_limit", "violating", "worst_excess", "multiplier", "limited_price", "decision_latency_p50",
    "decision_latency_p95", "transitions", "training_cpu_seconds", "break_even",
)  # fmt: skip


def describe(material: Material) -> Plot | None:
    """An interval for each agent, whatever is chosen: a leaderboard has a row for each of its seeds."""
    board = agent_board(material.scored)
    if board.empty:
        return None
    rival, solver = board["rival"].max(), board["solver"].max()
    return Plot(
        title="What learning brings and costs",
        text="Interquartile mean gap to the certified bound over training seeds and instances, with its 95 % interval; coloured what was "
        "learned. Whoever misses a limit that a certificate prices pays that price."
        + (f" Better than {rival}: the probability on an instance." if rival else "")
        + (f" Break-even: instances after which the training has paid for itself, were they otherwise left to {solver}." if solver else ""),
        reading="Further left is better. Intervals resample training seeds and instances, seeds as wholes, so that they cover another "
        "training run as well as other instances; of a single seed they cover instances only. The priced gap of who misses a limit is that "
        "of the objective with the missed amount at the certificate's price, which no policy can bring below the bound; a failure counts "
        "as 100 %. The limited quantity is the mean over all requests, failed ones at what failing is charged; the "
        "multiplier is what the agent has learned to pay for it, the price what the certificates of the bounds charge. Break-even counts "
        "processor seconds of one training run and of whole instances; ∞ means that the agent is not faster.",
        data={
            "agents": [
                {name: str(row[name]) for name in WORDS} | {name: _figure(row[name]) for name in NUMBERS}
                for row in board.to_dict("records")
            ],
            "rival": rival,
            "limited": bool(board["limited_limit"].notna().any()),
        },
        keyed=False,
    )


def _figure(value: float) -> float | str | None:
    """Value as JSON has it: what never pays is a word there."""
    if math.isnan(value):
        return None
    return "never" if math.isinf(value) else float(f"{value:.{DIGITS}g}")
