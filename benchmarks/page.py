"""The page of some runs, as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mecbench.problems.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"


def write_page(runs: pd.DataFrame, environments: Sequence[Mapping[str, object]], folder: Path) -> Path:
    """Write the page of a runs frame, which opens without a network, and return its path.

    Parameters
    ----------
    runs
        As `frame.to_frame` makes it.
    environments
        Where the runs ran.
    folder
        Made if it is not there.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from mecbench.reports.page import render

    suites = ", ".join(sorted(set(runs["suite"]) - {""}))
    text = render(runs, title=f"mecbench: {suites}" if suites else "mecbench", environment=environments)
    page = folder / PAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{page}: expected a place to write the page, found: {error.strerror}") from None
    return page
