"""What an instance derives from its data, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.errors import explain
from mecbench.problems.p1.generate import SIZES, generate
from mecbench.problems.p1.instance import Instance


@pytest.fixture(scope="module")
def instance():
    """An instance of the paper's smallest size."""
    return generate(SIZES["n10"], 0)


def test_rates_are_those_of_the_paper(instance):
    """Over 1 MHz and 1 W a hop runs at 38.2, 24.9 and 20.9 Mbit/s over 5, 50 and 100 m, and never faster than at 5 m."""
    position = np.concatenate((np.array([[0.0, 0.0], [5.0, 0.0], [50.0, 0.0], [100.0, 0.0], [1.0, 0.0]]), instance.position[5:]))
    rate = instance.model_copy(update={"position": position}).rate[0]
    np.testing.assert_allclose(rate[1:4] / 1e6, [38.2, 24.9, 20.9], atol=0.05)
    assert rate[4] == rate[1]


def test_links_end_at_their_ranges(instance):
    """80 m between devices, 100 m to the server, both included; no node is linked to itself."""
    position = np.full((11, 2), 1e4) + np.arange(11)[:, None] * 1e3
    position[:4] = [[0.0, 0.0], [100.0, 0.0], [180.0, 0.0], [100.0, 81.0]]
    link = instance.model_copy(update={"position": position}).link
    assert link[0, 1]
    assert link[1, 2]
    assert not link[0, 2]
    assert not link[1, 3]
    assert not link.diagonal().any()
    np.testing.assert_array_equal(link, link.T)


def test_hops_and_blocks_have_exact_tables(instance):
    """A hop sends the output of the last layer done, a block computes the layers between; both from cumulative sums."""
    n, m = np.argwhere(instance.link)[0]
    assert instance.hop_time[3, n, m] == 262144 / instance.rate[n, m]
    assert (instance.hop_time[:, n, n] == 0).all()
    assert np.isinf(instance.hop_time[:, ~instance.link & ~np.eye(11, dtype=bool)]).all()
    assert instance.block_cycles[0, 8] == 743844550
    assert instance.block_cycles[3, 4] == 454164000
    assert instance.block_cycles[4, 4] == instance.block_cycles[5, 2] == 0


def test_groups_partition_the_tasks(instance):
    """Tasks of equal source and release are one group, in the order of the tasks."""
    groups = instance.groups
    np.testing.assert_array_equal(groups.source[groups.of_task], instance.source)
    np.testing.assert_array_equal(groups.release[groups.of_task], instance.release)
    np.testing.assert_array_equal(groups.size, np.bincount(groups.of_task))
    assert (np.diff(groups.of_task) >= 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 6}, "expected field window at most H = 5, the columns of field availability, found 6"),
        ({"source": [11], "release": [0]}, "expected field source below M = 11, found 11"),
        ({"source": [1], "release": [3]}, "expected field release below H - window + 1 = 3, found 3"),
        ({"source": [2, 1], "release": [0, 0]}, "expected tasks in the order of field release, then field source, found others"),
        ({"source": [0], "release": [0]}, "field source: expected integers at least 1"),
        ({"source": [], "release": []}, "expected at least one layer, task and device, found none"),
        ({"availability": np.full((11, 5), 101)}, "at most 100"),
        ({"layer_bits": [1]}, "to have L of length"),
    ],
)
def test_nonsense_is_named(instance, changes, message):
    """A field that does not fit is one sentence."""
    with pytest.raises(ValidationError) as caught:
        Instance.model_validate(instance.model_dump() | changes)
    assert message in str(explain(caught.value, "instance"))
