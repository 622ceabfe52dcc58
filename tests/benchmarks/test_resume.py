"""A job that is killed, interrupted or runs out of disk loses the runs in flight at most, and the same job again does the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.store import Store

Start = Callable[..., "subprocess.Popen[str]"]
Outcome = set[tuple[str, str, float | None]]

JOB = Path(__file__).parent / "job.py"


@pytest.fixture(scope="module")
def specs(planned: Callable[..., Plan]) -> str:
    """Return 200 runs as JSON, most of them brief, some that fail in every way that is quick."""
    sound = planned("p-edge/threshold", "brief", count=4, seeds=range(24), time_limit=20.0)
    faulty = planned("segfault", "exception", "infeasible", "left_grandchild", "wrong_shape", "silent_exit", time_limit=20.0)
    late = planned("python_loop", "c_loop", time_limit=0.1)
    runs = list(sound.runs + faulty.runs + late.runs)
    random.Random(1).shuffle(runs)
    assert len(runs) == 200
    return json.dumps([asdict(spec) for spec in runs])


@pytest.fixture
def start(specs: str, marker: str, tmp_path: Path) -> Start:
    """Return a function that starts the job on a store."""

    def begin(folder: Path, *largest: str) -> subprocess.Popen[str]:
        source = tmp_path / "specs.json"
        source.write_text(specs)
        with source.open() as file:
            command = [sys.executable, str(JOB), str(folder), *largest]
            return subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    return begin


def _outcome(folder: Path) -> Outcome:
    with Store(folder, create=False) as store:
        return {(record.key, record.status, record.objective) for record in store.records()}


@pytest.fixture(scope="module")
def undisturbed(specs: str, marker: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, float]:
    """Return what the job gives when nobody disturbs it, and its seconds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    done = subprocess.run([sys.executable, str(JOB), str(folder)], input=specs, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    outcome = _outcome(folder)
    assert len(outcome) == 200
    return outcome, time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(21))
def test_kill(moment: int, start: Start, undisturbed: tuple[Outcome, float], survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """After ``kill -9`` no process of the job lives for long, and resuming gives what an undisturbed job gives."""
    expected, seconds = undisturbed
    folder = tmp_path / "store"
    job = start(folder)
    time.sleep(random.Random(moment).uniform(0.1, seconds))
    job.kill()
    job.communicate()
    assert survivors(3.0) == []
    _, errors = start(folder).communicate()
    assert errors == ""
    assert _outcome(folder) == expected
    assert survivors(3.0) == []


def test_interrupt(start: Start, undisturbed: tuple[Outcome, float], survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """Ctrl-C ends the job at once with its own exit code and keeps what is finished."""
    folder = tmp_path / "store"
    job = start(folder)
    assert job.stdout is not None
    for _ in range(20):
        job.stdout.readline()
    os.killpg(job.pid, signal.SIGINT)  # to the whole group, as a terminal does
    _, errors = job.communicate()
    assert job.returncode == 130, errors
    assert errors == ""
    assert survivors(3.0) == []
    kept = _outcome(folder)
    assert 20 <= len(kept) < 200
    assert kept < undisturbed[0]


@pytest.mark.slow
def test_full_disk(start: Start, undisturbed: tuple[Outcome, float], survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """A store that cannot grow ends the job with a sentence, keeps what it holds, and goes on when there is room."""
    folder = tmp_path / "store"
    job = start(folder, "300000")
    _, errors = job.communicate()
    assert job.returncode == 2
    assert errors.startswith(f"{folder}/runs.sqlite: expected room for a record, found: ")
    assert len(errors.splitlines()) == 1
    assert survivors(3.0) == []
    kept = _outcome(folder)
    assert 0 < len(kept) < 200
    assert kept < undisturbed[0]
    start(folder).communicate()
    assert _outcome(folder) == undisturbed[0]
