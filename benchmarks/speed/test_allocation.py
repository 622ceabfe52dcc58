"""Exact allocations per second: batched NumPy and compiled, beside greedy one problem at a time.

Run with ``make speed``; the columns are seconds per batch, ``problems_per_second`` stands in the extra information.
"""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_edge import SIZES, generate
from mecbench.problems.p_edge.allocation import allocate, allocate_batch
from mecbench.problems.p_edge.allocation_compiled import allocate_batch as allocate_batch_compiled
from mecbench.solvers import Budget
from mecbench.solvers.p_edge.greedy_marginal import GreedyMarginal

BATCH = {5: 8192, 20: 8192, 40: 8192, 100: 4096, 1000: 256}


def edges(devices):
    """Edges of the paper's own system with exactly this many devices, both families in turn."""
    multiprocessors = 4096 if devices == 1000 else 256
    drawn = []
    for seed in range(32):
        family = ("nsg-cuts", "random-cuts")[seed % 2]
        parameters = SIZES["paper"].model_copy(update={"family": family, "devices": (devices, devices), "multiprocessors": multiprocessors})
        drawn.append(generate(parameters, seed))
    return drawn


def stacked(devices):
    """Costs of a whole batch, every edge several times over, shape [B, M]."""
    drawn = edges(devices)
    repeats = BATCH[devices] // len(drawn)
    fixed = np.tile(np.stack([edge.fixed_cost for edge in drawn]), (repeats, 1))
    shared = np.tile(np.stack([edge.shared_cost for edge in drawn]), (repeats, 1))
    return fixed, shared, np.full(len(fixed), drawn[0].multiprocessors)


@pytest.mark.parametrize("devices", BATCH)
@pytest.mark.parametrize("search", [allocate_batch, allocate_batch_compiled], ids=["numpy", "compiled"])
def test_batch(benchmark, devices, search):
    """One process, one thread, a batch that a training loop would send."""
    benchmark.group = f"{devices} devices"
    batch = stacked(devices)
    search(*batch)  # compiles
    benchmark.pedantic(search, args=batch, rounds=15, warmup_rounds=2)
    benchmark.extra_info["problems_per_second"] = round(BATCH[devices] / benchmark.stats["median"])


@pytest.mark.parametrize("devices", BATCH)
def test_greedy_one_at_a_time(benchmark, devices):
    """The reference beside it: the heap in plain Python, 32 problems a round."""
    benchmark.group = f"{devices} devices"
    drawn = edges(devices)
    greedy, budget = GreedyMarginal(), Budget()
    benchmark.pedantic(lambda: [greedy.solve(edge, budget, 0) for edge in drawn], rounds=5, warmup_rounds=1)
    benchmark.extra_info["problems_per_second"] = round(len(drawn) / benchmark.stats["median"])


@pytest.mark.parametrize("devices", BATCH)
def test_single(benchmark, devices):
    """One problem at a time through the same search, 32 problems a round."""
    benchmark.group = f"{devices} devices"
    drawn = edges(devices)
    costs = [(edge.fixed_cost, edge.shared_cost, edge.multiprocessors) for edge in drawn]
    benchmark.pedantic(lambda: [allocate(*edge) for edge in costs], rounds=15, warmup_rounds=2)
    benchmark.extra_info["milliseconds_per_problem"] = round(benchmark.stats["median"] / len(drawn) * 1e3, 4)
