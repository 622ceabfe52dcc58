"""Where runs ran: captured once per invocation, not per run."""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path

import numpy as np

__all__ = ["Environment", "calibrate", "capture"]

PACKAGES = (
    "mecbench", "numpy", "scipy", "numba", "pydantic", "pyomo", "highspy", "ortools", "pyscipopt", "cvxpy", "clarabel", "torch",
)  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """A machine and what is installed on it.

    Attributes
    ----------
    processor
        Model name.
    cores
        That this process may use.
    memory_mib
        Of the machine [MiB].
    system, python
        Names and versions.
    packages
        Versions of what results depend on.
    calibration_seconds
        Time of a fixed piece of work, to compare machines, see `calibrate`.
    """

    processor: str
    cores: int
    memory_mib: int
    system: str
    python: str
    packages: dict[str, str]
    calibration_seconds: float

    @cached_property
    def id(self) -> str:
        """Identity: hash of everything, calibration included."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, object]:
        """All fields by name."""
        return asdict(self)


def capture() -> Environment:
    """Look at this machine; takes about half a second, most of it calibration."""
    return Environment(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_mib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version for name in PACKAGES if (version := _version(name)) is not None},
        calibration_seconds=calibrate(),
    )


def calibrate() -> float:
    """Seconds of a fixed greedy allocation in plain Python and of fixed array work in NumPy, the best of three.

    The work is part of this file and not the project's allocator, so that it never changes with it. It has one
    thread: linear algebra on all cores would measure how busy they are.
    """
    return min(_work() for _ in range(3))


def _work() -> float:
    random = np.random.RandomState(20)
    fixed, shared = random.rand(200).tolist(), random.rand(200).tolist()
    series = random.rand(200_000)
    start = time.perf_counter()
    queue = [(-(a + b), 1, a, b) for a, b in zip(fixed, shared, strict=True)]
    heapq.heapify(queue)
    for _ in range(40_000):
        _, count, a, b = queue[0]
        heapq.heapreplace(queue, (-(a + b / (count + 1)), count + 1, a, b))
    for _ in range(4):
        series = np.sort(np.exp(-series))[::-1].cumsum() % 1.0
    return time.perf_counter() - start


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
