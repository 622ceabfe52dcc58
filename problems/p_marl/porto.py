"""Recorded traces: the taxis of Porto (ECML/PKDD 15), which users supply themselves.

The file is the competition's ``train.csv``, plain or gzipped: 1.7 million trips of 442 taxis, a position every 15 s. It is read row by
row, and only the positions within a centred square are kept, as single-precision metres.

A taxi's trips follow each other in time. Within a trip that stays in the square the device moves from position to position; between a
trip's end and the taxi's next one it holds its place; where a trip leaves the square, or the taxi has no more trips, the device goes on
as another taxi that enters.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import logging
import math
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from mecbench.problems.draws import quantise, split_of, stream
from mecbench.problems.errors import InputError
from mecbench.problems.p_edge.system import MAP_POINTS, lloyd
from mecbench.problems.p_marl.generate import Parameters, World, assemble
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.mobility import shadow

__all__ = ["CENTRE", "COLUMNS", "GENERATOR_VERSION", "SAMPLE_SECONDS", "Recorded", "Traces", "follow", "generate", "read"]

GENERATOR_VERSION = 1

CENTRE = (41.148, -8.611)  # latitude and longitude of downtown [degree]
SAMPLE_SECONDS = 15  # between two positions of a trip
EARTH_RADIUS = 6_371_000.0  # [m]
COLUMNS = ("TAXI_ID", "TIMESTAMP", "MISSING_DATA", "POLYLINE")  # what is read of the nine
GZIP_MAGIC = b"\x1f\x8b"
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
ROWS_BETWEEN_LOOKS = 500  # rows after which the progress bar moves

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Traces:
    """Stretches of trips within the square, by taxi and time; P positions in S stretches.

    Attributes
    ----------
    side
        Of the square [m]; positions lie in 0..side.
    position
        Shape [P, 2] [m], float32.
    first
        Index of each stretch's first position, and P at the end, int64, shape [S + 1].
    taxi, start
        Number of the taxi and time of the first position [s], int64, shape [S].
    leaves
        Whether the stretch ends because the trip leaves the square, rather than with the trip, shape [S].
    counts
        Rows by what became of them: ``kept``, ``outside`` the square, ``missing`` data, too ``short``, ``malformed``.
    cut_short
        Whether the file ends in the middle of something.
    """

    side: float
    position: np.ndarray
    first: np.ndarray
    taxi: np.ndarray
    start: np.ndarray
    leaves: np.ndarray
    counts: dict[str, int]
    cut_short: bool

    @property
    def report(self) -> str:
        """What was read, in a sentence."""
        rows = sum(self.counts.values())
        left = ", ".join(f"{count} {reason}" for reason, count in self.counts.items() if reason != "kept" and count)
        end = "; the file is cut short" if self.cut_short else ""
        return (
            f"{rows} rows: {self.counts['kept']} trips kept, of which {len(self.position)} positions in {len(self.taxi)} stretches lie in "
            f"the square; left out: {left or 'none'}{end}"
        )


@dataclass(frozen=True, eq=False)
class Recorded:
    """Devices that follow recorded traces.

    Attributes
    ----------
    position
        Shape [T, M, 2] [m].
    held
        Share of the steps in which a device holds its place between two trips.
    replaced
        Number of times that a device goes on as another taxi.
    """

    position: np.ndarray
    held: float
    replaced: int


@dataclass
class _Stretches:
    """Columns that grow while rows are read."""

    side: float
    centre: tuple[float, float]
    position: array[float] = field(default_factory=lambda: array("f"))
    first: array[int] = field(default_factory=lambda: array("q"))
    taxi: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    leaves: array[int] = field(default_factory=lambda: array("b"))
    taxis: dict[str, int] = field(default_factory=dict)

    def add(self, taxi: str, start: int, degrees: np.ndarray) -> bool:
        """Keep what lies in the square of a trip's positions, longitude first, shape [P, 2]; whether there is anything."""
        latitude, longitude = self.centre
        east = math.radians(1.0) * EARTH_RADIUS * math.cos(math.radians(latitude)) * (degrees[:, 0] - longitude)
        north = math.radians(1.0) * EARTH_RADIUS * (degrees[:, 1] - latitude)
        metres = np.stack([east, north], axis=1) + 0.5 * self.side
        inside = ((metres >= 0) & (metres <= self.side)).all(axis=1)
        if not inside.any():
            return False
        number = self.taxis.setdefault(taxi, len(self.taxis))
        edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2).tolist():
            self.first.append(len(self.position) // 2)
            self.taxi.append(number)
            self.start.append(start + SAMPLE_SECONDS * begin)
            self.leaves.append(end < len(metres))
            self.position.frombytes(metres[begin:end].astype(np.float32).tobytes())
        return True

    def sorted(self, counts: Counter[str], cut_short: bool) -> Traces:
        """Stretches by taxi and time."""
        first = np.array(self.first, dtype=np.int64)
        length = np.diff(np.append(first, len(self.position) // 2))
        taxi, start = np.array(self.taxi, dtype=np.int64), np.array(self.start, dtype=np.int64)
        order = np.lexsort((start, taxi))
        position = np.array(self.position, dtype=np.float32).reshape(-1, 2)
        moved = np.repeat(first[order] - np.concatenate(([0], np.cumsum(length[order])[:-1])), length[order]) + np.arange(len(position))
        return Traces(
            self.side,
            position[moved],
            np.concatenate(([0], np.cumsum(length[order]))),
            taxi[order],
            start[order],
            np.array(self.leaves, dtype=bool)[order],
            {reason: counts[reason] for reason in ("kept", "outside", "missing", "short", "malformed")},
            cut_short,
        )


def read(path: Path | str, side: float, centre: tuple[float, float] = CENTRE, *, progress: bool = True) -> Traces:
    """Read the positions within a square from the competition's file, row by row.

    Rows that cannot be used are counted by reason and left out, and a file that breaks off is read as far as it goes; what became of
    the rows is logged. The bar with the remaining time shows on a terminal only.

    Parameters
    ----------
    path
        ``train.csv``, plain or gzipped whatever its name.
    side
        Of the square [m].
    centre
        Its latitude and longitude [degree].
    progress
        Whether to show a bar.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column, or no position of it lies in the square.
    """
    path = Path(path)
    stretches, counts = _Stretches(side, centre), Counter[str]()
    outcome, broken = "", False
    try:
        with _rows(path, progress) as rows:
            header = _header(path, rows)
            try:
                for row in rows:
                    outcome = _take(row, header, stretches)
                    counts[outcome] += 1
            except _BROKEN_GZIP:
                broken = True
        cut_short = broken or (outcome == "malformed" and not _ends_a_line(path))
    except OSError as error:
        raise InputError(f"{path}: expected a file that can be read, found {error.strerror or error}") from None
    traces = stretches.sorted(counts, cut_short)
    if not traces.position.size:
        raise InputError(f"{path}: expected positions within {side:g} m around {centre}, found none in {traces.report}")
    logger.info("%s: %s", path, traces.report)
    return traces


@contextmanager
def _rows(path: Path, progress: bool) -> Iterator[Iterator[list[str] | None]]:
    """Rows of a CSV file that may be gzipped; ``None`` for what is no row."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown = progress and console.is_terminal
    with path.open("rb") as raw, Progress(*columns, transient=True, disable=not shown, console=console) as bar:
        task = bar.add_task(f"reading {path.name}", total=path.stat().st_size)
        zipped = raw.peek(2)[:2] == GZIP_MAGIC
        plain: IO[bytes] = gzip.open(raw) if zipped else raw  # type: ignore[assignment]  # noqa: SIM115 (closed by the text)
        with io.TextIOWrapper(plain, encoding="utf-8", errors="replace", newline="") as text:
            yield _parsed(csv.reader(text), lambda: bar.update(task, completed=raw.tell()))


def _parsed(reader: Iterator[list[str]], look: Callable[[], None]) -> Iterator[list[str] | None]:
    """Rows of a CSV reader, ``None`` for what is no row; every now and then somebody may look."""
    for number in itertools.count(1):
        try:
            row: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a quote that never ends runs into the reader's limit of a field
            row = None
        if number % ROWS_BETWEEN_LOOKS == 0:
            look()
        if row != []:
            yield row


def _ends_a_line(path: Path) -> bool:
    """Whether a text ends with a line's end; a gzipped one says itself where it ends."""
    with path.open("rb") as raw:
        if raw.read(2) == GZIP_MAGIC:
            return True
        raw.seek(-1, io.SEEK_END)
        return raw.read(1) in b"\r\n"


def _header(path: Path, rows: Iterator[list[str] | None]) -> dict[str, int]:
    """Index of each column that is needed."""
    try:
        names = [name.strip().lstrip("\ufeff") for name in next(rows, None) or []]
    except _BROKEN_GZIP:
        names = []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        found = ", ".join(names)[:80] or "none"
        raise InputError(f"{path}: expected a header with the columns {', '.join(COLUMNS)}, found none of {', '.join(missing)} in {found}")
    return {name: names.index(name) for name in COLUMNS}


def _take(row: list[str] | None, header: dict[str, int], stretches: _Stretches) -> str:
    """Keep a row's positions; what became of it."""
    if row is None or len(row) <= max(header.values()):
        return "malformed"
    taxi, start, missing, line = (row[header[name]].strip() for name in COLUMNS)
    if missing.lower() == "true":
        return "missing"
    try:
        begin = int(start)
        points = json.loads(line)
        degrees = np.array(points, dtype=float) if isinstance(points, list) else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return "malformed"
    if degrees is None or not taxi or abs(begin) > 2**40:
        return "malformed"
    if degrees.shape[0] < 2:
        return "short"
    if degrees.shape[1:] != (2,) or not np.isfinite(degrees).all():
        return "malformed"
    return "kept" if stretches.add(taxi, begin, degrees) else "outside"


def follow(traces: Traces, devices: int, epochs: int, stride: int, random: np.random.RandomState) -> Recorded:
    """Let devices follow recorded traces from a random position each.

    Parameters
    ----------
    traces
        What was read.
    devices, epochs
        M and T.
    stride
        Positions of a trip per epoch.
    random
        Stream of the mobility alone.
    """
    trace = np.empty((epochs, devices, 2))
    held = replaced = 0
    for device in range(devices):
        place = int(random.randint(len(traces.position), dtype=np.int64))
        stretch = int(np.searchsorted(traces.first, place, side="right")) - 1
        pause = 0  # epochs for which the device holds its place still
        for epoch in range(epochs):
            trace[epoch, device] = traces.position[place]
            if pause > 0:
                pause, held = pause - 1, held + 1
                if pause == 0:
                    stretch += 1
                    place = int(traces.first[stretch])
                continue
            if place + stride < traces.first[stretch + 1]:
                place += stride
                continue
            following = stretch + 1
            same = following < len(traces.taxi) and traces.taxi[following] == traces.taxi[stretch]
            if same and not traces.leaves[stretch]:
                now = traces.start[stretch] + SAMPLE_SECONDS * (place - traces.first[stretch])
                wait = int(traces.start[following] - now)
                pause = max(0, -(-wait // (SAMPLE_SECONDS * stride)) - 1)
                if pause == 0:
                    stretch, place = following, int(traces.first[following])
                continue
            stretch = int(random.randint(len(traces.taxi), dtype=np.int64))
            place = int(traces.first[stretch])
            replaced += 1
    return Recorded(trace, held / max(1, devices * (epochs - 1)), replaced)


def generate(traces: Traces, parameters: Parameters, seed: int) -> Instance:
    """Draw an instance whose devices follow recorded traces; edges are placed on the map of all positions.

    Parameters
    ----------
    traces
        What was read; its square is the instance's area.
    parameters
        As of the synthetic generator; population, edges, epochs, channel and battery are read, area and speeds are the traces'.
    seed
        Of the draw, which belongs to a split as everywhere.

    Raises
    ------
    InputError
        If an epoch is no multiple of the 15 s between two recorded positions.
    """
    stride = parameters.epoch_seconds / SAMPLE_SECONDS
    if stride != round(stride):
        raise InputError(
            f"parameters: expected field epoch_seconds to be a multiple of the {SAMPLE_SECONDS} s between recorded positions, "
            f"found {parameters.epoch_seconds:g}"
        )
    path = ("p-marl", split_of(seed), seed)
    random = stream(*path, "recorded-system")
    points = traces.position[random.randint(len(traces.position), size=MAP_POINTS, dtype=np.int64)].astype(float)
    edges = lloyd(quantise(points), parameters.edges)
    recorded = follow(traces, parameters.population, parameters.epochs, int(stride), stream(*path, "recorded-mobility"))
    logger.info("%.1f %% of the steps are held between trips, %d devices were replaced", 100 * recorded.held, recorded.replaced)
    first = quantise(random.normal(0.0, parameters.shadowing, (parameters.population, parameters.edges)))
    position = quantise(recorded.position)
    shadowing = shadow(first, position, parameters.shadowing, parameters.shadowing_distance, stream(*path, "recorded-shadowing"))
    battery = quantise(random.uniform(*parameters.battery, parameters.population))
    return assemble(parameters, World(edges, position, shadowing, battery))
