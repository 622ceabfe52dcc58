"""Plans of a single device against all frame rates of a few slots: the programme and completion in turn miss none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mecbench.solvers.cmg.completion_compiled import batteries, complete
from mecbench.solvers.cmg.device_compiled import plan_device
from mecbench.solvers.cmg.plans import ROUNDS, planning_tables


@pytest.mark.parametrize("size", ["small", "small-scarce"])
@pytest.mark.parametrize("seed", range(2))
def test_no_times_of_dropping_frames_are_better(draw, size, seed):
    """Frame rates drop once from most to least; where chunks are alike the best is that some drop sooner, which no price says."""
    instance = draw(seed, size, slots=(7, 7), devices=(2, 2))
    known, cells = planning_tables(instance), batteries(instance)
    devices, slots, chunks = instance.gain.shape
    random = np.random.default_rng(seed)
    found, (later, other, eta) = np.zeros((2, slots, chunks), dtype=np.int64), np.zeros((3, slots))
    for n in range(devices):
        offload = (random.random((slots, chunks)) < 0.2) & (known.tightness[n] > 0.0)
        eta[:] = 0.0
        worth = plan_device(known, cells, n, offload, ROUNDS, found[0], later, eta)
        for drops in itertools.product(range(slots + 1), repeat=chunks):
            found[1] = np.where(np.arange(slots)[:, None] < np.array(drops), known.frames.size - 1, 0)
            assert complete(known, cells, n, offload, found[1], other, eta) <= worth + 1e-7
