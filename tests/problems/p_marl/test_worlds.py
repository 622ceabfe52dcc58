"""What a policy knows: the instance's constants, not its trace."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_marl import Instance, Task
from mecbench.problems.p_marl.options import options, options_at
from mecbench.problems.p_marl.worlds import known


def test_constants_are_known_and_the_trace_is_not(draw):
    """Worlds of a batch have their own numbers of devices, every constant, and nothing of places, channels and charges."""
    for seed in range(6):
        first = draw(seed, devices=(3, 3), epochs=(2, 2))
        other = Instance.model_validate(
            first.model_dump()
            | {name: getattr(first, name)[:, :2] for name in ("position", "shadowing")}
            | {name: getattr(first, name)[:2] for name in ("battery", "previous_edge")}
        )
        task = Task()
        task.reset([first, other])
        for instance, world in zip((first, other), known(task.static()), strict=True):
            assert (world.epochs, world.devices) == (1, instance.devices)
            hidden = {"position", "shadowing", "battery", "previous_edge"}
            for name in set(Instance.model_fields) - hidden:
                np.testing.assert_array_equal(getattr(world, name), getattr(instance, name))
            assert not any(getattr(world, name).any() for name in ("position", "shadowing", "battery"))
            seen = options_at(world, instance.uplink_rate[1], instance.local_latency[1], instance.local_energy[1], instance.previous_edge)
            true = options(instance, 1, instance.previous_edge)
            for name in ("fixed", "shared", "own_latency", "energy", "local"):
                np.testing.assert_array_equal(getattr(seen, name), getattr(true, name))
