"""What CPO-MADDPG's paper says of its agents in section 5: tables 3 and 4, figures 4 to 6, ablations and what the abstract sums up."""

from __future__ import annotations

from mecbench.benchmarks.studies.claims import Change, Claims, Figure, Ordering
from mecbench.benchmarks.studies.cmg_baselines import PAPER

__all__ = ["CLAIMS", "figures"]

_AGENTS = ("cpo-maddpg", "lmaddpg", "maddpg", "matd3", "mappo")
_CPO, *_RIVALS = _AGENTS
_UNCONSTRAINED = ("maddpg", "matd3")
_NAMED = ("maddpg", "matd3", "mappo")  # of the conclusion, as those that CPO-MADDPG outperforms
_ABLATIONS = ("fixed-penalty", "separate-critics", "multi-output", "uniform-replay", "reward-replay")

_ORDERINGS = (
    *(Ordering(rival, _CPO, "reward") for rival in _RIVALS),  # figure 4
    *(Ordering(rival, "lmaddpg", "reward") for rival in _UNCONSTRAINED),
    *(Ordering("random", agent, "reward") for agent in _AGENTS),
    *(Ordering(_CPO, rival, "ecpr_percent") for rival in _RIVALS),  # figure 5
    *(Ordering("lmaddpg", rival, "ecpr_percent") for rival in _UNCONSTRAINED),
    *(Ordering(rival, _CPO, "sor_percent") for rival in _RIVALS),  # figure 6
)

CLAIMS = Claims(
    agents=_AGENTS,
    figures=(),
    orderings=(*_ORDERINGS, *(Ordering(f"{_CPO} {ablation}", _CPO, "reward") for ablation in _ABLATIONS)),  # figures 13, 16 and 17
    changes=(
        *(Change(_CPO, rival, "reward", 0.096) for rival in _NAMED),
        *(Change(_CPO, rival, "ecpr_percent", -0.061) for rival in _NAMED),
    ),
)
"""What is said without a figure at one size: orderings of figures 4 to 6 and of the ablations, and the conclusion's "9.6 % higher long-term
rewards" and "6.1 % lower energy consumption penalties", which do not say over whom. Its "8.5 % faster convergence" is of training."""


def figures(size: str) -> Claims:
    """What tables 3 and 4 have of CPO-MADDPG at a size."""
    reward, ecpr, sor = PAPER[size]
    return Claims(
        agents=_AGENTS,
        figures=(
            Figure(_CPO, "reward", reward, "most of the agents"),
            Figure(_CPO, "ecpr_percent", ecpr, "least of the agents"),
            Figure(_CPO, "sor_percent", sor, "most of the agents"),
        ),
        orderings=_ORDERINGS,
    )
