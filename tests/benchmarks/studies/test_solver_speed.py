from __future__ import annotations

import dataclasses

import pytest

from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.studies.solver_speed import METHODS, Repeated, Timing, markdown, measure
from mecbench.solvers import resolve


@pytest.mark.slow
def test_a_quick_method_is_repeated_and_an_unfinished_one_says_at_least() -> None:
    """A median over many calls for microseconds, and never a limit printed as if it were a result."""
    with Pool() as pool:
        quick = measure("greedy-marginal", "nsg-cuts", 20, 256, 30.0, pool)
        slow = measure("milp-onehot", "nsg-cuts", 60, 256, 1.0, pool)
    assert (quick.finished, quick.status) == (True, "ok")
    assert quick.excess == 0.0
    assert quick.repeats > 1
    assert not slow.finished
    row = markdown([quick, slow]).splitlines()
    assert len(row) == 4
    assert "at least" not in row[2]
    assert "at least" in row[3]


def test_cells_tell_results_from_failures() -> None:
    """Time, distance from the optimum, and what went wrong each have their words."""
    timing = Timing("scip", "nsg-cuts", 5, 256, 0.0123, 1, True, "ok", 0.0)
    assert "| 12 ms |" in markdown([timing])
    assert "| 12 ms, 5 % above |" in markdown([dataclasses.replace(timing, excess=0.05)])
    unfinished = dataclasses.replace(timing, seconds=60.0, finished=False, excess=None, status="timeout")
    assert "| at least 60 s, nothing found |" in markdown([unfinished])
    assert "| out of memory after 60 s |" in markdown([dataclasses.replace(unfinished, status="memout")])


def test_every_method_is_measured_with_what_it_requires() -> None:
    """The harness picks the warm process by the packages, so the wrapper must name those of the method it repeats."""
    for method in METHODS:
        assert Repeated(method).requires == resolve(f"p-edge/{method}").requires
