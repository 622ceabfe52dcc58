"""The dual of Dantzig and Wolfe by column generation and by ascent: one supremum, and nobody above it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from mecbench.problems.p_marl.pricing import packing_values
from mecbench.solvers.p_marl.column_generation import ColumnGeneration
from mecbench.solvers.p_marl.dantzig_wolfe import Ascent


def draw(seed):
    """A packing of six devices into three edges that is too tight, and the supremum of its dual by all packings at once."""
    random = np.random.default_rng(seed)
    weight, capacity = random.integers(4, 12, (6, 3)), np.array([11, 12, 10])
    columns = [
        np.append(np.isin(np.arange(6), subset), np.arange(3) == n)
        for n in range(3)
        for size in range(1, 4)
        for subset in combinations(range(6), size)
        if weight[list(subset), n].sum() <= capacity[n]
    ]
    served = np.array(columns, dtype=float).T
    matrix = np.column_stack((np.append(np.ones(6), np.zeros(3)), served))
    signed = np.vstack((-matrix[:6], matrix[6:]))
    limits = np.append(-np.ones(6), np.ones(3))
    cost = np.append(1.0, np.zeros(len(columns)))
    solved = linprog(cost, signed, limits, bounds=[(None, None), *[(0, None)] * len(columns)])
    return np.where(weight > capacity, 20, weight), capacity, 6 * solved.fun


@pytest.mark.parametrize("seed", range(6))
def test_duals_meet_the_master_of_all_packings(seed):
    """Both prove what the master of all packings proves, with values that are worth what they say; its supremum is in between."""
    weight, capacity, supremum = draw(seed)
    generation, ascent = (dual(weight, capacity, np.ones(6)) for dual in (ColumnGeneration, Ascent))
    for dual in (generation, ascent):
        best = dual.run(500)
        assert best.proves == (supremum > 1e-6)
        assert best.surplus <= supremum + 1e-9
        found = best.device.sum() - sum(packing_values(best.device, weight[:, [n]], int(capacity[n]))[0] for n in range(3))
        assert found == pytest.approx(best.surplus, abs=1e-9)
    assert generation.limit >= supremum - 1e-9


def test_column_generation_knows_when_nothing_can_be_proved():
    """Where everybody fits it ends by itself, with a limit of at most zero."""
    weight, capacity = np.full((6, 3), 2), np.full(3, 5)
    dual = ColumnGeneration(weight, capacity, np.arange(1.0, 7.0))
    best = dual.run(500)
    assert dual.ended
    assert not best.proves
    assert dual.limit <= 1e-6
