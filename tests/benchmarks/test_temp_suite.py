"""A suite inside a test: what CONTRIBUTING promises in ten lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from mecbench.benchmarks.temp_suite import temp_suite
from mecbench.instances.suites import load_suite
from mecbench.problems.errors import InputError

ONE_EACH = """
    from mecbench.problems.p_edge import Solution

    def helper(instance):
        return [1] * instance.devices

    def one_each(instance, budget, seed):
        return Solution(allocation=helper(instance))
"""


def test_a_suite_runs_and_leaves_nothing() -> None:
    """Names and source texts meet instances of any origin; afterwards the folder is gone."""
    instances = ("p-edge-tiny-nsg-0000", "p-edge/tiny:seed=7")
    with temp_suite("p-edge/threshold", ONE_EACH, instances=instances, time_limit=30.0) as suite:
        records = suite.run()
        assert load_suite(suite.path).time_limit == 30.0
        assert suite.algorithms == ("p-edge/threshold", f"{suite.folder / 'one_each.py'}:one_each")
    assert [record.algorithm for record in records] == [*suite.algorithms] * 2
    assert [record.status for record in records] == ["ok"] * 4
    assert [record.bound_kind for record in records] == ["certified", "none"] * 2
    assert records[1].objective > records[0].objective  # type: ignore[operator]
    assert not suite.folder.exists()


def test_a_suite_is_a_plan_with_its_own_limits() -> None:
    """Seeds and limits are those that were given, and a plan starts no process."""
    with temp_suite(ONE_EACH, seeds=3, time_limit=7.0, memory_limit=300) as suite:
        specs = suite.plan().runs
        assert [spec.seed for spec in specs] == [0, 1, 2]
        assert {(spec.time_limit, spec.memory_limit) for spec in specs} == {(7.0, 300)}
        assert [spec.time_limit for spec in suite.plan(seeds=1, time_limit=2).runs] == [2.0]


@pytest.mark.parametrize(
    ("algorithm", "instance", "message"),
    [("\nx = 3\n", "p-edge-tiny-nsg-0000", "expected a function or a class"), (ONE_EACH, "p-edge-tiny-nowhere", "unknown instance")],
)
def test_what_cannot_be_built_is_refused(algorithm: str, instance: str, message: str, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """A slip in a test is one sentence, and no folder stays behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError, match=message), temp_suite(algorithm, instances=[instance]):
        raise AssertionError("must not be built")
    assert not list(tmp_path.iterdir())
