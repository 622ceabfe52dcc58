"""What devices see and remember: the task's rows, running means by hand, and nothing of what is out of sight."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl import Task
from mecbench.problems.p_marl.layout import Layout
from mecbench.rl.p_marl.sight import EVEN, Sight


def history(worlds, epochs, **options):
    """What a task shows in the first epochs of random admissible decisions."""
    task, random = Task("paper", **options), np.random.default_rng(0)
    shown = [task.reset(worlds)]
    for _ in range(epochs - 1):
        mask = shown[-1]["mask"]
        shown.append(task.step((random.random(mask.shape) * mask).argmax(axis=2)).observation)
    return shown, task.static()["devices"]


def test_rows_are_the_tasks_and_nobodys_are_zero(worlds):
    """Without memory and counts a row is what the task shows; with counts records are whole numbers of devices."""
    shown, devices = history(worlds, 3)
    layout = Layout.of(worlds[0])
    rows = Sight(layout, devices, memory=1.0, counts=False).rows(shown[2])
    assert np.array_equal(rows.reshape(shown[2]["agents"].shape), shown[2]["agents"].astype(np.float32))
    assert rows.shape[1] == Sight.features(layout, 1.0, counts=False)
    rows = Sight(layout, devices, memory=1.0, counts=True).rows(shown[2])
    assert rows[:, -1].reshape(4, 12)[:, :9].tolist() == [[6.0] * 9, [4.5] * 9, [6.0] * 9, [6.0] * 9]
    assert not rows.reshape(4, 12, -1)[1, 9:].any()
    counted = rows[:, layout.record]
    assert counted == pytest.approx(np.rint(counted), abs=1e-5)
    assert counted.max() > 1


def test_memory_is_a_plain_mean_first_and_a_running_one_then(worlds):
    """Of all actions alike and what an edge's record said when it was seen, from the second epoch on, by hand."""
    shown, devices = history(worlds[:1], 6)
    layout = Layout.of(worlds[0])
    sight = Sight(layout, devices, memory=0.15, counts=False)
    rows = [sight.rows(each) for each in shown]
    assert rows[0].shape[1] == Sight.features(layout, 0.15, counts=False) == layout.features + 2 * layout.groups
    assert rows[0][:, layout.features :] == pytest.approx(1 / (2 * layout.groups))
    for device in range(12):
        for edge in range(2):
            mean, seen = np.full(layout.groups, 1 / (2 * layout.groups)), EVEN
            for epoch in range(1, 6):
                agent = shown[epoch]["agents"][0, device]
                if agent[layout.efficiency][edge] > 0:
                    seen += 1
                    new = agent[layout.record].reshape(2, -1)[edge]
                    mean += max(0.15, 1 / seen) * (new - mean)
                found = rows[epoch][device, layout.features :].reshape(2, -1)[edge]
                assert found == pytest.approx(mean, abs=1e-6)


def test_an_edge_out_of_perception_leaves_its_memory_as_it_is(worlds):
    """A device cannot ask an edge that it does not perceive."""
    shown, devices = history(worlds[:1], 4, perception=250.0)
    layout = Layout.of(worlds[0])
    sight = Sight(layout, devices, memory=0.5, counts=False)
    before, after = [sight.rows(each)[:, layout.features :].reshape(12, 2, -1) for each in shown][2:]
    hidden = shown[3]["agents"][0][:, layout.efficiency] == 0
    assert hidden.any()
    assert not hidden.all()
    assert np.array_equal(before[hidden], after[hidden])


def test_the_mean_action_is_remembered_too(worlds):
    """AMFQ's devices remember what those near by did, in epochs in which somebody was near."""
    shown, devices = history(worlds[:1], 3, coa=False, mean_field=True)
    layout = Layout.of(worlds[0], records=False, mean_field=True)
    sight = Sight(layout, devices, memory=0.1, counts=True)
    rows = [sight.rows(each) for each in shown]
    expected = [each["agents"][0][:, layout.mean_action] for each in shown]
    company = expected[1].any(axis=1) & expected[2].any(axis=1)
    assert company.any()
    assert rows[2][company, layout.features : -1] == pytest.approx((EVEN / 17 + expected[1] + expected[2])[company] / (EVEN + 2), abs=1e-6)
