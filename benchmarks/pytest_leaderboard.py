"""``pytest --benchmark``: one item per run, and the leaderboard at the end.

An item does its run through the harness exactly once. Records go to a store that lasts as long as pytest does and that
the workers of pytest-xdist share; to keep one and to take it up again there is ``mecbench run``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mecbench.benchmarks.baseline import Baseline, describe
from mecbench.benchmarks.environment import capture
from mecbench.benchmarks.frame import Reference, contradictions, to_frame
from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.pytest_plugin import SUITE
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.run import run
from mecbench.benchmarks.selection import Selection, read_instances, select
from mecbench.benchmarks.store import Store
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Board", "Leaderboard"]


class Leaderboard:
    """The plugin that stands in while a leaderboard is made.

    Parameters
    ----------
    config
        Of the only process, of the controller that has workers, or of a worker.

    Raises
    ------
    InputError
        If suite, algorithms or baseline cannot be read, or pytest is too old.
    """

    def __init__(self, config: pytest.Config) -> None:
        if not hasattr(pytest, "Directory"):  # and no pytest_collect_directory
            raise InputError(f"pytest --benchmark: expected pytest 8 or later, found {pytest.__version__}")
        suite = load_suite(config.getoption("mecbench_suite", None) or SUITE)
        instances = read_instances(suite)
        selection = Selection(suite, instances, select(suite, config.getoption("mecbench_algorithms", None) or [], instances))
        baseline = config.getoption("mecbench_baseline", None)
        self.suite = suite
        self.specs = selection.plan().runs
        self.timed = config.pluginmanager.hasplugin("benchmark")
        self._baseline = None if baseline is None else Baseline.read(baseline, self.specs)
        self._known = {item.instance.sha256: Reference.of(item.instance) for item in instances}
        self._worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._pool = Pool()
        if self._worker is None:
            folder = tempfile.TemporaryDirectory(prefix="mecbench-")
            config.add_cleanup(folder.cleanup)
            self._folder = Path(folder.name)
        else:
            self._folder = Path(self._worker["mecbench_store"])
        self._store = Store(self._folder)
        config.add_cleanup(self._store.close)
        config.add_cleanup(self._pool.close)
        config.args = [str(config.rootpath)]  # whatever folder this is, see pytest_collect_directory
        if self.timed:
            config.option.benchmark_quiet = True  # a row of times per run would bury the leaderboard

    @cached_property
    def environment(self) -> str:
        """Id of this machine's description, which is written to the store once for all processes."""
        if self._worker is not None:
            return str(self._worker["mecbench_environment"])
        environment = capture()
        self._store.add_environment(environment)
        self._store.add_instances(self.specs)
        return environment.id

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a new worker of pytest-xdist where the store is."""
        node.workerinput["mecbench_store"] = str(self._folder)
        node.workerinput["mecbench_environment"] = self.environment

    def pytest_report_header(self) -> list[str]:
        """Say what takes the place of the folder's tests."""
        algorithms, instances = (len({getattr(spec, name) for spec in self.specs}) for name in ("algorithm", "instance_sha256"))
        lines = [
            f"mecbench: suite {self.suite.name}, {algorithms} algorithms on {instances} instances, {len(self.specs)} runs of at most "
            f"{self.suite.time_limit:g} s and {self.suite.memory_limit} MiB; this folder's own tests are not collected"
        ]
        if not self.timed:
            lines.append("mecbench: without pytest-benchmark there is no --benchmark-json (pip install pytest-benchmark)")
        return lines

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Put the leaderboard in the place of the only folder that is collected."""
        if not isinstance(parent, pytest.Session):
            return None
        # pytest shows names relative to where it was started, as if the suite were a file there.
        here = parent.config.invocation_params.dir
        place = here.relative_to(path) if here.is_relative_to(path) else Path()
        board: Board = Board.from_parent(parent, name=self.suite.name, path=path, nodeid=(place / self.suite.name).as_posix())
        board.leaderboard = self
        return board

    def test(self, spec: RunSpec) -> Callable[..., None]:
        """Body of an item; pytest fills in the fixture of pytest-benchmark by its name."""

        def once() -> Record:
            return run(spec, self._pool)

        def timed(benchmark: Any) -> None:
            environment = self.environment
            record = replace(benchmark.pedantic(once, rounds=1), environment=environment)
            benchmark.extra_info.update(describe(record, self._known.get(spec.instance_sha256)))
            self._conclude(record)

        def untimed() -> None:
            self._conclude(replace(once(), environment=self.environment))

        return timed if self.timed else untimed

    def _conclude(self, record: Record) -> None:
        """Keep a record and turn it into the item's outcome."""
        self._store.add(record)
        if record.status == "skipped":
            pytest.skip(record.message)
        then = None if self._baseline is None else self._baseline.find(record)
        if then is not None and (sentence := then.worsening(describe(record, self._known.get(record.instance_sha256)))):
            pytest.fail(sentence, pytrace=False)
        if record.failed:
            sentence = f"{record.status}: {record.message}"
            if then is not None and then.failed:
                pytest.xfail(f"as in the baseline, {sentence}")
            pytest.fail(sentence, pytrace=False)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail if two runs contradict each other, which no single item can see."""
        if self._worker is None and session.exitstatus == pytest.ExitCode.OK and contradictions(self._store, known=self._known):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the leaderboard of whatever has been done."""
        if terminalreporter.config.getoption("collectonly", False):
            return
        from mecbench.benchmarks.cli.results import board_of, print_board

        scored, board = board_of(to_frame(self._store, self._known))
        terminalreporter.section(f"leaderboard of {self.suite.name}: {len(scored)} of {len(self.specs)} runs")
        with redirect_stderr(sys.stdout):
            print_board(scored, board)
            _print_violations(scored)


class Board(pytest.Collector):
    """Collector of a suite's runs."""

    leaderboard: Leaderboard

    def collect(self) -> Iterator[pytest.Item]:
        """One item per run, in the order of the plan."""
        repeated = len({spec.seed for spec in self.leaderboard.specs}) > 1
        for spec in self.leaderboard.specs:
            name = f"{spec.algorithm}[{spec.instance}{f'-seed{spec.seed}' if repeated else ''}]"
            item = _Run.from_parent(self, name=name, callobj=self.leaderboard.test(spec))
            item.fixturenames[:] = ["benchmark"] if self.leaderboard.timed else []  # none that the folder's conftest.py gives to all
            yield item


class _Run(pytest.Function):
    """Item of one run; its place is its name, not the line of this file that serves them all."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def _print_violations(scored: pd.DataFrame) -> None:
    """Print which constraints were violated by whom, how often and by how much."""
    from mecbench.benchmarks.cli.console import print_table
    from mecbench.reports.wording import quantity

    broken = scored[~scored["feasible"] & scored["violation"].notna()]
    if broken.empty:
        print("violations: none, every solution is feasible")
        return
    rows = []
    for algorithm, runs in broken.groupby("algorithm"):
        families = sorted({family for cell in runs["violations"] for family, relative in cell.items() if relative > 0})
        for family in families:
            relative = [cell[family] for cell in runs["violations"] if cell.get(family, 0) > 0]
            all_runs = int(scored["algorithm"].eq(algorithm).sum())
            rows.append(
                {
                    "violations": str(algorithm),
                    "constraint": family,
                    "runs": f"{len(relative)}/{all_runs}",
                    "largest, relative": quantity(max(relative)),
                }
            )
    print_table(rows, left=("violations", "constraint"))
