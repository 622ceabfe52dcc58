from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Instance, Parameters, describe, generate


@pytest.fixture(params=["tiny", "paper-10", "fading"])
def instance(request: pytest.FixtureRequest) -> Instance:
    """Few and many nodes, fixed and fading gains."""
    if request.param == "fading":
        return generate(Parameters.model_validate(SIZES["small"].model_dump() | {"fading": "rayleigh"}), 3)
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


def test_nodes_are_servers_and_users(instance: Instance) -> None:
    """The picture is a map with what each node can do."""
    nodes = describe(instance)["nodes"]
    servers, users = (nodes[nodes["kind"] == kind] for kind in ("server", "user"))
    assert (len(servers), len(users)) == (instance.servers, instance.users)
    np.testing.assert_array_equal(servers[["x", "y"]], instance.server_position)
    np.testing.assert_array_equal(users[["x", "y"]], instance.user_position)
    np.testing.assert_allclose(servers["storage [GiB]"] * 2**30, instance.storage)
    np.testing.assert_allclose(users["compute [GFLOP/s]"] * 1e9, instance.user_flops)


def test_links_are_the_strongest_gains(instance: Instance) -> None:
    """Each user is joined to the server that it hears best, with the efficiencies that the evaluator computes with."""
    links = describe(instance)["links"]
    gain = instance.gain.mean(axis=0)
    np.testing.assert_array_equal(links["gain [dB]"], gain.max(axis=0))
    best = links["target"].str.removeprefix("server-").astype(int).to_numpy()
    np.testing.assert_array_equal(best, gain.argmax(axis=0))
    expected = instance.uplink_efficiency.mean(axis=0)[best, np.arange(instance.users)]
    np.testing.assert_allclose(links["uplink efficiency [bit/s/Hz]"], expected)


def test_series_are_the_instance_s(instance: Instance) -> None:
    """What a cut means for each model, and what the trace asks for."""
    panels = dict(iter(describe(instance)["series"].groupby("panel")))
    for panel, table in (
        ("leakage over the cut", instance.leakage_at_cut),
        ("work of the device over the cut", instance.device_flop / 1e9),
        ("upload over the cut", instance.sent_bytes / 1024),
    ):
        for row, model in enumerate(instance.models):
            line = panels[panel][panels[panel]["line"] == model]
            np.testing.assert_array_equal(line["x"], np.arange(instance.layers[row] + 1))
            np.testing.assert_allclose(line["y"], table[row, : instance.layers[row] + 1])
    ranks = panels["requests of the services"]["y"].to_numpy()
    assert ranks.sum() == instance.requests
    assert (np.diff(ranks) <= 0).all()
    np.testing.assert_array_equal(panels["samples over time"]["y"], instance.batch.sum(axis=1))
