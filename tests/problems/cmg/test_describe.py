"""What a report needs to draw an instance of CMG without knowing the problem."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.cmg.describe import describe
from mecbench.problems.cmg.instance import Instance


@pytest.fixture(params=[{}, {"eavesdropper_power": "const"}, {"supply": "scarce", "attack": "strong"}], ids=["paper", "const", "strong"])
def instance(request, draw) -> Instance:
    """Both readings of the eavesdropper's power, and a strong attack."""
    return draw(3, "paper", **request.param)


def test_frames_follow_the_schema(instance):
    """A report draws every problem by these reserved columns alone; all other columns say their unit."""
    frames = describe(instance)
    assert set(frames) == {"nodes", "links", "series"}
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    assert list(series) == ["panel", "line", "x", "y", "x_label", "y_label"]
    assert nodes["id"].is_unique
    assert set(links["source"]) | set(links["target"]) <= set(nodes["id"])
    assert (series.groupby("panel")[["x_label", "y_label"]].nunique() == 1).all(axis=None)
    assert np.isfinite(series[["x", "y"]]).all(axis=None)
    for frame, reserved in ((nodes, {"id", "kind", "label"}), (links, {"source", "target", "kind", "label"})):
        assert reserved < set(frame)
        assert all(column.endswith("]") and "[" in column for column in set(frame) - reserved)


def test_nodes_and_links_are_the_instances(instance):
    """Devices with what they can do, and a channel from each to the server and to the eavesdropper."""
    frames = describe(instance)
    devices = frames["nodes"][frames["nodes"]["kind"] == "device"]
    np.testing.assert_allclose(devices["compute [GHz]"] * 1e9, instance.most_frequency)
    np.testing.assert_allclose(devices["mean harvest of a slot [J]"], instance.harvest.mean(axis=1))
    links = frames["links"]
    for target, gain in (("server", instance.gain), ("eavesdropper", instance.eavesdropper_estimate)):
        mean = links[links["target"] == target]["mean gain [dB]"]
        np.testing.assert_allclose(10 ** (mean / 10), gain.mean(axis=(1, 2)))
    if instance.eavesdropper_power == "signal":
        alone = instance.gain * instance.eavesdropper_noise > instance.eavesdropper_most * instance.noise
        np.testing.assert_allclose(devices["chunks secure alone [%]"], 100 * alone.mean(axis=(1, 2)))
