"""What an instance and a solution of CMG must be, said in one sentence where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from mecbench.problems.cmg.generate import SIZES, generate
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.errors import explain

INSTANCE = generate(SIZES["small"], 0)
T = INSTANCE.slots


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
        (changed(least_frames=31), "expected field least_frames at most field most_frames = 30, found 31"),
        (changed(least_resolution=2000.0), "expected field least_resolution at most field most_resolution = 1080, found 2000"),
        (edited("most_frequency", 2, 1e8), "expected field least_frequency at most field most_frequency = 100000000, found 200000000"),
        (edited("most_power", 2, 0.01), "expected field least_power at most field most_power = 0.01, found 0.05"),
        (edited("battery", 0, 9.0), "expected field battery at most field capacity = 8, found 9"),
        (edited("gain", (0, 0, 0), 11.0), "expected field gain at most field gain_law = 10, found 11"),
        (edited("most_power", 0, 1.5), "expected field most_power at most field power_law = 1, found 1.5"),
        (edited("harvest", (0, 0), 2.0), "expected field harvest at most field harvest_law = 1.2, found 2"),
        (changed(estimate_error=0.1), "expected the error of field eavesdropper_estimate at most field estimate_error = 0.1, found 0.9"),
        (changed(energy_limit=0.0029), "expected the energy of a slot of fallbacks at most field energy_limit = 0.0029, found 0.00294912"),
        (edited("battery", 1, 0.01), "expected the energy of an episode of fallbacks at most field battery = 0.01, found 0.0"),
        (changed(limit="day"), "field limit: input should be 'slot' or 'average', found 'day'"),
        (edited("gain", (0, 0, 0), 0.0), "field gain: expected finite numbers above 0 of shape [N, T, K], found 0.0 at [0, 0, 0]"),
        (
            changed(most_power=INSTANCE.most_power[:2]),
            "expected field most_power to have N of length 5 as field most_frequency has, found 2",
        ),
        (changed(noise=0.0), "field noise: input should be greater than 0, found 0.0"),
        (changed(slots=3), "field slots: expected no such field, found one"),
    ],
)
def test_contradictions_are_named(data: dict[str, object], message: str) -> None:
    """An instance that makes no sense is one sentence, not a strange result."""
    with pytest.raises(ValidationError) as caught:
        Instance.model_validate(data)
    assert message in str(explain(caught.value, "data"))


def test_nobody_is_refused() -> None:
    """Averages over nobody would be no numbers."""
    nobody = {name: getattr(INSTANCE, name)[:0] for name in ("most_frequency", "most_power", "battery", "gain", "harvest")}
    nobody |= {name: getattr(INSTANCE, name)[:0] for name in ("eavesdropper_gain", "eavesdropper_estimate")}
    with pytest.raises(ValidationError, match="expected at least one device, slot and chunk, found none"):
        Instance.model_validate(changed(**nobody))


def test_fallback_is_the_cheapest_chunk() -> None:
    """E_fb = 5e-28 (2e8)^2 12 5 320^2 8 = 9.83e-4 J."""
    assert INSTANCE.fallback_energy == pytest.approx(9.83e-4, rel=1e-4)


def test_gains_of_the_eavesdropper_stay_in_their_set() -> None:
    """(11): the true gain lies between ge- and ge+, and neither is negative, even under strong attacks."""
    instance = generate(SIZES["strong"], 3)
    assert (instance.eavesdropper_least <= instance.eavesdropper_gain + 1e-9).all()
    assert (instance.eavesdropper_gain <= instance.eavesdropper_most + 1e-9).all()
    assert instance.eavesdropper_least.min() == 0.0 < instance.eavesdropper_least.max()
    np.testing.assert_array_equal(instance.channels.eavesdropper_most[3, 1], instance.eavesdropper_most[1, 3])


def test_an_instance_reads_back_bit_for_bit() -> None:
    """JSON is the instance: the same arrays, the same hash."""
    again = Instance.model_validate_json(INSTANCE.model_dump_json())
    assert again == INSTANCE
    np.testing.assert_array_equal(again.gain, INSTANCE.gain)


def test_a_plan_requests_what_it_offloads(decide) -> None:
    """Without requests of its own a solution has asked for what it offloads; what was not asked for cannot be offloaded."""
    solution = decide(INSTANCE, 0)
    data = solution.model_dump()
    np.testing.assert_array_equal(solution.requested, solution.offload)
    del data["requested"]
    assert Solution.model_validate(data) == solution
    assert Solution.model_validate_json(solution.model_dump_json()) == solution
    with pytest.raises(ValidationError, match="expected field requested to hold where field offload does"):
        Solution.model_validate(data | {"requested": np.zeros_like(solution.offload)})
