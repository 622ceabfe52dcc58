"""Frames from which an instance is drawn without knowing the problem."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p1.describe import describe
from mecbench.problems.p1.generate import SIZES, generate
from mecbench.problems.p1.instance import Instance


@pytest.fixture(params=["tiny", "n10", "literal-n100"])
def instance(request: pytest.FixtureRequest) -> Instance:
    """Few, some and many devices."""
    return generate(SIZES[request.param], 3)


def test_frames_follow_the_schema(instance: Instance) -> None:
    """A report draws every problem by these reserved columns alone."""
    frames = describe(instance)
    assert set(frames) == {"nodes", "links", "series"}
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    assert {"id", "kind", "label", "x", "y"} <= set(nodes)
    assert {"source", "target", "kind", "label"} <= set(links)
    assert list(series) == ["panel", "line", "x", "y", "x_label", "y_label"]
    assert nodes["id"].is_unique
    assert set(links["source"]) | set(links["target"]) <= set(nodes["id"])
    assert (series.groupby("panel")[["x_label", "y_label"]].nunique() == 1).all(axis=None)


def test_attributes_state_their_units(instance: Instance) -> None:
    """Whatever is not a reserved column is a measurement and says in which unit."""
    frames = describe(instance)
    for name, reserved in (("nodes", {"id", "kind", "label", "x", "y"}), ("links", {"source", "target", "kind", "label"})):
        attributes = set(frames[name]) - reserved
        assert attributes
        assert all(column.endswith("]") and "[" in column for column in attributes)


def test_values_are_the_instance_s(instance: Instance) -> None:
    """The picture shows what the evaluator computes with: every link to the server, and for each device its nearest."""
    frames = describe(instance)
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    assert nodes["tasks [1]"].sum() == instance.tasks
    np.testing.assert_allclose(nodes["compute [GHz]"] * 1e9, instance.frequency)
    assert (links["kind"] == "server in reach").sum() == instance.link[0].sum()
    number = {name: n for n, name in enumerate(nodes["id"])}
    source, target = links["source"].map(number).to_numpy(), links["target"].map(number).to_numpy()
    assert instance.link[source, target].all()
    np.testing.assert_allclose(links["rate of a subcarrier [Mbit/s]"] * 1e6, instance.rate[source, target])
    shown = {*source[links["kind"] == "nearest device"], *target[links["kind"] == "nearest device"]}
    assert shown == {n for n in range(1, instance.nodes) if instance.link[n, 1:].any()}
    assert series.loc[series["panel"] == "work of the layers", "y"].sum() * 1e6 == pytest.approx(743844550)
    assert series.loc[series["panel"] == "arrivals", "y"].sum() == instance.tasks
