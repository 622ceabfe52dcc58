"""A user's algorithms against a few that are known: the strongest, a greedy one, and chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mecbench.benchmarks import harness
from mecbench.benchmarks.frame import to_frame
from mecbench.benchmarks.harness import Progress, Summary
from mecbench.benchmarks.page import write_page
from mecbench.benchmarks.selection import Selection, read_instances, select
from mecbench.benchmarks.store import Store
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError
from mecbench.solvers.catalogue import known

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare", "opponents"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of a comparison.

    Attributes
    ----------
    summary
        Numbers of the job, and its exit code.
    runs
        Scored runs, one row each, see `reports.scores.score`.
    leaderboard
        One row per algorithm, the best first, see `reports.leaderboard.leaderboard`.
    store
        File of the records.
    page
        The page.
    """

    summary: Summary
    runs: pd.DataFrame
    leaderboard: pd.DataFrame
    store: Path
    page: Path


def opponents(problem: str, names: Iterable[str]) -> list[str]:
    """Whom to compare with on a problem: ``auto``, its greedy method and ``random``, as far as there are such.

    Parameters
    ----------
    problem
        Name of the problem.
    names
        Algorithms that exist; of several greedy ones the shortest name is taken.
    """
    own = {name for name in names if name.startswith(f"{problem}/")}
    greedy = sorted((name for name in own if name.startswith(f"{problem}/greedy")), key=lambda name: (len(name), name))[:1]
    return [name for name in (f"{problem}/auto", *greedy, f"{problem}/random") if name in own]


def compare(
    *algorithms: str,
    suite: str | Path = "quick",
    against: Sequence[str] | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    time_limit: float | None = None,
    out: str | Path = "results/compare",
    progress: Progress | None = None,
) -> Comparison:
    """Compare algorithms with known ones on a suite, and write a page about it.

    The same call again runs only what is new: the known algorithms keep their runs, and so does a file that has not
    changed.

    Parameters
    ----------
    algorithms
        ``my_algorithm.py:MyAlgorithm``, or names or patterns of algorithms that exist.
    suite
        Name or file of the suite.
    against
        Names or patterns to compare with; by default `opponents` of the problems that the algorithms solve.
    seeds, time_limit
        Number of seeds and limit of a run [s]; the suite's by default.
    jobs
        Runs at a time; more than one disturbs their times.
    out
        Folder of the store; the page goes to ``report`` in it.
    progress
        Told of each record.

    Raises
    ------
    InputError
        If a name is unknown, an algorithm cannot be made, or the suite has no instance of its problem.
    """
    chosen = load_suite(suite)
    instances = read_instances(chosen)
    own = select(replace(chosen, algorithms=()), algorithms, instances)
    problems = sorted({algorithm.problem for algorithm in own})
    present = {item.problem for item in instances}
    for problem in problems:
        if problem not in present:
            raise InputError(f"suite {chosen.name}: expected instances of problem {problem}, found those of {', '.join(sorted(present))}")
    rivals = [name for problem in problems for name in opponents(problem, known())] if against is None else against
    both = select(chosen, [*algorithms, *rivals], instances) if rivals else own
    selection = Selection(chosen, instances, both)
    folder = Path(out)
    with Store(folder) as store:
        job = selection.plan(store.finished(), seeds=seeds, time_limit=time_limit)
        summary = harness.run(job, store, jobs=jobs, progress=progress)
        keys = {*job.held, *(spec.key for spec in job.runs)}
        frame = to_frame(store)
        environments = store.environments()
        path = store.path
    from mecbench.reports.leaderboard import leaderboard
    from mecbench.reports.scores import score

    # The store also holds what earlier versions of the same file did.
    runs = score(frame[frame["key"].isin(keys)].reset_index(drop=True))
    used = [environments[identity] for identity in dict.fromkeys(runs["environment"]) if identity in environments]
    return Comparison(summary, runs, leaderboard(runs), path, write_page(runs, used, folder / "report", [folder]))
