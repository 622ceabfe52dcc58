"""Warm processes are kept, replaced when broken, and gone when the pool is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mecbench.benchmarks.isolation.pool import Ending, Pool, PoolClosed, Request, import_set
from mecbench.benchmarks.plan import Plan

PID = "import os\ndef pid(instance, budget, seed):\n    print(os.getppid(), os.environ['OMP_NUM_THREADS'])\n"


@pytest.fixture
def pool(marker: str) -> Iterator[Pool]:
    """Return a pool that is closed at the end."""
    with Pool() as pool:
        yield pool


@pytest.fixture
def request_of(planned: Callable[..., Plan], tmp_path: Path) -> Callable[..., Request]:
    """Return a function that makes a request; of an algorithm that prints its warm process by default."""
    (tmp_path / "pid.py").write_text(PID)

    def make(algorithm: str = f"{tmp_path}/pid.py:pid", instance: int = 0, **change: object) -> Request:
        spec = planned(algorithm, count=instance + 1).runs[instance]
        names = ("problem", "data", "algorithm", "version", "requires", "seed", "time_limit", "memory_limit", "threads")
        return replace(Request(instance=spec.instance_sha256, **{name: getattr(spec, name) for name in names}), **change)  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ((), "neither"),
        (("pyomo", "highspy"), "highs"),
        (("pyscipopt",), "highs"),
        (("ortools",), "ortools"),
        (("torch",), "neither"),
        (("ortools", "highspy"), "neither"),
    ],
)
def test_import_set(requires: tuple[str, ...], expected: str) -> None:
    """HiGHS's packages and OR-Tools never meet in one warm process, since each ships a libhighs of its own."""
    assert import_set(requires) == expected


def test_kept(pool: Pool, request_of: Callable[..., Request]) -> None:
    """One warm process serves run after run, of any instance; other imports or threads have one of their own."""
    logs = [pool.run(request_of(instance=number % 2)).log_tail for number in range(4)]
    assert len(set(logs)) == 1
    assert pool.run(request_of(requires=("highspy",))).log_tail not in logs
    assert pool.run(request_of(threads=2)).log_tail.split()[1] == "2"
    assert pool.run(request_of()).log_tail == logs[0]


def test_surplus_is_closed(request_of: Callable[..., Request], survivors: Callable[..., list[str]]) -> None:
    """Warm processes cost memory: beyond the number to keep, the longest idle one goes."""
    with Pool(idle=1) as pool:
        first = pool.run(request_of()).log_tail
        pool.run(request_of(threads=2))
        assert len(survivors()) == 1
        assert pool.run(request_of()).log_tail != first
    assert survivors(1.0) == []


def test_no_state_remains(pool: Pool, request_of: Callable[..., Request], tmp_path: Path) -> None:
    """What a run does to its process, the next one does not see: neither globals nor random numbers nor the working folder."""
    source = tmp_path / "state.py"
    source.write_text(
        "import os, random, sys\n"
        "import numpy as np\n"
        "def f(instance, budget, seed):\n"
        "    print(hasattr(np, 'touched'), random.random(), np.random.rand(), os.getcwd() == '/', 'state' in sys.modules)\n"
        "    np.touched = True\n"
        "    os.chdir('/')\n"
    )
    first, second, other = (pool.run(request_of(f"{source}:f", seed=seed)).log_tail.split() for seed in (1, 1, 2))
    assert first == second
    assert first[0] == first[3] == "False"
    assert first[1:3] != other[1:3]


def test_prepared_off_the_clock(pool: Pool, request_of: Callable[..., Request], tmp_path: Path) -> None:
    """What an algorithm does once per process, such as compiling, is done before its run and not counted."""
    source = tmp_path / "slow_start.py"
    source.write_text(
        "import time\n"
        "class Slow:\n"
        "    ready = False\n"
        "    def prepare(self):\n"
        "        time.sleep(1.0)\n"
        "        Slow.ready = True\n"
        "    def solve(self, instance, budget, seed):\n"
        "        print(Slow.ready)\n"
    )
    ending = pool.run(request_of(f"{source}:Slow"))
    assert ending.log_tail.split() == ["True"]
    assert ending.outcome is not None
    assert ending.outcome["wall_seconds"] < 1.0


def test_changed_file(pool: Pool, request_of: Callable[..., Request], tmp_path: Path) -> None:
    """A file that is edited after planning is not run under the old version's key."""
    request = request_of()
    (tmp_path / "pid.py").write_text(PID + "# edited\n")
    outcome = pool.run(request).outcome
    assert outcome is not None
    assert "was changed after the run was planned" in outcome["error"]


def test_lost_process_is_replaced(pool: Pool, request_of: Callable[..., Request]) -> None:
    """A run that takes its warm process with it costs nobody else."""
    before = pool.run(request_of()).log_tail
    assert pool.run(request_of("kills_warm_process")).cause == "lost"
    after = pool.run(request_of())
    assert after.cause == "finished"
    assert after.log_tail != before


def test_close_in_flight(request_of: Callable[..., Request], survivors: Callable[..., list[str]]) -> None:
    """Closing ends runs in flight at once, tells their threads, and refuses further ones."""
    pool = Pool()
    endings: list[Ending | Exception] = []
    request = request_of("looping_grandchild", time_limit=1000.0)

    def fly() -> None:
        try:
            endings.append(pool.run(request))
        except PoolClosed as error:
            endings.append(error)

    threads = [threading.Thread(target=fly) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(survivors()) < 6:  # two warm processes, two runs, two grandchildren
        pass
    pool.close()
    for thread in threads:
        thread.join()
    assert [type(ending) for ending in endings] == [PoolClosed, PoolClosed]
    assert survivors(1.0) == []
    with pytest.raises(PoolClosed):
        pool.run(request)


def test_cannot_start(request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A harness that cannot start warm processes says so instead of recording its own fault as a crash of every run."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    with Pool() as pool, pytest.raises(RuntimeError, match="a warm process for runs cannot start: it ended unexpectedly: exit code 1"):
        pool.run(request_of())
