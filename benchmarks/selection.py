"""From a suite and patterns to instances and algorithms, ready to be planned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import dataclass, replace

from mecbench.benchmarks.plan import Plan, plan
from mecbench.instances.files import StoredInstance
from mecbench.instances.library import best_known, load
from mecbench.instances.suites import Suite
from mecbench.problems.errors import unknown
from mecbench.solvers.catalogue import Algorithm, known, resolve

__all__ = ["Selection", "read_instances", "select"]


@dataclass(frozen=True)
class Selection:
    """A suite with its instances read and its algorithms resolved.

    Attributes
    ----------
    suite
        Gives limits, seeds and name.
    instances, algorithms
        What meets; an algorithm meets the instances of its own problem only.
    """

    suite: Suite
    instances: tuple[StoredInstance, ...]
    algorithms: tuple[Algorithm, ...]

    def plan(
        self,
        held: Container[str] = frozenset(),
        *,
        seeds: int | None = None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> Plan:
        """Plan all runs that are not held; what is not given is the suite's.

        Parameters
        ----------
        held
            Keys of runs that are done, usually `Store.finished`.
        seeds
            Number of seeds, from 0 on.
        time_limit, memory_limit
            Limits of a run in seconds and MiB.
        """
        best = {item.instance.sha256: best_known(item.instance) for item in self.instances}
        return plan(
            self.instances,
            self.algorithms,
            seeds=range(seeds or self.suite.seeds),
            time_limit=time_limit or self.suite.time_limit,
            memory_limit=memory_limit or self.suite.memory_limit,
            suite=self.suite.name,
            held=held,
            references={sha256: item.objective for sha256, item in best.items() if item and item.objective is not None},
        )


def read_instances(suite: Suite, tick: Callable[[int], None] = lambda done: None) -> tuple[StoredInstance, ...]:
    """Read or draw the instances of a suite, telling `tick` how many are there.

    Raises
    ------
    InputError
        If one is not what it was.
    """
    stored = []
    for name in suite.instances:
        stored.append(load(name))
        tick(len(stored))
    return tuple(stored)


def select(suite: Suite, patterns: Sequence[str], instances: Iterable[StoredInstance]) -> tuple[Algorithm, ...]:
    """Algorithms of patterns, or of the suite if there are none, as far as they solve the problems of some instances.

    Parameters
    ----------
    suite
        Whose own patterns count if no others are given.
    patterns
        As in a suite: ``p-edge/milp-*``, ``!p-edge/scip``, a name with parameters, ``file.py:Name``.
    instances
        They say which problems there are.

    Raises
    ------
    InputError
        If a pattern matches nothing, or an algorithm cannot be made.
    """
    problems: Collection[str] = {item.problem for item in instances}
    names = [name for name in sorted(known()) if name.partition("/")[0] in problems]
    for pattern in patterns:
        if not pattern.startswith("!") and not replace(suite, algorithms=(pattern,)).select(names):
            raise unknown("algorithm", pattern, names)
    texts = (replace(suite, algorithms=tuple(patterns)) if patterns else suite).select(names)
    only = next(iter(problems)) if len(problems) == 1 else None
    return tuple(resolve(text, only if ".py" in text else None) for text in texts)
