"""The master problem over whole plans of devices: what it does in time, and out of time."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.solvers.cmg.channel_master import ChannelMaster

SHAPE = (12, 6, 2)


@pytest.fixture
def master():
    """Return a master problem with random plans of twelve devices on twelve channels, and one of no offloads each."""
    generator, master = np.random.default_rng(0), ChannelMaster(SHAPE)
    for n in range(SHAPE[0]):
        master.add(n, 1.0, np.zeros(SHAPE[1:], dtype=bool))
        for _ in range(30):
            offload = generator.random(SHAPE[1:]) < 0.25
            master.add(n, 1.0 + generator.random() * offload.sum(), offload)
    return master


def test_a_whole_choice_is_worth_no_more_than_its_relaxation(master) -> None:
    """Whole plans share no channel, and their worth is bounded by the linear programme."""
    nobody = np.zeros(SHAPE, dtype=np.int8)
    relaxed, whole = master.solve(nobody), master.solve(nobody, whole=True)
    assert not whole.crowded
    assert (whole.chosen.sum(axis=0) <= 1).all()
    assert whole.value <= relaxed.value + 1e-9
    assert master.solve(nobody).value == pytest.approx(relaxed.value)


def test_out_of_time_nothing_is_claimed(master) -> None:
    """Without time there may be no choice: then it counts as crowded, which nobody takes."""
    mixture = master.solve(np.zeros(SHAPE, dtype=np.int8), whole=True, time_limit=0.0)
    assert mixture.crowded or (mixture.chosen.sum(axis=0) <= 1).all()
    assert mixture.chosen.shape == SHAPE
