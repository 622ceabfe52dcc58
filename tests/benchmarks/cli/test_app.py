from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from mecbench.problems.errors import InputError

VERBS = ("list", "show", "generate", "export", "solve", "verify", "run", "check", "compare", "leaderboard", "report")
HEAVY = ("pandas", "plotly", "numba", "jinja2", "scipy.optimize", "pyomo", "highspy", "ortools", "pyscipopt", "cvxpy", "torch")


@pytest.mark.parametrize("words", [("--help",), *(("list", what) for what in ("problems", "suites", "instances", "algorithms"))])
def test_looking_around_imports_nothing_heavy(words) -> None:  # type: ignore[no-untyped-def]
    """Help and lists answer at once, and need no solver to be importable."""
    code = f"import sys; from mecbench.benchmarks.cli import main; main({list(words)}); "
    code += f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_help_needs_no_numpy() -> None:
    """Help is what is asked for most often."""
    code = "import sys; from mecbench.benchmarks.cli import main; main(['--help']); print('numpy' in sys.modules, file=sys.stderr)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.strip() == "False"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_and_json(mecbench, verb) -> None:  # type: ignore[no-untyped-def]
    """A newcomer sees a command that works, and a script finds the machine's form."""
    answer = mecbench(verb, "--help")
    assert answer.code == 0
    assert f"Example: mecbench {verb} " in answer.out
    assert "--json" in answer.out


def test_help_names_every_verb(mecbench) -> None:  # type: ignore[no-untyped-def]
    """The start page is complete."""
    answer = mecbench("--help")
    assert answer.code == 0
    assert all(f" {verb} " in answer.out for verb in VERBS)


def test_version(mecbench) -> None:  # type: ignore[no-untyped-def]
    """Bug reports need it."""
    assert mecbench("--version").out == f"mecbench {version('mecbench')}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("run",), "Missing argument"),
        (("run", "quick", "--frobnicate"), "No such option: --frobnicate"),
        (("run", "quick", "--jobs", "none"), "Invalid value for '--jobs'"),
        (("run", "quick", "--jobs", "0"), "Invalid value for '--jobs'"),
        (("run", "quick", "--time-limit", "nan"), "Invalid value for '--time-limit'"),
        (("solve", "p-edge-tiny-nsg-0000", "--time-limit", "inf"), "Invalid value for '--time-limit': expected a finite number, found inf"),
        (("list", "everything"), "Invalid value"),
        (("export", "p-edge-tiny-nsg-0000", "--format", "doc", "--out", "x"), "'doc' is not one of 'mps', 'lp', 'nl', 'cip'"),
    ],
)
def test_wrong_words_are_one_sentence(refused, words, sentence) -> None:  # type: ignore[no-untyped-def]
    """A typing error gets an answer that fits on a line."""
    assert sentence in refused(*words)


def test_a_programming_error_is_not_hidden(mecbench, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Only bad input is excused: an error of ours keeps its traceback."""

    def fail() -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr("mecbench.problems.names", fail)
    with pytest.raises(ZeroDivisionError):
        mecbench("list", "problems")
    assert not issubclass(ZeroDivisionError, InputError)


def test_ctrl_c_ends_a_run_and_the_same_command_resumes(workplace: Path, tmp_path: Path, mecbench) -> None:  # type: ignore[no-untyped-def]
    """Exit code 130, no traceback, what is done is kept, and nothing of it lives on."""
    words = ["run", str(workplace / "demo.toml"), "--out", str(tmp_path), "--jobs", "1"]
    words += ["--algorithms", "p-edge/threshold", "--algorithms", f"{workplace / 'mine.py'}:endless"]
    code = "import sys; from mecbench.benchmarks.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while _records(mecbench, tmp_path) < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "1 of 4 runs done" in out
    assert "the same command again" in out
    plan = mecbench(*words, "--dry-run", "--json").json
    assert (plan["held"], len(plan["runs"])) == (1, 3)


def _records(mecbench, folder: Path) -> int:  # type: ignore[no-untyped-def]
    """Number of runs in a store, 0 while there is none."""
    answer = mecbench("leaderboard", folder, "--json")
    return sum(row["runs"] for row in answer.json["leaderboard"]) if answer.code == 0 else 0
