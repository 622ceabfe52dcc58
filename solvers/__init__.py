"""Everything classical: exact methods, bounds, decompositions, heuristics, causal controllers."""

from __future__ import annotations

from mecbench.problems.arrays import ArrayModel
from mecbench.solvers.catalogue import Algorithm, discover, resolve
from mecbench.solvers.outcome import Budget, Outcome

__all__ = ["Algorithm", "Budget", "Outcome", "discover", "resolve", "solve"]


def solve(instance: ArrayModel, algorithm: str | Algorithm, *, time_limit: float = 60.0, threads: int = 1, seed: int = 0) -> Outcome:
    """Solve an instance in this process.

    The algorithm is trusted to obey the limit; ``mecbench run`` kills those that do not, and recomputes what they claim.

    Parameters
    ----------
    instance
        An instance of any problem.
    algorithm
        Name, e.g. ``"p-edge/threshold"`` or ``"my_algorithm.py:MyAlgorithm"``, or an algorithm already resolved.
    time_limit
        Wall-clock limit [s].
    threads
        Threads the algorithm may use.
    seed
        Seed of the algorithm's own randomness.

    Raises
    ------
    InputError
        If the name or one of its parameters is unknown.
    """
    if isinstance(algorithm, str):
        algorithm = resolve(algorithm, instance.problem)
    algorithm.prepare()
    return algorithm.solve(instance, Budget(time_limit, threads), seed)
