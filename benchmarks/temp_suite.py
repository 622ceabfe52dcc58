"""A suite for the length of a test: instances by name, algorithms as the text that a user would type into a file."""

from __future__ import annotations

import ast
import json
import tempfile
import textwrap
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.selection import Selection, read_instances, select
from mecbench.benchmarks.store import Store
from mecbench.instances.files import StoredInstance, save_instance
from mecbench.instances.library import load
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError

__all__ = ["TempSuite", "temp_suite"]


@dataclass(frozen=True)
class TempSuite:
    """What is needed to run a suite, by hand or by the command line.

    Attributes
    ----------
    folder
        Holds everything; gone when the suite's context ends.
    path
        The suite's file, for ``mecbench run`` or ``pytest --benchmark-suite``.
    algorithms
        Names as ``--algorithms`` takes them, in the order in which they were given.
    results
        Folder of the store that `run` writes.
    """

    folder: Path
    path: Path
    algorithms: tuple[str, ...]
    results: Path

    def plan(self, held: Container[str] = frozenset(), **limits: Any) -> Plan:
        """Plan all runs that are not held; `limits` as for `Selection.plan`."""
        suite = load_suite(self.path)
        instances = read_instances(suite)
        return Selection(suite, instances, select(suite, (), instances)).plan(held, **limits)

    def run(self, **limits: Any) -> list[Record]:
        """Do all runs through the harness, in processes of their own, and return their records in the order of the plan."""
        specs = self.plan(**limits).runs
        with Store(self.results) as store:
            harness.run(self.plan(store.finished(), **limits), store)
            records = {record.key: record for record in store.records()}
        return [records[spec.key] for spec in specs]


@contextmanager
def temp_suite(
    *algorithms: str,
    instances: Sequence[str | StoredInstance] = ("p-edge-tiny-nsg-0000",),
    seeds: int = 1,
    time_limit: float = 5.0,
    memory_limit: int = 1024,
) -> Iterator[TempSuite]:
    """Build a suite in a folder of its own.

    Parameters
    ----------
    algorithms
        Each is a name, as ``p-edge/threshold``, or the source text of a file whose last function or class is the
        algorithm; common indentation is taken away.
    instances
        Each is a name of the library, a file, a reference as ``p-edge/tiny:seed=7``, or an instance.
    seeds, time_limit, memory_limit
        As in a suite's file [1, s, MiB].

    Raises
    ------
    InputError
        If an instance does not exist, or a source text defines nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mecbench-suite-") as name:
        folder = Path(name)
        texts = tuple(_write_algorithm(text, folder) if "\n" in text else text for text in algorithms)
        files = [_write_instance(item, folder) for item in instances]
        path = folder / "suite.toml"
        lines = {
            "description": "for a test",
            "time_limit": time_limit,
            "memory_limit": memory_limit,
            "seeds": seeds,
            "algorithms": list(texts),
            "instances": files,
        }
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()), encoding="utf-8")
        yield TempSuite(folder, path, texts, folder / "results")


def _write_algorithm(text: str, folder: Path) -> str:
    source = textwrap.dedent(text)
    named = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if not named:
        raise InputError(f"source of an algorithm: expected a function or a class, found none in {source.strip():.60}")
    path = folder / f"{named[-1]}.py"
    path.write_text(source, encoding="utf-8")
    return f"{path}:{named[-1]}"


def _write_instance(item: str | StoredInstance, folder: Path) -> str:
    stored = load(item) if isinstance(item, str) else item
    save_instance(stored, folder / f"{stored.name}.json")
    return f"{stored.name}.json"
