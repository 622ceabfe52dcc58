"""What verbs share: JSON, tables, progress, and a look at paths before long work begins."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

__all__ = [
    "InstanceName",
    "Json",
    "Tick",
    "counting",
    "expect_place",
    "finite",
    "plain",
    "print_fields",
    "print_json",
    "print_note",
    "print_table",
]

InstanceName = Annotated[
    str, typer.Argument(metavar="INSTANCE", help="Name in the library, a .json or .json.gz file, or problem/size:seed=N to draw it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON with stable keys instead of text for people.")]

PIPE_WIDTH = 240  # columns where nobody's screen ends
PATIENCE = 2.0  # seconds after which work shows its progress


def finite(value: float | None) -> float | None:
    """Refuse a limit that is no number, which compares with none, or has no end."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number, found {value}")
    return value


def plain(value: Any) -> Any:
    """Value as JSON has it: numbers that are not finite are None, mappings and sequences are copied."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def print_json(value: Any) -> None:
    """Print a result as JSON."""
    print(json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False))


def print_note(text: str) -> None:
    """Print a remark to people, which is no part of the result."""
    print(text, file=sys.stderr)


def print_table(
    rows: Sequence[Mapping[str, str]],
    *,
    title: str = "",
    left: Iterable[str] = (),
    expendable: Sequence[str] = (),
    alarm: str = "",
) -> None:
    """Print a table.

    Parameters
    ----------
    rows
        Text by column; all rows have the same columns.
    title
        Line above the table.
    left
        Columns of words; the others are figures and aligned to the right.
    expendable
        Columns that a narrow terminal goes without, the least important first.
    alarm
        Column whose text, where it is not empty, turns the row red.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    columns = list(rows[0]) if rows else []
    for column in (*expendable, None):
        table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for name in columns:
            words = name in set(left)
            table.add_column(Text(name), justify="left" if words else "right", overflow="fold", no_wrap=not words)
        for row in rows:
            style = "bold red" if alarm and row[alarm] else ""
            table.add_row(*(Text(row[name], style=style) for name in columns))
        wanted = console.measure(table, options=console.options.update(width=10 * PIPE_WIDTH)).maximum
        if column is None or wanted <= console.width:
            break
        columns = [name for name in columns if name != column]
    console.print(table)


def print_fields(fields: Mapping[str, str]) -> None:
    """Print named values, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        print(f"{name:<{width}}  {value}")


class Tick(Protocol):
    """Receiver of progress."""

    def __call__(self, done: float) -> None:
        """Take note of how much is done."""


@contextmanager
def counting(what: str, total: float, *, quiet: bool = False) -> Iterator[Tick]:
    """Show a progress bar with the remaining time, once work has taken two seconds and where somebody looks.

    Parameters
    ----------
    what
        What is being done.
    total
        How much there is to do, in any unit.
    quiet
        Show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = progress.add_task(what, total=round(total))
    started = time.monotonic()

    def tick(done: float) -> None:
        progress.update(task, completed=int(done))
        if not progress.live.is_started and time.monotonic() - started > PATIENCE:
            progress.start()

    try:
        yield tick
    finally:
        progress.stop()


def expect_place(path: Path) -> None:
    """Check that a file or folder can be made at a path, before work begins whose result belongs there.

    Raises
    ------
    InputError
        If the path lies below a file.
    """
    from mecbench.problems.errors import InputError

    for above in path.absolute().parents:
        if above.is_dir():
            return
        if above.exists():
            raise InputError(f"{path}: expected a path below folders, found the file {above} on the way")
