"""A plan holds each run once, under a key that changes with everything its result depends on and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks.plan import Plan, content_key, plan
from mecbench.instances.files import StoredInstance
from mecbench.instances.suites import load_suite, suite_names
from mecbench.solvers.catalogue import known, resolve

SAME: dict[str, Any] = {
    "instance_sha256": "a" * 64,
    "algorithm": "p-edge/threshold",
    "version": 1,
    "seed": 0,
    "time_limit": 5.0,
    "memory_limit": 1024,
    "threads": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"instance_sha256": "b" * 64},
        {"algorithm": "p-edge/threshold:batched=1"},
        {"version": 2},
        {"version": "sha256:1"},
        {"seed": 1},
        {"time_limit": 6.0},
        {"memory_limit": None},
        {"threads": 2},
    ],
)
def test_key_changes(change: dict[str, Any]) -> None:
    """Anything that can change a result makes another run of it, or a resumed job would mix two experiments."""
    assert content_key(**SAME | change) != content_key(**SAME)


def test_key_is_stable() -> None:
    """Keys are stable across releases, or every stored run would be done again; a limit of 5 is a limit of 5.0."""
    assert content_key(**SAME) == "312824a2af1c930c36aee7d1c4fb9334c27fdc6f156202165a331037240a88ef"
    assert content_key(**SAME | {"time_limit": 5}) == content_key(**SAME)


def test_names_do_not_matter(instances: list[StoredInstance]) -> None:
    """Renaming an instance, or running it for another suite, voids nothing."""
    options: dict[str, Any] = {"time_limit": 1.0}
    algorithms = [resolve("p-edge/threshold")]
    first = plan(instances[:1], algorithms, suite="a", **options)
    second = plan([replace(instances[0], name="renamed")], algorithms, suite="b", **options)
    assert [run.key for run in first.runs] == [run.key for run in second.runs]


def test_product(planned: Callable[..., Plan]) -> None:
    """Every algorithm meets every instance with every seed, each once however often it is named."""
    runs = planned("p-edge/threshold", "sound", "sound", count=3, seeds=(0, 1)).runs
    assert len(runs) == len({run.key for run in runs}) == 3 * 2 * 2
    assert len({(run.instance, run.algorithm, run.seed) for run in runs}) == 12


def test_other_problems(instances: list[StoredInstance]) -> None:
    """An algorithm meets instances of its own problem only."""
    assert plan([replace(instances[0], problem="other")], [resolve("p-edge/threshold")], time_limit=1.0) == Plan((), ())


def test_held(planned: Callable[..., Plan]) -> None:
    """What the store holds is not run again but still belongs to the job."""
    runs = planned("p-edge/threshold", count=4).runs
    rest = planned("p-edge/threshold", count=4, held={runs[0].key, runs[2].key, "other"})
    assert rest.runs == (runs[1], runs[3])
    assert rest.held == (runs[0].key, runs[2].key)


def test_users_file(instances: list[StoredInstance], tmp_path: Path) -> None:
    """Editing a user's file makes new runs of it."""
    keys = set()
    for text in ("def f(instance, budget, seed): return 1", "def f(instance, budget, seed): return 2"):
        (tmp_path / "own.py").write_text(text)
        keys.add(plan(instances[:1], [resolve(f"{tmp_path}/own.py:f", "p-edge")], time_limit=1.0).runs[0].key)
    assert len(keys) == 2


def test_specs_travel(planned: Callable[..., Plan]) -> None:
    """A spec is plain data that reaches a cluster's worker unchanged."""
    run = planned("p-edge/threshold", references={}).runs[0]
    assert pickle.loads(pickle.dumps(run)) == run


def test_suites_name_algorithms_that_exist() -> None:
    """An algorithm that is renamed must not come back into a suite that leaves it out."""
    for suite in suite_names():
        for pattern in load_suite(suite).algorithms:
            name = pattern.removeprefix("!").partition(":")[0]
            assert any(fnmatchcase(algorithm, name) for algorithm in known()), (suite, pattern)
