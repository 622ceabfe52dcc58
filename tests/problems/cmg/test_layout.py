"""What policies ask for is what the task takes."""

from __future__ import annotations

import numpy as np

from mecbench.problems.cmg.layout import Layout
from mecbench.problems.cmg.task import Task
from mecbench.problems.cmg.worlds import Decisions


def test_what_is_asked_is_executed(draw, feasible):
    """Decisions go through a hybrid action and back to 1e-12, where instances differ in devices and slots too."""
    instances = [draw(seed, "small", devices=devices, slots=slots) for seed, (devices, slots) in enumerate([(5, 3), (2, 4)])]
    plans = [feasible(instance, 1) for instance in instances]
    task = Task(width=6)
    task.reset(instances)
    static = task.static()
    layout = Layout.of(static)
    for slot in range(4):
        asked = {name: np.zeros((2, layout.devices, layout.chunks), dtype=float) for name in Decisions._fields}
        for row, (instance, plan) in enumerate(zip(instances, plans, strict=True)):
            if slot < instance.slots:
                for name, values in asked.items():
                    values[row, : instance.devices] = getattr(plan, name)[:, slot]
        task.step(layout.ask(Decisions(**asked | {"offload": asked["offload"] > 0}), static))
    for plan, done in zip(plans, task.solutions(), strict=True):
        for name in ("offload", "frames"):
            np.testing.assert_array_equal(getattr(done, name), getattr(plan, name))
        for name in ("resolution", "power", "frequency"):
            np.testing.assert_allclose(getattr(done, name), getattr(plan, name), rtol=1e-12)
