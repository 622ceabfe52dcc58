"""The store: one SQLite file to which each record is written as it arrives."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mecbench.benchmarks.environment import Environment
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.record import Record
from mecbench.problems import load
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.errors import InputError

__all__ = ["FILE", "VERSION", "Store"]

FILE = "runs.sqlite"
VERSION = 2
"""Raised when a record's columns change; a store of an older version is read as it is, and brought up to date to be written to."""

_APPLICATION = 0x6D656362  # "mecb": tells our files from other people's
_SCALARS = {"str": "TEXT", "int": "INTEGER", "int | None": "INTEGER", "float": "REAL", "float | None": "REAL", "bool": "INTEGER"}
_COLUMNS = {item.name: _SCALARS.get(str(item.type), "TEXT") for item in fields(Record)}
_ADDED = {"training": "'{}'"}  # columns that stores of version 1 do not have, and what they would hold, in SQL
_JSON = {item.name for item in fields(Record) if str(item.type).startswith(("dict", "list"))}
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs ({", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())}, PRIMARY KEY (key));
CREATE INDEX IF NOT EXISTS runs_status ON runs (status, key);
CREATE TABLE IF NOT EXISTS instances (sha256 TEXT PRIMARY KEY, problem TEXT, name TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS environments (id TEXT PRIMARY KEY, data TEXT);
"""
# A run that was skipped is done again once its package is there; any other record stays as it is.
_INSERT = (
    f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
    + " WHERE runs.status = 'skipped'"
)


class Store:
    """Records of a folder, safe for several threads and processes at once.

    Parameters
    ----------
    folder
        Holds the file `FILE`.
    create
        Make folder and file if they are missing.

    Raises
    ------
    InputError
        If the folder cannot be made or read, or the file is no store or one of a newer version.
    """

    def __init__(self, folder: str | Path, create: bool = True) -> None:
        self.path = Path(folder) / FILE
        self._lock = threading.Lock()
        if create:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{folder}: expected a folder or a place to make one, found {error.strerror}") from None
        elif not self.path.is_file():
            raise InputError(f"{folder}: expected a folder with {FILE}, which `mecbench run` writes, found none")
        with self._errors("expected a store that can be opened"):
            self._connection = self._connect(create)
            try:
                with _alone(self.path.parent) if create else nullcontext():
                    self._open(create)
            except BaseException:
                self._connection.close()
                raise

    def _connect(self, create: bool) -> sqlite3.Connection:
        # A file on read-only ground cannot be locked, and need not be.
        immutable = not create and not os.access(self.path.parent, os.W_OK)
        address = f"{self.path.absolute().as_uri()}{'?immutable=1' if immutable else ''}"
        connection = sqlite3.connect(address, uri=True, timeout=60.0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _open(self, create: bool) -> None:
        """Check the file and lay out a new one."""
        execute = self._connection.execute
        version, application = (execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
        empty = not execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != _APPLICATION and not (application == version == 0 and empty):
            raise InputError(f"{self.path}: field application_id: expected {_APPLICATION} of a mecbench store, found {application}")
        if version > VERSION:
            raise InputError(f"{self.path}: field user_version: expected at most {VERSION}, found {version} of a newer mecbench")
        if version == 0:
            execute("PRAGMA journal_mode = WAL")
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
        elif version < VERSION and create:
            added = "".join(f"ALTER TABLE runs ADD COLUMN {name} TEXT DEFAULT {value}; " for name, value in _ADDED.items())
            self._connection.executescript(f"BEGIN IMMEDIATE; {added}PRAGMA user_version = {VERSION}; COMMIT;")
        self._absent = {} if create or version != 1 else _ADDED

    @contextmanager
    def _errors(self, expected: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(f"{self.path}: {expected}, found: {error}") from error

    def add(self, record: Record) -> None:
        """Write a record, in one transaction; one that is there already stays, unless that run was skipped.

        Raises
        ------
        InputError
            If it cannot be written: the disk is full, the file read-only. What was written before is intact.
        """
        self._write(_INSERT, [_row(record)])

    def add_instances(self, specs: Iterable[RunSpec]) -> None:
        """Write the instances of runs, so that the store can be read and verified without their files."""
        rows = {spec.instance_sha256: (spec.instance_sha256, spec.problem, spec.instance, spec.data) for spec in specs}
        self._write("INSERT OR IGNORE INTO instances VALUES (?, ?, ?, ?)", rows.values())

    def add_environment(self, environment: Environment) -> None:
        """Write an environment."""
        self._write("INSERT OR IGNORE INTO environments VALUES (?, ?)", [(environment.id, json.dumps(environment.to_json()))])

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._lock, self._errors("expected room for a record"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def _read(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self._lock, self._errors("expected a readable store"):
            return self._connection.execute(statement, parameters).fetchall()

    def finished(self) -> frozenset[str]:
        """Keys of all runs that need not be done again."""
        return frozenset(key for (key,) in self._read("SELECT key FROM runs WHERE status != 'skipped'"))

    def records(self, keys: Iterable[str] | None = None) -> Iterator[Record]:
        """Records in the order in which they were written; those of some keys only, if given."""
        names = self._select(_COLUMNS)
        wanted = None if keys is None else set(keys)
        last = 0
        while rows := self._read(f"SELECT rowid, {names} FROM runs WHERE rowid > ? ORDER BY rowid LIMIT 1000", last):
            last = rows[-1][0]
            yield from (_record(row[1:]) for row in rows if wanted is None or row[1] in wanted)

    def columns(self, names: Iterable[str]) -> list[tuple[Any, ...]]:
        """Some fields of all records, much faster than `records`; what is no number or text comes as JSON text."""
        return self._read(f"SELECT {self._select(names)} FROM runs ORDER BY rowid")

    def _select(self, names: Iterable[str]) -> str:
        return ", ".join(self._absent.get(name, name) for name in names)

    def instances(self, wanted: Iterable[str] | None = None) -> Iterator[tuple[str, ArrayModel]]:
        """Hash and content of every instance that was run, or of those of some hashes."""
        for (sha256,) in self._read("SELECT sha256 FROM instances") if wanted is None else [(item,) for item in wanted]:
            for problem, data in self._read("SELECT problem, data FROM instances WHERE sha256 = ?", sha256):
                yield sha256, load(problem).Instance.model_validate_json(data)

    def environments(self) -> dict[str, dict[str, Any]]:
        """Environments by id."""
        return {identity: json.loads(data) for identity, data in self._read("SELECT id, data FROM environments")}

    def __len__(self) -> int:
        return int(self._read("SELECT count(*) FROM runs")[0][0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from laying out the same file: SQLite does not wait when two change a journal's mode."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _row(record: Record) -> tuple[Any, ...]:
    values = ((name, getattr(record, name)) for name in _COLUMNS)
    return tuple(json.dumps(value) if name in _JSON and value is not None else value for name, value in values)


def _record(row: tuple[Any, ...]) -> Record:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        if values[name] is not None:
            values[name] = json.loads(values[name])
    values["feasible"] = bool(values["feasible"])
    return Record(**values)
