"""``pytest --benchmark`` in processes of its own, as a user types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mecbench.benchmarks.temp_suite import TempSuite, temp_suite

MINE = """
import os
import time
import numpy as np
from mecbench.problems.p_edge import Solution


def one_each(instance, budget, seed):
    return Solution(allocation=np.ones(instance.devices, dtype=int))


def even(instance, budget, seed):
    return Solution(allocation=np.full(instance.devices, instance.multiprocessors // instance.devices))


def wasteful(instance, budget, seed):
    return Solution(allocation=np.full(instance.devices, instance.multiprocessors))


def crash(instance, budget, seed):
    os._exit(3)


def hang(instance, budget, seed):
    while True:
        pass


def steady(instance, budget, seed):
    return even(instance, budget, seed)


def improving(instance, budget, seed):
    return one_each(instance, budget, seed)


def worsening(instance, budget, seed):
    return even(instance, budget, seed)


def violating(instance, budget, seed):
    return even(instance, budget, seed)


last = crash
"""
# The same names, other behaviour: what a later version of a user's file may do.
LATER = (
    MINE.replace("def steady(instance, budget, seed):\n", "def steady(instance, budget, seed):\n    time.sleep(0.5)\n")
    .replace("def improving(instance, budget, seed):\n    return one_each", "def improving(instance, budget, seed):\n    return even")
    .replace("def worsening(instance, budget, seed):\n    return even", "def worsening(instance, budget, seed):\n    return one_each")
    .replace("def violating(instance, budget, seed):\n    return even", "def violating(instance, budget, seed):\n    return wasteful")
)
SESSION = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]


def environment(**more: str) -> dict[str, str]:
    """Environment of a session that is no part of this one, nor of continuous integration, where pytest prints more."""
    return {key: value for key, value in os.environ.items() if key not in ("CI", "BUILD_NUMBER") and not key.startswith("PYTEST_")} | more


def session(folder: Path, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder."""
    command = [*SESSION, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment(**variables), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def suite() -> Iterator[TempSuite]:
    """Two instances, two seconds a run."""
    with temp_suite("p-edge/threshold", instances=["p-edge-tiny-nsg-0000", "p-edge-tiny-random-0000"], time_limit=2.0) as built:
        yield built


@pytest.fixture(scope="module")
def words(suite: TempSuite) -> Callable[..., list[object]]:
    """Return a function from functions of the user's file to the words that run them."""
    (suite.folder / "mine.py").write_text(MINE)

    def command(*names: str) -> list[object]:
        patterns = [name if "/" in name else f"{suite.folder / 'mine.py'}:{name}" for name in names]
        return [
            "--benchmark",
            "--benchmark-suite",
            suite.path,
            *(word for pattern in patterns for word in ("--benchmark-algorithms", pattern)),
        ]

    return command


@pytest.fixture(scope="module")
def first(suite: TempSuite, words: Callable[..., list[object]]) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Return a session with good and bad algorithms in a folder with a test of its own, and the JSON it wrote."""
    (suite.folder / "test_own.py").write_text("def test_own():\n    raise AssertionError('own test')\n")
    (suite.folder / "conftest.py").write_text(OWN_FIXTURE)
    names = ("p-edge/threshold", "steady", "improving", "worsening", "violating", "wasteful", "crash", "hang")
    written = suite.folder / "first.json"
    return session(suite.folder, *words(*names), "--benchmark-json", written), written


def test_the_leaderboard_is_printed_whatever_happens_to_items(first) -> None:  # type: ignore[no-untyped-def]
    """A crash and a hang are failed items with one sentence; gap and violations of everything stand in the tables."""
    done, _ = first
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "4 failed, 12 passed" in done.stdout
    assert "leaderboard of suite: 16 of 16 runs" in done.stdout
    assert re.search(r"1 +p-edge/threshold +(\w+ +)*0 %", done.stdout)
    assert re.search(r"mine.py:hang +(\w+ +)*100.00 %", done.stdout)
    assert re.search(r"mine.py:wasteful +capacity +2/2", done.stdout)
    assert done.stdout.count("crash: ended with exit code 3 without an outcome\n") == 2
    assert done.stdout.count("timeout: killed at its limit of 2 s\n") == 2
    assert "test_own" not in done.stdout
    assert "own fixture" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_json_says_what_came_of_each_run(first) -> None:  # type: ignore[no-untyped-def]
    """The extra information is there for failed items too, each run was done once, and no number is not a number."""
    written = json.loads(first[1].read_text(), parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    runs = {
        (entry["extra_info"]["algorithm"].rpartition(":")[2], entry["extra_info"]["instance"]): entry for entry in written["benchmarks"]
    }
    assert len(runs) == len(written["benchmarks"]) == 16
    assert {entry["stats"]["rounds"] * entry["stats"]["iterations"] for entry in runs.values()} == {1}
    described = {key: entry["extra_info"] for key, entry in runs.items()}
    exact = described["p-edge/threshold", "p-edge-tiny-nsg-0000"]
    assert (exact["gap"], exact["excess"], exact["status"], exact["bound_kind"], exact["seed"]) == (0.0, 0.0, "ok", "certified", 0)
    assert exact["bound"] == exact["objective"]
    assert exact["violations"] == {"least_share": 0.0, "capacity": 0.0}
    share = described["worsening", "p-edge-tiny-nsg-0000"]
    assert (share["bound"], share["bound_kind"]) == (None, "none")
    assert share["gap"] == pytest.approx(1 - exact["objective"] / share["objective"])
    assert described["wasteful", "p-edge-tiny-random-0000"]["violations"]["capacity"] > 1
    assert {described[name, "p-edge-tiny-nsg-0000"]["status"] for name in ("crash", "hang")} == {"crash", "timeout"}


@pytest.mark.slow
def test_a_baseline_fails_quality_and_forgives_time(suite: TempSuite, words, first) -> None:  # type: ignore[no-untyped-def]
    """Yesterday's JSON is today's baseline: worse gaps and new violations fail, slower runs and old failures do not."""
    (suite.folder / "mine.py").write_text(LATER)
    try:
        names = ("p-edge/equal-share", "steady", "improving", "worsening", "violating", "wasteful", "crash")
        done = session(suite.folder, *words(*names), "--benchmark-baseline", first[1])
    finally:
        (suite.folder / "mine.py").write_text(MINE)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "4 failed, 8 passed, 2 xfailed" in done.stdout
    failed = {line.split("mine.py:")[1].split("[")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {"worsening", "violating"}
    assert re.search(r"gap \d+\.\d+ %, \d+\.\d+ % in the baseline", done.stdout)
    assert "violates capacity by 7 relative to its right-hand side, which it did not in the baseline" in done.stdout


@pytest.mark.slow
def test_workers_share_one_leaderboard(suite: TempSuite, words) -> None:  # type: ignore[no-untyped-def]
    """Under pytest-xdist every run is done once, by one worker, and the controller prints them all."""
    done = session(suite.folder, *words("p-edge/threshold", "p-edge/equal-share", "crash"), "-n", "2")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "2 failed, 4 passed" in done.stdout
    assert done.stdout.count("leaderboard of suite: 6 of 6 runs") == 1
    assert re.search(r"p-edge/threshold +(\w+ +)*0 % .* 2/2 ", done.stdout)


@pytest.mark.slow
def test_any_folder_will_do_without_pytest_benchmark(words, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """In an empty folder below a project, with warnings as errors and no other plugin; a line says what is missing."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = nowhere\n")
    empty = tmp_path / "a" / "b"
    empty.mkdir(parents=True)
    plugin = ("-p", "mecbench.benchmarks.pytest_plugin", "-W", "error")
    done = session(empty, *plugin, *words("p-edge/threshold"), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert "leaderboard of suite: 2 of 2 runs" in done.stdout
    assert "pip install pytest-benchmark" in done.stdout
    assert "violations: none" in done.stdout
    assert "\nsuite .." in done.stdout
    assert list(empty.iterdir()) == []


LIAR = """
    from mecbench.problems.p_edge import Solution, evaluate
    from mecbench.solvers import Outcome

    def liar(instance, budget, seed):
        solution = Solution(allocation=[1] * instance.devices)
        return Outcome(solution, bound=evaluate(instance, solution).objective)
"""


@pytest.mark.slow
def test_a_contradiction_fails_the_session(tmp_path: Path) -> None:
    """A bound that only another item's solution refutes is nobody's failed item, and still an error of the whole."""
    with temp_suite(LIAR, "p-edge/threshold", instances=["p-edge/tiny:seed=20001"], time_limit=20.0) as suite:
        done = session(tmp_path, "--benchmark", "--benchmark-suite", suite.path)
    assert "2 passed" in done.stdout
    assert "liar claims the bound" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


OWN_FIXTURE = """
import pytest

@pytest.fixture(autouse=True, scope="module")
def own_fixture():
    raise AssertionError("own fixture")
"""
CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--benchmark", {action})
"""


@pytest.mark.parametrize("action", ["action='store_true'", pytest.param("default='none'", marks=pytest.mark.slow)])
def test_a_conftest_keeps_its_own_flag(words, tmp_path: Path, action: str) -> None:  # type: ignore[no-untyped-def]
    """Whoever defines --benchmark has it, flag or value; ours says how it can be reached, and is."""
    (tmp_path / "conftest.py").write_text(CONFTEST.format(action=action))
    (tmp_path / "test_own.py").write_text(
        "def test_own(pytestconfig):\n    assert pytestconfig.getoption('--benchmark') in (True, 'mine')\n"
    )
    given = ["--benchmark"] if "store" in action else ["--benchmark", "mine"]
    done = session(tmp_path, *given)
    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "--benchmark is what conftest.py defines here; for mecbench's leaderboard: --benchmark-suite quick" in done.stdout
    ours = session(tmp_path, *words("p-edge/threshold")[1:], "--collect-only", "-q")
    assert ours.returncode == pytest.ExitCode.OK, ours.stdout + ours.stderr
    assert "suite::p-edge/threshold[p-edge-tiny-nsg-0000]" in ours.stdout
    assert "test_own" not in ours.stdout


def test_without_the_flag_nothing_is_there(tmp_path: Path) -> None:
    """The plugin is loaded with every pytest of the environment: it collects nothing, and imports itself and nothing else."""
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n"
        "    assert {name for name in sys.modules if name.startswith('mecbench.')} == "
        "{'mecbench.benchmarks', 'mecbench.benchmarks.pytest_plugin'}\n"
        "    assert not {'numpy', 'pydantic', 'typer', 'rich', 'pandas'} & set(sys.modules)\n"
    )
    done = session(tmp_path)
    assert "1 passed" in done.stdout, done.stdout
    assert "leaderboard" not in done.stdout


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--benchmark", "--benchmark-suite", "quikc"], "ERROR: unknown suite 'quikc': the nearest suite names are quick"),
        (["--benchmark", "--benchmark-baseline", "none.json"], "ERROR: none.json: expected a file, found none"),
    ],
)
def test_bad_input_is_a_usage_error(tmp_path: Path, given: list[str], sentence: str) -> None:
    """One sentence and pytest's own exit code for it."""
    done = session(tmp_path, *given)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)])
def test_ctrl_c_keeps_what_is_done(words, suite: TempSuite, survivors: Any, tmp_path: Path, workers: list[str]) -> None:  # type: ignore[no-untyped-def]
    """The leaderboard shows the runs that were finished, and no process stays behind."""
    started = tmp_path / "started"
    (tmp_path / "slow.py").write_text(
        f"import pathlib, time\n\ndef slow(instance, budget, seed):\n    pathlib.Path({str(started)!r}).touch()\n    time.sleep(1000)\n"
    )
    command = [
        *words("p-edge/threshold"),
        "--benchmark-algorithms",
        f"{tmp_path / 'slow.py'}:slow",
        "--benchmark-suite",
        tmp_path / "long.toml",
    ]
    (tmp_path / "long.toml").write_text(
        'description = "one instance"\ntime_limit = 600.0\nmemory_limit = 1024\ninstances = ["p-edge-tiny-nsg-0000"]\n'
    )
    process = subprocess.Popen(
        [*SESSION, *map(str, command), *workers], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1.0 if workers else 0.0)  # the other worker finishes its own run
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, out
    assert "leaderboard of long: 1 of 2 runs" in out
    assert re.search(r"1 +p-edge/threshold +(\w+ +)*0 %", out)
    assert survivors(5.0) == []
