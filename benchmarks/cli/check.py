"""``mecbench check``: whether an algorithm of one's own keeps to what the harness expects."""

from __future__ import annotations

from typing import Annotated

import typer

from mecbench.benchmarks.cli.console import Json, print_json

__all__ = ["verbs"]

verbs = typer.Typer()

TICKS = {True: "✓", False: "✗", None: "–"}


@verbs.command("check", epilog="Example: mecbench check my_algorithm.py:MyAlgorithm")
def check(
    algorithm: Annotated[str, typer.Argument(metavar="ALGORITHM", help="my_file.py:Name, or the name of an algorithm that exists.")],
    problem: Annotated[str | None, typer.Option(metavar="NAME", help="Problem it solves, where its file does not tell.")] = None,
    json: Json = False,
) -> None:
    """Check an algorithm on tiny instances: results, claims, seeds, limits. It takes a few seconds.

    The exit code is 1 if a check fails; its line says what to do.
    """
    from mecbench.benchmarks.conformance import check as examine
    from mecbench.reports.wording import seconds

    verdict = examine(algorithm, problem)
    if json:
        print_json(
            {
                "algorithm": verdict.algorithm,
                "problem": verdict.problem,
                "passed": verdict.passed,
                "checks": [{"check": item.name, "passed": item.passed, "message": item.message} for item in verdict.checks],
                "wall_seconds": verdict.wall_seconds,
            }
        )
    else:
        width = max(len(item.name) for item in verdict.checks)
        for item in verdict.checks:
            print(f"{TICKS[item.passed]} {item.name:<{width}}  {item.message}")
        failed = sum(item.passed is False for item in verdict.checks)
        ending = f"{failed} of {len(verdict.checks)} checks failed" if failed else "all checks passed"
        print(f"{verdict.algorithm}: {ending}, in {seconds(verdict.wall_seconds)}")
    if not verdict.passed:
        raise typer.Exit(1)
