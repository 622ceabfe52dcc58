"""``mecbench compare``: an algorithm of one's own beside those that are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mecbench.benchmarks.cli.console import Json, counting, expect_place, finite, print_json

if TYPE_CHECKING:
    from mecbench.benchmarks.record import Record

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command("compare", epilog="Example: mecbench compare my_algorithm.py:MyAlgorithm --suite quick")
def compare(
    algorithms: Annotated[
        list[str], typer.Argument(metavar="ALGORITHM...", help="One or more of my_file.py:Name, or names of algorithms that exist.")
    ],
    suite: Annotated[str, typer.Option(metavar="SUITE", help="Name of a suite, or a .toml file.")] = "quick",
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Whom to compare with, may be repeated; auto, greedy and random of the suite's problem by default."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Number of seeds, from 0 on; the suite's by default.")] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Runs at the same time; more than one disturbs their times.")] = 1,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.001, callback=finite, metavar="S", help="Wall-clock limit of a run in seconds; the suite's by default."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the store and of the page.")] = Path("results/compare"),
    json: Json = False,
) -> None:
    """Run your algorithms and a few known ones on a suite, and end with a table and a page.

    The same command again runs what is new: a changed file, a longer suite. The exit code is 1 if a run failed or a bound
    was beaten.
    """
    from mecbench.benchmarks.cli.results import print_board, print_failures
    from mecbench.benchmarks.comparison import compare as run_comparison

    expect_place(out / "report")
    with counting("comparison [%]", 100, quiet=json) as tick:

        def progress(record: Record, done: int, total: int) -> None:
            tick(100 * done / total)

        result = run_comparison(
            *algorithms, suite=suite, against=against, seeds=seeds, jobs=jobs, time_limit=time_limit, out=out, progress=progress
        )
    failed = result.runs[result.runs["key"].isin(result.summary.failed)]
    if json:
        print_json(
            {
                "store": result.store,
                "page": result.page,
                "planned": result.summary.planned,
                "done": result.summary.done,
                "statuses": result.summary.statuses,
                "failed": failed[["instance", "algorithm", "seed", "status", "message"]].to_dict("records"),
                "interrupted": result.summary.interrupted,
                "leaderboard": result.leaderboard.to_dict("records"),
            }
        )
    else:
        print_board(result.runs, result.leaderboard)
        print_failures(failed)
        print(f"page:  {result.page}")
    if result.summary.exit_code:
        raise typer.Exit(result.summary.exit_code)
