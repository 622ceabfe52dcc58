"""The store gives back what it was given, to anybody, and says clearly when it cannot."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from mecbench.benchmarks.environment import Environment
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import FILE, VERSION, Store
from mecbench.problems import load
from mecbench.problems.errors import InputError


@pytest.fixture
def record() -> Record:
    """Return a record with every field different from its default."""
    return Record(
        key="k",
        suite="quick",
        instance="tiny",
        instance_sha256="ab" * 32,
        problem="p-edge",
        algorithm="p-edge/milp:eps=1e-3",
        kind="exact",
        sees="central",
        version="3",
        seed=7,
        time_limit=5.0,
        memory_limit=1024,
        threads=2,
        status="infeasible",
        message="violates “capacity”",
        solver_status="optimal",
        sense="minimise",
        objective=0.1 + 0.2,
        feasible=True,
        bound=float("-inf"),
        bound_kind="solver",
        wall_seconds=1 / 3,
        cpu_seconds=0.25,
        peak_memory_mib=70.5,
        environment="e",
        timestamp="2026-01-01T00:00:00.000+00:00",
        parameters={"eps": "1e-3"},
        training={"agent": "p-edge/ppo", "seed": 3},
        terms={"fixed": 0.1},
        violations={"capacity": {"absolute": 2.0, "relative": 0.5}},
        metrics={"jain": float("inf")},
        trace=[[0.1, None, 1.0], [0.2, 3.0, None]],
        solution={"allocation": [1, 2]},
        certificate={"threshold": 1.0},
        log_tail="tail\0\n",
    )


def test_round_trip(record: Record, tmp_path: Path) -> None:
    """A record reads back bit by bit, or verifying it again later would be void."""
    assert all(getattr(record, item.name) not in (None, "", 0, {}, []) for item in fields(Record))
    with Store(tmp_path) as store:
        store.add(record)
        store.add(empty := replace(record, key="e", memory_limit=None, objective=None, bound=None, solution=None, certificate=None))
    with Store(tmp_path, create=False) as store:
        assert list(store.records()) == [record, empty]
        assert list(store.records({"e"})) == [empty]
        assert len(store) == 2


def test_first_record_stays(record: Record, tmp_path: Path) -> None:
    """A key is its content: a second record of it cannot rewrite history."""
    with Store(tmp_path) as store:
        store.add(record)
        store.add(replace(record, objective=-1.0))
        assert [item.objective for item in store.records()] == [record.objective]


def test_skipped_is_done_again(record: Record, tmp_path: Path) -> None:
    """A run that lacked a package is planned again and its record replaced, or installing the package would not help."""
    with Store(tmp_path) as store:
        store.add(replace(record, status="skipped"))
        assert store.finished() == frozenset()
        store.add(record)
        assert store.finished() == {"k"}
        assert list(store.records()) == [record]


def test_instances_and_environments(planned: Callable[..., Plan], tmp_path: Path) -> None:
    """The store holds what its runs were made on, so that it can be verified without the library."""
    runs = planned("sound", "nothing", count=2).runs
    environment = Environment("cpu", 2, 1024, "Linux", "CPython 3.11", {"numpy": "2"}, 0.5)
    with Store(tmp_path) as store:
        store.add_instances(runs)
        store.add_instances(runs)
        store.add_environment(environment)
        stored = dict(store.instances())
        assert stored.keys() == {run.instance_sha256 for run in runs}
        assert all(instance.sha256 == sha256 and isinstance(instance, load("p-edge").Instance) for sha256, instance in stored.items())
        assert store.environments() == {environment.id: environment.to_json()}


def test_threads(record: Record, tmp_path: Path) -> None:
    """Threads share a store: each run of a job may end at any moment."""
    with Store(tmp_path) as store:
        writers = [
            threading.Thread(target=lambda start=start: [store.add(replace(record, key=str(start + i))) for i in range(100)])
            for start in range(0, 400, 100)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert {item.key for item in store.records()} == {str(number) for number in range(400)}


FILL = """
import pickle, sys
from dataclasses import replace
from mecbench.benchmarks.store import Store

record = pickle.load(sys.stdin.buffer)
with Store(sys.argv[1]) as store:
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + 200):
        store.add(replace(record, key=str(number)))
"""


def test_processes(record: Record, tmp_path: Path) -> None:
    """Two harnesses may write to one store at once, created by whichever comes first."""
    (tmp_path / "record").write_bytes(pickle.dumps(record))
    writers = []
    for start in ("0", "150"):
        with (tmp_path / "record").open() as file:
            writers.append(subprocess.Popen([sys.executable, "-c", FILL, str(tmp_path), start], stdin=file))
    assert [writer.wait() for writer in writers] == [0, 0]
    with Store(tmp_path, create=False) as store:
        assert {item.key for item in store.records()} == {str(number) for number in range(350)}


def _as_version_1(folder: Path) -> None:
    """Make a store what it would be without a word of training."""
    connection = sqlite3.connect(folder / FILE)
    connection.executescript("ALTER TABLE runs DROP COLUMN training; PRAGMA user_version = 1;")
    connection.close()


def test_older_version(record: Record, tmp_path: Path) -> None:
    """Results of last year are read as they are, and runs can be added to them; what was not recorded is empty."""
    with Store(tmp_path) as store:
        store.add(record)
    _as_version_1(tmp_path)
    with Store(tmp_path, create=False) as store:
        assert list(store.records()) == [replace(record, training={})]
        assert store.columns(["key", "training"]) == [("k", "{}")]
    with Store(tmp_path) as store:
        store.add(later := replace(record, key="later"))
    with Store(tmp_path, create=False) as store:
        assert list(store.records()) == [replace(record, training={}), later]


def test_newer_version(tmp_path: Path) -> None:
    """A store of a newer version is left alone, with both versions named."""
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(InputError, match=rf"{FILE}: field user_version: expected at most {VERSION}, found {VERSION + 1}"):
        Store(tmp_path)


def test_somebody_elses_file(tmp_path: Path) -> None:
    """Other databases and other files are never written to."""
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE runs (key)")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(InputError, match=r"field application_id: expected .* found 0"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    (tmp_path / FILE).write_text("no database at all, but long enough to look like one" * 100)
    with pytest.raises(InputError, match="expected a store that can be opened, found: file is not a database"):
        Store(tmp_path)


def test_no_store(tmp_path: Path) -> None:
    """Reading what is not there is an error and makes nothing; a folder below a file cannot be made."""
    with pytest.raises(InputError, match=f"expected a folder with {FILE}"):
        Store(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/below: expected a folder or a place to make one, found Not a directory"):
        Store(tmp_path / "file" / "below")


def test_full(record: Record, tmp_path: Path) -> None:
    """When there is no room the error says so, what was there stays, and with room again the store goes on."""
    with Store(tmp_path) as store:
        store.add(record)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InputError, match=f"{FILE}: expected room for a record, found: database or disk is full"):
            store.add(replace(record, key="large", log_tail="x" * 100_000))
        assert list(store.records()) == [record]
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.add(replace(record, key="large"))
        assert len(store) == 2


def test_read_only_ground(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store on read-only ground can be read, and writing to it fails with a sentence."""
    with Store(tmp_path / "a") as store:
        store.add(record)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with Store(tmp_path / "b", create=False) as store:
        assert list(store.records()) == [record]
        with pytest.raises(InputError, match="expected room for a record, found: attempt to write a readonly database"):
            store.add(replace(record, key="n"))
    assert [path.name for path in (tmp_path / "b").iterdir()] == [FILE]
