"""``mecbench leaderboard`` and ``mecbench report``: what the stores say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mecbench.benchmarks.cli.console import Json, expect_place, print_json, print_note, print_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["board_of", "print_board", "print_failures", "verbs"]

verbs = typer.Typer()

SHOWN = 8  # failures named after a run; all of them are on the page

Folders = Annotated[list[Path], typer.Argument(help="Folders that `mecbench run --out` wrote.", metavar="DIR...")]


@verbs.command("leaderboard", epilog="Example: mecbench leaderboard results")
def leaderboard(folders: Folders, json: Json = False) -> None:
    """Rank the algorithms of one or more stores; failures count, and nothing is left out."""
    from mecbench.reports.agents import agent_board
    from mecbench.reports.leaderboard import hard_failures, remarks

    frame, _ = _read(folders)
    scored, board = board_of(frame)
    if json:
        agents = agent_board(scored).to_dict("records")
        print_json({"leaderboard": board.to_dict("records"), "agents": agents, "remarks": remarks(scored), "alarms": hard_failures(scored)})
    else:
        print_board(scored, board)


@verbs.command("report", epilog="Example: mecbench report results --out site")
def report(
    folders: Folders,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the page; made if it is not there.")],
    json: Json = False,
) -> None:
    """Write one page that opens without a network: leaderboard, figures with their tables, failures, environment."""
    from mecbench.benchmarks.page import PAGE, write_page

    expect_place(out / PAGE)
    frame, environments = _read(folders)
    page = write_page(frame, environments, out, folders)
    if json:
        print_json({"page": page, "runs": len(frame)})
    else:
        print(page)


def board_of(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scored runs and leaderboard of a runs frame."""
    from mecbench.reports.leaderboard import leaderboard
    from mecbench.reports.scores import score

    scored = score(frame)
    return scored, leaderboard(scored)


def print_board(scored: pd.DataFrame, board: pd.DataFrame) -> None:
    """Print the leaderboard of each problem, learned agents apart, with what a reader must know before comparing rows."""
    from mecbench.reports.agents import agent_board, display_agents
    from mecbench.reports.leaderboard import display, hard_failures, remarks

    for problem, group in board.groupby("problem"):
        shown = display(group.reset_index(drop=True))
        alarm = "alarm" if shown["alarm"].any() else ""
        empty = {*(() if alarm else ("alarm",)), *(() if group["median_regret"].notna().any() else ("median regret",))}
        rows = [{str(name): str(cell) for name, cell in row.items() if name not in empty} for row in shown.to_dict("records")]
        print_table(
            rows,
            title=f"{problem}: by mean gap to the certified bound; = ties with the row above, ≈ is not separable from it",
            left=("#", "algorithm", "sees", "kind", "alarm"),
            expendable=(
                "IQM gap",
                "PAR-2",
                "feasible",
                "median excess",
                "median regret",
                "p",
                "claims hold",
                "95 % interval",
                "time",
                "solved",
            ),
            alarm=alarm,
        )
    for problem, group in agent_board(scored).groupby("problem"):
        shown = display_agents(group)
        unlimited = () if group["limited_limit"].notna().any() else ("limited", "limit", "violating", "worst excess", "multiplier")
        print_table(
            [{str(name): str(cell) for name, cell in row.items() if name not in unlimited} for row in shown.to_dict("records")],
            title=f"{problem}: learned agents over all their training seeds, missed limits at their price; rival: "
            f"{group['rival'].max() or 'none'}; break-even in instances against {group['solver'].max() or 'none'}",
            left=("agent", "sees", "kind"),
            expendable=("transitions", "decision p50", "p95", "limit", "worst excess", "better than rival", "training", "kind"),
        )
    if board.empty:
        print("nothing has run yet")
    for sentence in [*hard_failures(scored)[:20], *remarks(scored)]:
        print_note(sentence)


def print_failures(failed: pd.DataFrame) -> None:
    """Print one line for each of the first failed runs."""
    for run in failed.head(SHOWN).to_dict("records"):
        print(f"{run['status']}: {run['algorithm']} on {run['instance']}, seed {run['seed']}: {run['message']}")
    if len(failed) > SHOWN:
        print(f"and {len(failed) - SHOWN} failures more")


def _read(folders: list[Path]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Runs of all folders, each once, and the environments they ran in."""
    import pandas as pd

    from mecbench.benchmarks.frame import to_frame
    from mecbench.benchmarks.store import Store

    frames: list[pd.DataFrame] = []
    environments: dict[str, dict[str, Any]] = {}
    for folder in folders:
        with Store(folder, create=False) as store:
            frames.append(to_frame(store))
            environments |= store.environments()
    full = [frame for frame in frames if len(frame)] or frames[:1]
    runs = pd.concat(full, ignore_index=True)
    # What one folder skipped for want of a package, another may have run.
    runs = runs.iloc[runs["status"].eq("skipped").argsort(kind="stable")]
    return runs.drop_duplicates("key").sort_index(ignore_index=True), list(environments.values())
