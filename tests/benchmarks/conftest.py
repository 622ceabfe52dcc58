"""Tiny instances, plans over them, and the processes that a test left behind."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mecbench.benchmarks.plan import Plan, plan
from mecbench.instances.files import Generator, StoredInstance
from mecbench.problems.p_edge import Instance
from mecbench.solvers.catalogue import resolve


@pytest.fixture(scope="session")
def faults() -> Path:
    """Return the file of algorithms that go wrong."""
    return Path(__file__).parent / "faults.py"


@pytest.fixture(scope="session")
def instances() -> list[StoredInstance]:
    """Return four tiny instances of six devices."""
    generator = Generator(name="test", version=1, parameters={}, seed=None)
    return [StoredInstance("p-edge", f"tiny-{seed}", _tiny(seed), "test", generator) for seed in range(4)]


def _tiny(seed: int) -> Instance:
    random = np.random.RandomState(seed)
    return Instance(
        multiprocessors=32,
        clock_ratio=random.uniform(0.5, 1.0, 6).round(3),
        uplink_rate=random.uniform(1e7, 1e8, 6).round(),
        cut=random.randint(0, 3, 6),
        switch_cost=random.randint(0, 2, 6),
        group_macs=[5, 3, 2],
        cut_bytes=[150000, 80000, 20000],
        edge_work=100.0,
        full_latency=80.0,
        latency_exponent=-1.0,
        full_energy=200.0,
        energy_exponent=1.5,
        transmit_power=1.2,
        energy_unit=100.0,
        latency_unit=50.0,
    )


@pytest.fixture(scope="session")
def planned(instances: list[StoredInstance], faults: Path) -> Callable[..., Plan]:
    """Return a function that plans algorithms, those of the file of faults by their bare names."""

    def make(*algorithms: str, count: int = 1, **options: object) -> Plan:
        texts = [text if "/" in text else f"{faults}:{text}" for text in algorithms]
        limits = {"time_limit": 1.0, "memory_limit": 1024} | options
        return plan(instances[:count], [resolve(text, "p-edge") for text in texts], **limits)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="module")
def marker() -> Iterator[str]:
    """Mark every process that is started from here on, by a variable of the environment."""
    value = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MECBENCH_TEST", value)
        yield value


@pytest.fixture(scope="module")
def survivors(marker: str) -> Callable[[float], list[str]]:
    """Return a function that waits up to some seconds for marked processes to end and returns those alive."""

    def look(patience: float = 0.0) -> list[str]:
        deadline = time.monotonic() + patience
        while (found := _marked(marker)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    return look


def _marked(marker: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode()
            ours = "multiprocessing.resource_tracker" not in command  # Python's own, alive as long as the tests
            if ours and f"MECBENCH_TEST={marker}".encode() in (process / "environ").read_bytes():
                found.append(f"{process.name}: {command}")
        except OSError:
            continue
    return found
