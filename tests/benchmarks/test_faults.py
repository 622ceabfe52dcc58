"""Whatever an algorithm does, its run ends in time as a record with the right status, and nothing of it stays alive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.harness import Summary
from mecbench.benchmarks.plan import Plan
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.store import Store

pytestmark = pytest.mark.slow

LIMIT = 1.0  # seconds
KILL = 2.5  # seconds that the issue allows for ending a run

# Fault: status, what the message or the log says.
EXPECTED = {
    "python_loop": ("timeout", "limit of 1 s"),
    "fruitless_loop": ("timeout", "limit of 1 s"),
    "c_loop": ("timeout", "limit of 1 s"),
    "many_incumbents": ("timeout", "limit of 1 s"),
    "deaf": ("timeout", "limit of 1 s"),
    "left_child": ("ok", ""),
    "left_grandchild": ("ok", ""),
    "looping_grandchild": ("timeout", "limit of 1 s"),
    "eight_gigabytes": ("memout", "Unable to allocate"),
    "growing": ("memout", "Unable to allocate|limit of 1024 MiB"),
    "growing_family": ("memout", "limit of 1024 MiB"),
    "segfault": ("crash", "SIGSEGV"),
    "silent_exit": ("crash", "exit code 0 without an outcome"),
    "system_exit": ("crash", "SystemExit"),
    "exception": ("crash", "where is the edge"),
    "not_a_number": ("invalid-output", "field allocation: expected integers"),
    "refused_not_a_number": ("invalid-output", "allocation"),
    "bound_not_a_number": ("invalid-output", "bound: expected a number, found nan"),
    "wrong_shape": ("invalid-output", "expected 6 integers, one per device, found 7"),
    "wrong_type": ("invalid-output", "expected a Solution"),
    "nothing": ("invalid-output", "expected a solution, found none"),
    "infeasible": ("infeasible", "violates capacity"),
    "bound_beyond": ("wrong-claim", "claims the bound"),
    "false_certificate": ("wrong-claim", "is not a lower bound"),
    "chatty": ("ok", ""),
    "undeclared_package": ("skipped", "not installed: no_such_package"),
    "DeclaredPackage": ("skipped", "not installed: no_such_package, nor_this_one"),
    "garbage_in_the_pipe": ("crash", "SIGKILL"),
    "kills_warm_process": ("crash", "warm process was lost"),
    "stops_warm_process": ("crash", "warm process was lost"),
}


@pytest.fixture(scope="module")
def job(
    planned: Callable[..., Plan], marker: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Record], list[Record], Summary]:
    """Run every fault beside sound algorithms, all in one job."""
    late = [name for name, (status, _) in EXPECTED.items() if status == "timeout" or name == "stops_warm_process"]
    quick = planned(*late, time_limit=LIMIT)
    slow = planned(*(name for name in EXPECTED if name not in late), time_limit=20.0)  # a busy machine needs its time
    faulty, sound = Plan(quick.runs + slow.runs, ()), planned("sound", "p-edge/threshold", count=4, time_limit=20.0)
    with Store(tmp_path_factory.mktemp("store")) as store:
        summary = harness.run(Plan(faulty.runs + sound.runs, ()), store, jobs=6)
        records = list(store.records())
    by_name = {record.algorithm.rpartition(":")[2]: record for record in records if record.key in {spec.key for spec in faulty.runs}}
    return by_name, [record for record in records if record.key in {spec.key for spec in sound.runs}], summary


@pytest.mark.parametrize("fault", EXPECTED)
def test_status(fault: str, job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """Each fault has its own status and says why, since a row that only says "failed" helps nobody."""
    status, reason = EXPECTED[fault]
    record = job[0][fault]
    assert record.status == status, (record.message, record.log_tail)
    assert re.search(reason, record.message), record.message
    assert record.wall_seconds <= record.time_limit + KILL


def test_nothing_else_is_lost(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """Sound runs of the same job are what they would be alone: a fault costs its own run only."""
    assert [record.status for record in job[1]] == ["ok"] * 8
    assert len(job[0]) == len(EXPECTED)


def test_no_survivor(job: tuple[dict[str, Record], list[Record], Summary], survivors: Callable[..., list[str]]) -> None:
    """Neither runs nor warm processes outlive the job, however they detached themselves."""
    assert survivors(1.0) == []


def test_summary_and_exit_code(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """The summary counts every status and the exit code tells a script that something failed."""
    summary = job[2]
    assert summary.done == summary.planned == len(EXPECTED) + 8
    expected = [status for status, _ in EXPECTED.values()] + ["ok"] * 8
    assert summary.statuses == {status: expected.count(status) for status in set(expected)}
    failures = {name for name, record in job[0].items() if record.key in summary.failed}
    results = {name for name, (status, _) in EXPECTED.items() if status in ("ok", "infeasible", "skipped")}
    assert failures == set(EXPECTED) - results - {"python_loop", "many_incumbents"}  # these two had a feasible solution
    assert summary.exit_code == 1


def test_limit_keeps_the_best_incumbent(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """What was reported before a limit is evaluated and kept; killing a run must not void its work."""
    record = job[0]["python_loop"]
    assert record.feasible
    assert record.solution == {"allocation": [1] * 6}
    assert (record.bound, record.bound_kind) == (0.0, "solver")
    assert [(objective, bound) for _, objective, bound in record.trace] == [(record.objective, 0.0)]
    assert job[0]["fruitless_loop"].objective is None


def test_last_incumbent_survives_the_cap(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """Thousands of reports make a short trace, yet the last one, the best, is there though C code never let go."""
    record = job[0]["many_incumbents"]
    assert record.solution is not None
    assert max(record.solution["allocation"]) == 2
    assert len(record.trace) < 100
    assert record.trace[-1][1] == record.objective == min(point[1] for point in record.trace if point[1] is not None)


def test_infeasible_keeps_its_figures(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """An infeasible row keeps objective and violations, and its gap is a failure's."""
    record = job[0]["infeasible"]
    assert record.objective is not None
    assert record.violations["capacity"]["absolute"] == 5 * 32
    assert record.violation == 5.0
    assert not record.feasible
    assert record.gap == 1.0


def test_log_tail(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """The log keeps the end of what was printed, however much it was, and says where a crash happened."""
    assert job[0]["chatty"].log_tail.endswith("the last line\n")
    assert len(job[0]["chatty"].log_tail) <= 65536
    assert "just before" in job[0]["segfault"].log_tail
    assert "in segfault" in job[0]["segfault"].log_tail
    assert "LookupError" in job[0]["exception"].log_tail


def test_memory_is_measured(job: tuple[dict[str, Record], list[Record], Summary]) -> None:
    """Peak memory is that of all processes of a run together."""
    assert job[0]["growing_family"].peak_memory_mib > 1024
    assert 0 < job[0]["chatty"].peak_memory_mib < 512


def test_store_is_whole(job: tuple[dict[str, Record], list[Record], Summary], faults: Path) -> None:
    """Every record carries what its key was made of, so that it can be checked and repeated."""
    for record in job[0].values():
        assert record.time_limit in (LIMIT, 20.0)
        assert record.version.startswith("sha256:")
        assert record.algorithm.startswith(str(faults))
        assert (record.memory_limit, record.threads, record.seed) == (1024, 1, 0)
        assert record.environment
