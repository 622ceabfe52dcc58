from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_edge import SIZES, Instance, describe, generate


@pytest.fixture(params=["tiny", "paper", "large"])
def instance(request: pytest.FixtureRequest) -> Instance:
    """Few, some and many devices."""
    return generate(SIZES[request.param], 3)


def test_frames_follow_the_schema(instance: Instance) -> None:
    """A report draws every problem by these reserved columns alone."""
    frames = describe(instance)
    assert set(frames) == {"nodes", "links", "series"}
    nodes, links, series = frames["nodes"], frames["links"], frames["series"]
    assert {"id", "kind", "label"} <= set(nodes)
    assert {"source", "target", "kind", "label"} <= set(links)
    assert list(series) == ["panel", "line", "x", "y", "x_label", "y_label"]
    assert nodes["id"].is_unique
    assert set(links["source"]) | set(links["target"]) == set(nodes["id"])
    assert set(series["line"]) <= set(nodes["id"])
    assert (series.groupby("panel")[["x_label", "y_label"]].nunique() == 1).all(axis=None)


def test_attributes_state_their_units(instance: Instance) -> None:
    """Whatever is not a reserved column is a measurement and says in which unit."""
    frames = describe(instance)
    for name, reserved in (("nodes", {"id", "kind", "label"}), ("links", {"source", "target", "kind", "label"})):
        attributes = set(frames[name]) - reserved
        assert attributes
        assert all(column.endswith("]") and "[" in column for column in attributes)


def test_values_are_the_instance_s(instance: Instance) -> None:
    """The picture shows what the evaluator computes with."""
    frames = describe(instance)
    devices = frames["nodes"][frames["nodes"]["kind"] == "device"]
    assert len(devices) == len(frames["links"]) == instance.devices
    np.testing.assert_array_equal(devices["fixed cost a [1]"], instance.fixed_cost)
    np.testing.assert_array_equal(devices["shared cost b [SM]"], instance.shared_cost)
    np.testing.assert_allclose(frames["links"]["uplink rate [Mbit/s]"] * 1e6, instance.uplink_rate)
    assert frames["nodes"]["multiprocessors [SM]"].dropna().tolist() == [instance.multiprocessors]


def test_curves_are_the_costs(instance: Instance) -> None:
    """Each curve is a + b / l from one multiprocessor to all that the others leave."""
    series = describe(instance)["series"]
    index = series["line"].str.removeprefix("device-").astype(int).to_numpy()
    np.testing.assert_allclose(series["y"], instance.fixed_cost[index] + instance.shared_cost[index] / series["x"])
    assert series["x"].min() == 1
    assert series["x"].max() == instance.multiprocessors - instance.devices + 1


def test_large_instances_stay_drawable() -> None:
    """A thousand curves would be neither legible nor small: fifty remain, cheapest and dearest device among them."""
    instance = generate(SIZES["large"], 3)
    shown = set(describe(instance)["series"]["line"])
    assert len(shown) == 50
    assert {f"device-{np.argmin(instance.fixed_cost)}", f"device-{np.argmax(instance.fixed_cost)}"} <= shown


def test_one_device_has_a_picture() -> None:
    """The smallest instance has one node beside the edge."""
    instance = generate(SIZES["tiny"].model_copy(update={"devices": (1, 1)}), 0)
    assert [len(frame) for frame in describe(instance).values()][:2] == [2, 1]
