"""Runs on a real Dask scheduler and its workers: nothing is lost, whoever dies, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.cli import main
from mecbench.benchmarks.cluster import ClusterExecutor, connect
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store
from mecbench.problems.errors import InputError

pytest.importorskip("distributed", reason="a cluster needs the extra `cluster`")

Found = TypeVar("Found")
Outcome = set[tuple[str, str, float | None, float | None]]

ALGORITHMS = """
import os, psutil, subprocess, time
import numpy as np
from mecbench.problems.p_edge import Solution

def one_each(instance):
    return Solution(allocation=np.ones(instance.devices, dtype=int))

def quick(instance, budget, seed):
    return one_each(instance)

def nap(instance, budget, seed):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    time.sleep(0.4)
    return one_each(instance)

def asleep(instance, budget, seed):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    time.sleep(1000)

def kills_its_worker(instance, budget, seed):
    psutil.Process(os.getppid()).parent().kill()
    time.sleep(1000)
"""


class Cluster:
    """A scheduler with workers of one thread, all of them on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(folder / "scheduler.json"))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = _eventually(lambda: json.loads((folder / "scheduler.json").read_text())["address"])

    def _start(self, what: str, *arguments: str, first: str = "pass") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", f"{first}\nfrom distributed.cli.dask_{what} import main\nmain()", *arguments]
        private = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen([*command, *private], cwd=self._folder, stdout=log, stderr=log, start_new_session=True)

    def add_worker(self, nanny: str = "--no-nanny", first: str = "pass") -> subprocess.Popen[bytes]:
        """Start a worker, which executes some code first, and wait for nothing."""
        scratch = str(self._folder / "scratch")
        worker = self._start("worker", self.address, "--nthreads", "1", nanny, "--local-directory", scratch, first=first)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End everything, politely first; the scheduler last, for workers may hang if it ends while they do."""
        for processes in (self.workers, [self.scheduler]):
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _eventually(look: Callable[[], Found]) -> Found:
    """Answer of a look that neither fails nor is empty, sooner or later."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if found := look():
                return found
        except (OSError, ValueError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def own(marker: str, tmp_path: Path) -> Iterator[Cluster]:
    """Return a scheduler of the test's own, without workers."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def shared(marker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a scheduler with two workers that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    for _ in range(2):
        cluster.add_worker()
    yield cluster
    cluster.close()


@pytest.fixture
def job(planned: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Return a function that plans algorithms of a file that only the client can see."""
    monkeypatch.chdir(tmp_path)
    Path("algorithms.py").write_text(ALGORITHMS)
    return lambda name, **options: planned(name if "/" in name else f"./algorithms.py:{name}", **{"time_limit": 100.0, **options})


def _asleep(marked: list[str]) -> list[str]:
    return [process for process in marked if "sleep" in process or "isolation" in process]


def _run(job: Plan, folder: Path, cluster: Cluster, progress: harness.Progress | None = None) -> harness.Summary:
    with connect(cluster.address) as client, Store(folder) as store:
        return harness.run(job, store, executor=ClusterExecutor(client, store.add_environment), progress=progress)


def _outcome(folder: Path) -> Outcome:
    with Store(folder, create=False) as store:
        return {(record.key, record.status, record.objective, record.bound) for record in store.records()}


def test_same_records(planned: Callable[..., Plan], shared: Cluster, survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """Where a run is done changes nothing in its record, and the store knows the machines that did it."""
    runs = planned("p-edge/threshold", "sound", "infeasible", "segfault", "exception", "DeclaredPackage", count=3)
    with Store(tmp_path / "here") as here:
        harness.run(runs, here, jobs=2)
    summary = _run(runs, tmp_path / "there", shared)
    assert summary.done == summary.planned == 18
    assert _outcome(tmp_path / "there") == _outcome(tmp_path / "here")
    with Store(tmp_path / "there", create=False) as there:
        named = {record.environment for record in there.records()}
        assert named <= set(there.environments())
        assert {record.algorithm for record in there.records()} == {spec.algorithm for spec in runs.runs}
    assert [process for process in survivors(0.0) if "isolation" in process] == []  # the workers keep none either


def test_algorithm_file_travels(job: Callable[..., Plan], shared: Cluster, tmp_path: Path) -> None:
    """A user's file need not be on the workers, whose folders are others, and its name in the record is the user's."""
    assert _run(job("quick", count=2), tmp_path / "store", shared).statuses == {"ok": 2}
    with Store(tmp_path / "store", create=False) as store:
        assert {record.algorithm for record in store.records()} == {"./algorithms.py:quick"}


@pytest.mark.slow
def test_abandoned_runs_are_killed(job: Callable[..., Plan], shared: Cluster, survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """Ctrl-C keeps what is finished and ends what is in flight on the workers, long before its limit."""

    def interrupt(record: Record, done: int, total: int) -> None:
        _eventually(lambda: [process for process in survivors(0.0) if "sleep" in process])
        raise KeyboardInterrupt

    runs = Plan(job("quick").runs + job("asleep", count=3).runs, ())
    summary = _run(runs, tmp_path, shared, interrupt)
    assert (summary.exit_code, summary.statuses) == (130, {"ok": 1})
    _eventually(lambda: not _asleep(survivors(0.0)))
    assert _run(job("quick", count=3), tmp_path / "next", shared).statuses == {"ok": 3}  # the workers are free again


def test_worker_of_other_version(job: Callable[..., Plan], shared: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that would compute something else than was planned ends the job with a sentence that names it."""
    with monkeypatch.context() as patch:
        patch.setattr("mecbench.benchmarks.cluster.version", lambda package: "0.0")
        with pytest.raises(InputError, match=r"worker tcp://127.0.0.1:\d+: expected mecbench in version 0.0, found \d"):
            _run(job("quick"), tmp_path, shared)
    assert _run(job("quick"), tmp_path, shared).statuses == {"ok": 1}


@pytest.mark.slow
def test_worker_without_mecbench(job: Callable[..., Plan], own: Cluster, tmp_path: Path) -> None:
    """A worker that lacks mecbench ends the job with a sentence, and does not die time and again with runs that take the blame."""
    own.add_worker(first="import sys; sys.modules['mecbench'] = None")
    with pytest.raises(InputError, match=r"expected workers that can do runs, found one that fails with ModuleNotFoundError: .*mecbench"):
        _run(job("quick"), tmp_path / "store", own)
    assert _outcome(tmp_path / "store") == set()


@pytest.mark.slow
@pytest.mark.parametrize("nanny", ["--no-nanny", "--nanny"])
def test_worker_killed(nanny: str, job: Callable[..., Plan], own: Cluster, survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """``kill -9`` of a worker loses no run, leaves no process of its runs, and a worker that joins late gets work."""
    runs = job("nap", count=4, seeds=range(2))
    victim = own.add_worker(nanny)
    killed: list[psutil.Process] = []

    def kill(record: Record, done: int, total: int) -> None:
        if done == 1:
            own.add_worker()
        if done == 2:
            below = psutil.Process(victim.pid).children()
            worker = next((process for process in below if "spawn_main" in " ".join(process.cmdline())), psutil.Process(victim.pid))
            _eventually(lambda: any(process.name() == "sleep" for process in worker.children(recursive=True)))
            killed.extend(worker.children(recursive=True))
            worker.kill()

    summary = _run(runs, tmp_path / "store", own, kill)
    assert summary.statuses == {"ok": 8}
    assert killed
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in killed)
    with Store(tmp_path / "store", create=False) as store:
        assert len({record.environment for record in store.records()}) >= 2
    _eventually(lambda: not _asleep(survivors(0.0)))


@pytest.mark.slow
def test_run_that_kills_workers(job: Callable[..., Plan], own: Cluster, tmp_path: Path) -> None:
    """A run whose workers die again and again is recorded as a crash, and all others are done."""
    own.add_worker("--nanny")
    runs = Plan(job("kills_its_worker").runs + job("quick", count=4).runs, ())
    assert _run(runs, tmp_path / "store", own).statuses == {"crash": 1, "ok": 4}
    with Store(tmp_path / "store", create=False) as store:
        (crash,) = (record for record in store.records() if record.status == "crash")
    assert "4 workers died with it, the last was tcp://127.0.0.1" in crash.message


@pytest.mark.slow
def test_scheduler_lost(job: Callable[..., Plan], own: Cluster, survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """A scheduler that dies ends the job in one sentence; what is finished is kept, and the same job does the rest."""
    for _ in range(2):
        own.add_worker()
    runs = job("nap", count=4, seeds=range(2))

    def kill(record: Record, done: int, total: int) -> None:
        if done == 3:
            own.scheduler.kill()

    with pytest.raises(InputError, match="the scheduler was lost; finished runs are kept, and the same command does the rest"):
        _run(runs, tmp_path / "store", own, kill)
    assert len(_outcome(tmp_path / "store")) >= 3
    _eventually(lambda: not _asleep(survivors(0.0)))
    with Store(tmp_path / "store") as store:
        held = store.finished()
        rest = harness.run(job("nap", count=4, seeds=range(2), held=held), store, jobs=2)
    assert rest.statuses == {"ok": 8}


@pytest.mark.slow
def test_client_killed(job: Callable[..., Plan], shared: Cluster, survivors: Callable[..., list[str]], tmp_path: Path) -> None:
    """``kill -9`` of the command itself ends its runs on the workers too."""
    job("asleep")  # writes the file
    command = ["run", "smoke", "--algorithms", "algorithms.py:asleep", "--time-limit", "900", "--cluster", shared.address, "--out", "store"]
    with subprocess.Popen([sys.executable, "-c", "from mecbench.benchmarks.cli import main; main()", *command]) as client:
        try:
            # The command's own words hold "asleep" too: it is the grandchildren `sleep 1000` that count.
            _eventually(lambda: sum(": sleep" in process for process in survivors(0.0)) == 2)
        finally:
            os.kill(client.pid, signal.SIGKILL)
    _eventually(lambda: not any(": sleep" in process for process in survivors(0.0)))


@pytest.mark.slow
def test_thousand_runs(job: Callable[..., Plan], shared: Cluster, tmp_path: Path) -> None:
    """A thousand runs over two workers give the same records as a local job."""
    runs = Plan(tuple(spec for name in ("quick", "p-edge/threshold") for spec in job(name, count=4, seeds=range(125)).runs), ())
    assert len(runs.runs) == 1000
    with Store(tmp_path / "here") as here:
        harness.run(runs, here, jobs=2)
    assert _run(runs, tmp_path / "there", shared).statuses == {"ok": 1000}
    assert _outcome(tmp_path / "there") == _outcome(tmp_path / "here")


def test_no_scheduler(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An address where nobody answers is one sentence, soon, and leaves no store behind."""
    command = ["run", "smoke", "--algorithms", "p-edge/threshold", "--out", str(tmp_path / "store"), "--cluster"]
    assert main([*command, "tcp://127.0.0.1:9"]) == 2
    assert main([*command, "127.0.0.1:8786"]) == 2
    assert main([*command, "tcp://127.0.0.1:8786", "--jobs", "2"]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("error: tcp://127.0.0.1:9: expected a Dask scheduler that answers within 3 s, found none")
    assert second == "error: --cluster: expected the address of a Dask scheduler like tcp://127.0.0.1:8786, found '127.0.0.1:8786'"
    assert "expected --jobs or --cluster, found both" in third
    assert not (tmp_path / "store").exists()


def test_package_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the sentence says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["run", "smoke", "--algorithms", "p-edge/threshold", "--out", str(tmp_path), "--cluster", "tcp://127.0.0.1:8786"]) == 2
    assert "pip install distributed" in capsys.readouterr().err


@pytest.mark.slow
def test_command(shared: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--cluster`` does a suite, says where, and a dry run counts the threads that are there."""
    _eventually(lambda: main(["run", "smoke", "--dry-run", "--cluster", shared.address]) == 0 and "2 at a time" in capsys.readouterr().out)
    assert main(["run", "smoke", "--algorithms", "p-edge/threshold", "--out", str(tmp_path), "--cluster", shared.address]) == 0
    out, err = capsys.readouterr()
    assert "4 of 4 runs done: 4 ok" in out
    assert err == f"{shared.address} has 2 workers with 2 threads\n"
