"""What a policy knows beforehand is everything but the trace."""

from __future__ import annotations

import numpy as np

from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.worlds import known, static

TRACE = ("gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest")


def test_known_worlds_lack_the_trace_only(draw):
    """All fields of each instance come back from the padded arrays, and what stands for the trace is of the law alone."""
    instances = [draw(seed, "small-scarce", devices=devices, slots=4, limit="average") for seed, devices in enumerate([5, 2])]
    for instance, world in zip(instances, known(static(instances, 7)), strict=True):
        for name in Instance.model_fields:
            if name not in TRACE:
                np.testing.assert_array_equal(getattr(world, name), getattr(instance, name))
        assert world.gain.shape == instance.gain.shape
        assert (world.gain == instance.gain_law).all()
        assert (world.harvest == instance.mean_harvest).all()
    others = [instance.model_copy(update={"gain": 0.5 * instance.gain, "harvest": 0.5 * instance.harvest}) for instance in instances]
    assert known(static(others, 7)) == known(static(instances, 7))
