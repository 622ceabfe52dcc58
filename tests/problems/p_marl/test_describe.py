"""Frames from which an instance is drawn without knowing the problem."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_marl.describe import describe
from mecbench.problems.p_marl.generate import SIZES, generate
from mecbench.problems.p_marl.instance import Instance


@pytest.fixture(params=["orig-20x3", "60x5"])
def instance(request: pytest.FixtureRequest) -> Instance:
    """One epoch and several."""
    return generate(SIZES[request.param], 3)


def test_frames_follow_the_schema(instance: Instance) -> None:
    """A report draws every problem by these reserved columns alone, and whatever else there is says its unit."""
    frames = describe(instance)
    assert set(frames) == {"nodes", "links", "series"}
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    for frame, reserved in ((nodes, {"id", "kind", "label", "x", "y"}), (links, {"source", "target", "kind", "label"})):
        assert reserved <= set(frame)
        assert all(column.endswith("]") and "[" in column for column in set(frame) - reserved)
    assert list(series) == ["panel", "line", "x", "y", "x_label", "y_label"]
    assert nodes["id"].is_unique
    assert set(links["source"]) | set(links["target"]) <= set(nodes["id"])
    assert (series.groupby("panel")[["x_label", "y_label"]].nunique() == 1).all(axis=None)


def test_values_are_the_instance_s(instance: Instance) -> None:
    """The picture shows what the evaluator computes with, and every device in every epoch."""
    frames = describe(instance)
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    np.testing.assert_allclose(links["uplink rate [Mbit/s]"] * 1e6, instance.uplink_rate[0].max(axis=1))
    np.testing.assert_array_equal(nodes.loc[nodes["kind"] == "device", ["x", "y"]], instance.position[0])
    crowd = series[series["panel"] == "devices with their best channel"]
    assert (crowd.groupby("x")["y"].sum() == instance.devices).all()
    assert len(crowd) == (instance.edges * instance.epochs if instance.epochs > 1 else 0)
    way = series[(series["panel"] == "ways of devices") & (series["line"] == "device-0")]
    np.testing.assert_array_equal(way[["x", "y"]], instance.position[: len(way), 0])
