from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.errors import explain
from mecbench.problems.p import SIZES, Instance, generate

INSTANCE = generate(SIZES["small"], 0)
LENET, VGG = 0, 8  # rows of models


def changed(**changes: object) -> dict[str, object]:
    """Data of the instance with some fields replaced."""
    return INSTANCE.model_dump() | changes


def edited(name: str, index: object, value: float) -> dict[str, object]:
    """Data of the instance with one value of an array replaced."""
    array = getattr(INSTANCE, name).copy()
    array[index] = value
    return changed(**{name: array})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (edited("service", (0, 0), 9), "expected field service below I = 9, found 9"),
        (edited("warmup_service", (0, 0), 12), "expected field warmup_service below I = 9, found 12"),
        (edited("service_model", 2, 9), "expected field service_model below M = 9, found 9"),
        (changed(models=("m",) * 10), "expected field models to have one name for each of the 9 rows of field layers, found 10"),
        (edited("layers", VGG, 20), "expected field layers at most L = 19, the columns of field layer_bytes, found 20"),
        (changed(gain=np.zeros((3, 3, 6))), "expected field gain to have 1 or T = 4 rows, found 3"),
        (changed(interval=3), "expected field warmup_service to have interval = 3 rows, found 2"),
        (edited("layer_macs", (LENET, 5), 1), "expected field layer_macs to be 0 beyond each model's last layer"),
        (edited("layer_bytes", (LENET, 18), 1), "expected field layer_bytes to be 0 beyond each model's last layer"),
        (edited("leakage", (LENET, 4), 0.05), "expected field leakage not to rise along the layers and to be 0 from the last one on"),
        (edited("leakage", (VGG, 1), 1.0), "expected field leakage not to rise along the layers and to be 0 from the last one on"),
        (edited("leakage", (VGG, 1), 1.5), "field leakage: expected finite numbers at least 0 and at most 1 of shape [M, L], found 1.5"),
        (edited("batch", (0, 0), 0), "field batch: expected integers in sample at least 1 of shape [T, K], found 0 at [0, 0]"),
        (edited("bandwidth", 1, 0.0), "field bandwidth: expected finite numbers in Hz above 0 of shape [J], found 0.0 at [1]"),
        (edited("gain", (0, 0, 0), np.nan), "field gain: expected finite numbers in dB of shape [G, J, K], found nan at [0, 0, 0]"),
        (changed(storage=INSTANCE.storage[:2]), "expected field storage to have J of length 3 as field server_position has, found 2"),
        (changed(delay_limit=0.0), "field delay_limit: input should be greater than 0, found 0.0"),
        (changed(user_storage=1), "field user_storage: expected no such field, found one"),
    ],
)
def test_contradictions_are_named(data: dict[str, object], message: str) -> None:
    """An instance that makes no sense is one sentence, not a strange result."""
    with pytest.raises(ValidationError) as caught:
        Instance.model_validate(data)
    assert message in str(explain(caught.value, "data"))


def test_slots_of_nobody_are_refused() -> None:
    """Averages over no request would be no numbers."""
    with pytest.raises(ValidationError, match="expected at least one slot, server, user and service, found none"):
        Instance.model_validate(changed(service=INSTANCE.service[:0], batch=INSTANCE.batch[:0]))


def test_counts() -> None:
    """The symbols of the paper by their names."""
    counts = (INSTANCE.slots, INSTANCE.servers, INSTANCE.users, INSTANCE.services, INSTANCE.intervals, INSTANCE.requests)
    assert counts == (4, 3, 6, 9, 2, 24)


def test_last_interval_may_be_short() -> None:
    """One slot of an interval of two still has its deployment."""
    assert generate(SIZES["tiny"].model_copy(update={"slots": 3}), 0).intervals == 2


def test_cuts_share_the_network() -> None:
    """Device and server together compute every layer once, whatever the cut."""
    total = INSTANCE.device_flop + INSTANCE.edge_flop
    np.testing.assert_array_equal(total, np.broadcast_to(total[:, :1], total.shape))
    assert (INSTANCE.device_flop[:, 0] == 0).all()
    last = np.arange(9), INSTANCE.layers
    assert (INSTANCE.edge_flop[last] == 0).all()
    np.testing.assert_array_equal(INSTANCE.device_bytes[last], INSTANCE.layer_bytes.sum(axis=1))


def test_ends_of_a_cut_are_forced() -> None:
    """At 0 the raw input is sent and leaks all; at L nothing is sent and nothing leaks."""
    np.testing.assert_array_equal(INSTANCE.sent_bytes[:, 0], INSTANCE.input_bytes)
    assert (INSTANCE.leakage_at_cut[:, 0] == 1).all()
    last = np.arange(9), INSTANCE.layers
    assert (INSTANCE.sent_bytes[last] == 0).all()
    assert (INSTANCE.leakage_at_cut[last] == 0).all()


def test_services_are_their_models() -> None:
    """Each service is a file of its own with all parameters of its model."""
    instance = generate(SIZES["medium"], 0)
    np.testing.assert_array_equal(instance.service_bytes, np.repeat(instance.layer_bytes.sum(axis=1), 2))
    np.testing.assert_array_equal(instance.cuts, np.repeat(instance.layers, 2))


def test_efficiency_by_hand() -> None:
    """Shannon's formula with the noise of the whole band, in plain decibels for one pair."""
    server, user = 1, 4
    noise = -174 + 6 + 10 * np.log10(INSTANCE.bandwidth[server])
    for power, table in (
        (INSTANCE.user_power[user], INSTANCE.uplink_efficiency),
        (INSTANCE.server_power[server], INSTANCE.downlink_efficiency),
    ):
        ratio = power + INSTANCE.gain[0, server, user] - noise
        assert table[0, server, user] == pytest.approx(np.log2(1 + 10 ** (ratio / 10)), rel=1e-12)


def test_privacy_price_by_hand() -> None:
    """(10) with rho of 5.88 for a large picture and 0.12 for a small one."""
    slope = 0.31 + 1.88 * INSTANCE.privacy_preference
    np.testing.assert_allclose(INSTANCE.privacy_price[:, LENET], slope * 0.12, rtol=1e-12)
    np.testing.assert_allclose(INSTANCE.privacy_price[:, VGG], slope * 5.88, rtol=1e-12)


def test_reading_what_was_written_changes_nothing() -> None:
    """An instance is its content: files give bit-identical arrays and the same hash."""
    read = Instance.model_validate_json(INSTANCE.model_dump_json())
    assert read == INSTANCE
    for name in Instance.model_fields:
        np.testing.assert_array_equal(getattr(read, name), getattr(INSTANCE, name))
