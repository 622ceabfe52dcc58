"""The calibration table of CMG: every figure is the evaluator's, averaged, beside the paper's."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from mecbench.benchmarks.studies.cmg_baselines import ALGORITHMS, BOUND, PAPER, STUDIED, Finding, beside_the_paper, markdown, run, summarise
from mecbench.problems.cmg import SIZES, evaluate, generate
from mecbench.solvers.catalogue import resolve
from mecbench.solvers.outcome import Budget

FINDING = Finding("paper", "random", "local", -1.5, 0.1, 53.0, 6.0, 0.4, 2.14, 0.0, 0.002)


def test_all_that_is_studied_exists() -> None:
    """Sizes and algorithms are those of the product, so that renaming one shows; the paper's rows are among the sizes."""
    assert set(STUDIED) <= set(SIZES)
    assert set(PAPER) <= set(STUDIED)
    assert all(resolve(f"cmg/{name}").text == f"cmg/{name}" for name in ALGORITHMS)


def test_figures_are_the_evaluators() -> None:
    """Means over instances, of regret each against its own bound; the interval is Student's."""
    instances = [generate(SIZES["tiny-scarce"], seed) for seed in range(3)]
    bounds = [10.0, 20.0, 30.0]
    found = summarise("tiny-scarce", run("greedy-myopic", instances, 1.0), bounds)
    verdicts = [evaluate(i, resolve("cmg/greedy-myopic").solve(i, Budget(1.0), 0).solution) for i in instances]
    rewards = np.array([verdict.metrics["reward"] for verdict in verdicts])
    assert found.reward == pytest.approx(rewards.mean(), rel=1e-12)
    assert found.interval == pytest.approx(4.302653 * rewards.std(ddof=1) / math.sqrt(3), rel=1e-6)
    assert found.regret == pytest.approx(np.mean([1.0 - v.objective / bound for v, bound in zip(verdicts, bounds, strict=True)]), rel=1e-12)
    assert (found.sees, found.feasible, found.ecpr) == ("central", 1.0, 0.0)


@pytest.mark.slow
def test_the_last_one_bounds() -> None:
    """It is hardly below its own bounds; others claim none, and who never asks has no success."""
    assert ALGORITHMS[-1] == BOUND
    instances = [generate(SIZES["tiny"], 0)]
    bounded, local = run(BOUND, instances, 0.5), run("local-myopic", instances, 0.5)
    assert 0.0 <= summarise("tiny", bounded, bounded.bounds).regret < 1e-3
    assert math.isinf(local.bounds[0])
    found = summarise("tiny", local, bounded.bounds)
    assert math.isnan(found.interval)
    assert math.isnan(found.sor)


def test_tables_show_what_was_found() -> None:
    """A row per algorithm, empty where nothing was asked; the paper's figures beside ours, sizes that were not run left out."""
    table = markdown([FINDING, dataclasses.replace(FINDING, algorithm="local-myopic", sor=math.nan)]).splitlines()
    assert table[2] == "| random | local | -1.500 | 0.100 | 214.00 % | 53.00 % | 6.0 % | 0.40 | 0 % | 2.0 |"
    assert "| 53.00 % |  | 0.40 |" in table[3]
    findings = {name: dataclasses.replace(FINDING, algorithm=name, reward=float(place)) for place, name in enumerate(ALGORITHMS)}
    lines = beside_the_paper({"paper": findings}).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| paper | 1.27 | 0.415 % | 86.3 % | 0.000 | 5.000 | 6.000 |")
