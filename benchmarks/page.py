"""The page of some runs, as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mecbench.problems.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"


def write_page(runs: pd.DataFrame, environments: Sequence[Mapping[str, object]], folder: Path, stores: Iterable[Path] = ()) -> Path:
    """Write the page of a runs frame, which opens without a network, and return its path.

    Parameters
    ----------
    runs
        As `frame.to_frame` makes it.
    environments
        Where the runs ran.
    folder
        Made if it is not there.
    stores
        Folders of the stores that hold the instances, of which the page then has pictures.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from mecbench.reports.page import render

    suites = ", ".join(sorted(set(runs["suite"]) - {""}))
    title = f"mecbench: {suites}" if suites else "mecbench"
    text = render(runs, title=title, environment=environments, pictures=_described(runs, stores), curves=_curves(runs))
    page = folder / PAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{page}: expected a place to write the page, found: {error.strerror}") from None
    return page


def _described(runs: pd.DataFrame, folders: Iterable[Path]) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Hashes and frames of instances, each described only when it is asked for."""
    from mecbench.benchmarks.store import Store
    from mecbench.problems import load
    from mecbench.reports.pictures import queue

    problems = dict(zip(runs["instance_sha256"], runs["problem"], strict=True))
    with ExitStack() as stack:
        stores = [stack.enter_context(Store(folder, create=False)) for folder in folders]
        for sha256 in queue(runs):
            found = next((instance for store in stores for _, instance in store.instances([sha256])), None)
            if found is not None:
                yield sha256, load(problems[sha256]).describe(found)


def _curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Learning curve of each training run among the learned rows, as far as its checkpoint still is what it was when it ran."""
    import pandas as pd

    from mecbench.benchmarks.learned import CURVE, curve, summary
    from mecbench.reports.agents import agent_names
    from mecbench.solvers.catalogue import resolve

    # One that runs both as trained and without chance was trained once; the shorter name comes first.
    learned = runs[runs["kind"].eq("learned")].assign(agent=agent_names).sort_values("algorithm", kind="stable")
    learned = learned.drop_duplicates(["problem", "recipe", "training_seed"])
    names = ["problem", "algorithm", "agent", "recipe", "training_seed"]
    frames = []
    for row in learned.to_dict("records"):
        try:
            algorithm = resolve(row["algorithm"], row["problem"])
        except InputError:  # its checkpoint, or the file that it is in, is gone
            continue
        for header in algorithm.headers if str(algorithm.version) == row["version"] else ():
            ran = summary(header)
            if (ran.get("recipe"), ran.get("seed")) == (row["recipe"], row["training_seed"]) and (points := curve(header)):
                frames.append(pd.DataFrame(points).assign(**{name: row[name] for name in names}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*names, *CURVE])
