"""Everything classical: exact methods, bounds, decompositions, heuristics, causal controllers."""

from mecbench.solvers.outcome import Budget, Outcome

__all__ = ["Budget", "Outcome"]
