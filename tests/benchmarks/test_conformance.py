"""Each expectation of ``mecbench check`` has an algorithm that keeps all others and fails this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mecbench.benchmarks import check
from mecbench.benchmarks.conformance import EXPECTATIONS
from mecbench.problems.errors import InputError

HEAD = """
import os
import time
import numpy as np
from mecbench.problems.p_edge import Certificate, Solution
from mecbench.solvers import Outcome


def one_each(instance):
    return Solution(allocation=np.ones(instance.devices, dtype=int))


def f(instance, budget, seed):
"""


def write(folder: Path, body: str) -> str:
    """Write an algorithm with a body, and return its name."""
    path = folder / "mine.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in body.splitlines()))
    return f"{path}:f"


def test_a_sound_algorithm_passes(tmp_path: Path) -> None:
    """All expectations are looked at, and each says what it saw."""
    verdict = check(write(tmp_path, "return one_each(instance)"))
    assert verdict.passed
    assert [item.name for item in verdict.checks] == ["loads", *(name for name, _ in EXPECTATIONS)]
    assert verdict.problem == "p-edge"
    assert "mean gap of" in next(item.message for item in verdict.checks if item.name == "is feasible")


@pytest.mark.parametrize(
    ("body", "failing", "words"),
    [
        ("raise ZeroDivisionError('of all things')", {"runs"}, ("ZeroDivisionError: of all things", "mine.py, line 14")),
        pytest.param("while True: pass", {"runs"}, ("killed at its limit of 1 s", "budget.remaining"), marks=pytest.mark.slow),
        pytest.param("import no_such_package", {"runs"}, ("not installed: no_such_package", "requires"), marks=pytest.mark.slow),
        ("return np.ones(3)", {"returns a solution"}, ("found numpy.ndarray", "return a Solution of p-edge")),
        pytest.param(
            "return Solution(allocation=[1])",
            {"returns a solution"},
            ("one per device", "return a Solution of p-edge"),
            marks=pytest.mark.slow,
        ),
        ("return Solution(allocation=[99] * instance.devices)", {"is feasible"}, ("violates capacity", "evaluate.py")),
        ("return Outcome(one_each(instance), bound=1e6)", {"claims hold"}, ("claims the bound 1000000.0", "claim only what holds")),
        pytest.param(
            "return Outcome(one_each(instance), status='optimal')",
            {"claims hold"},
            ("is feasible", "return status 'feasible'"),
            marks=pytest.mark.slow,
        ),
        (
            "extra = np.random.default_rng().integers(instance.devices)\nshares = np.ones(instance.devices, dtype=int)\n"
            "shares[extra] += np.random.default_rng().integers(20)\nreturn Solution(allocation=shares)",
            {"is reproducible"},
            ("seed 0 differ", "default_rng(seed)"),
        ),
        ("if instance.devices > 8: time.sleep(9)\nreturn one_each(instance)", {"keeps to limits"}, ("given 0.5 s", "budget.report")),
        ("instance.fixed_cost[0] += 1\nreturn one_each(instance)", {"leaves its instance"}, ("changed fixed_cost", "copy")),
        ("print('x' * 20_000)\nreturn one_each(instance)", {"prints little"}, ("20001 characters", "10000")),
    ],
)
def test_each_expectation_can_fail_alone(tmp_path: Path, body: str, failing: set[str], words: tuple[str, ...]) -> None:
    """The line that fails says what was found and what to do; the others pass, or were not reached."""
    verdict = check(write(tmp_path, body))
    assert not verdict.passed
    assert {item.name for item in verdict.checks if item.passed is False} == failing
    message = next(item.message for item in verdict.checks if item.passed is False)
    assert all(word in message for word in words), message


def test_whoever_only_bounds_need_not_solve(tmp_path: Path) -> None:
    """An algorithm of kind bound passes without a solution, and is told how near its bounds are; without a bound it fails."""
    path, body = tmp_path / "mine.py", "    return Outcome(bound=float(instance.fixed_cost.max()))\n"
    lines = "class Loose:\n    kind, problem = 'bound', 'p-edge'\n\n    def solve(self, instance, budget, seed):\n    "
    path.write_text(HEAD.rpartition("def f")[0] + lines + body)
    verdict = check(f"{path}:Loose")
    assert verdict.passed
    assert "no solutions but bounds, of a mean gap of" in next(item.message for item in verdict.checks if item.name == "is feasible")
    path.write_text(path.read_text().replace(body, "    return Outcome()\n"))
    silent = check(f"{path}:Loose")
    assert [item.name for item in silent.checks if item.passed is False] == ["returns a solution"]


@pytest.mark.slow
def test_what_was_reported_in_time_counts(tmp_path: Path) -> None:
    """An algorithm that is killed keeps to its limits if it had reported an incumbent."""
    body = "budget.report(solution=one_each(instance))\nif instance.devices > 8: time.sleep(9)\nreturn one_each(instance)"
    verdict = check(write(tmp_path, body))
    assert verdict.passed
    assert "what it had reported counts" in next(item.message for item in verdict.checks if item.name == "keeps to limits")


@pytest.mark.slow
def test_whoever_gives_up_in_time_keeps_to_limits(tmp_path: Path) -> None:
    """Half a second may be too little for an honest solver: returning without a solution is no fault then."""
    verdict = check(write(tmp_path, "return Outcome(None if instance.devices > 8 else one_each(instance))"))
    message = next(item.message for item in verdict.checks if item.name == "keeps to limits")
    assert "without a solution" in message
    assert verdict.passed


def test_a_faulty_file_is_a_failed_check_and_no_file_is_bad_input(tmp_path: Path) -> None:
    """What an author can mend is a line of the verdict; what a caller mistyped is not."""
    (tmp_path / "mine.py").write_text("def f(instance): pass\n")
    verdict = check(f"{tmp_path / 'mine.py'}:f", "p-edge")
    assert [item.passed for item in verdict.checks] == [False, *[None] * len(EXPECTATIONS)]
    assert "expected to take (instance, budget, seed)" in verdict.checks[0].message
    with pytest.raises(InputError, match="readable Python file"):
        check(f"{tmp_path / 'nowhere.py'}:f")
    with pytest.raises(InputError, match="unknown algorithm"):
        check("p-edge/treshold")
