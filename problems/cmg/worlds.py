"""Instances side by side, and what becomes of requests in a slot: the physics of CMG's task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mecbench.problems.cmg import physics
from mecbench.problems.cmg.instance import Instance

__all__ = ["Decisions", "Outcome", "Worlds", "known", "settle", "stack", "static"]

_TRACE = ("gain", "eavesdropper_gain", "eavesdropper_estimate", "harvest")
_ALIKE = ("chunks", "limit", "continuous_frames", "eavesdropper_power")
_CONSTANTS = (
    "eavesdropper_watts",
    "bandwidth",
    "noise",
    "eavesdropper_noise",
    "bits_per_pixel",
    "cycles_per_bit",
    "energy_coefficient",
    "edge_frequency",
    "accuracy_ceiling",
    "accuracy_drop",
    "accuracy_scale",
    "accuracy_weight",
    "smoothness_weight",
    "delay_weight",
    "energy_weight",
    "least_frames",
    "most_frames",
    "least_resolution",
    "most_resolution",
    "least_frequency",
    "least_power",
    "capacity",
    "reserve",
    "reserve_price",
    "energy_limit",
    "fallback_energy",
)


class Worlds(NamedTuple):
    """B instances of at most A devices and T slots, of K chunks each; constants have the shape [B, 1, 1].

    Attributes
    ----------
    constants
        The instances' fields of one number, by name.
    chunks
        K.
    slots
        Number of slots of each instance, int64, shape [B].
    present
        Whether each device is one, not padding, bool, shape [B, A].
    weight
        w of each slot, shape [T, B].
    most_frequency, most_power
        C_max [Hz] and P_max [W], shape [B, A, 1].
    battery
        b(1) [J], shape [B, A].
    gain, eavesdropper_most, eavesdropper_least, estimate
        g, ge+, ge- and the estimate between them, at least 0, shape [T, B, A, K]; 1 where there is none.
    harvest
        E^up [J], shape [T, B, A].
    literal
        Whether (9) is read with a power of the eavesdropper.
    """

    constants: dict[str, np.ndarray]
    chunks: int
    slots: np.ndarray
    present: np.ndarray
    weight: np.ndarray
    most_frequency: np.ndarray
    most_power: np.ndarray
    battery: np.ndarray
    gain: np.ndarray
    eavesdropper_most: np.ndarray
    eavesdropper_least: np.ndarray
    estimate: np.ndarray
    harvest: np.ndarray
    literal: bool

    def channels(self, slot: int) -> physics.Channels:
        """Channels of a slot."""
        at = self.constants
        return physics.Channels(
            gain=self.gain[slot],
            eavesdropper_most=self.eavesdropper_most[slot],
            eavesdropper_least=self.eavesdropper_least[slot],
            noise=at["noise"],
            eavesdropper_noise=at["eavesdropper_noise"],
            eavesdropper_watts=at["eavesdropper_watts"] if self.literal else None,
        )


class Decisions(NamedTuple):
    """What the devices do with the chunks of a slot, shape [B, A, K]: x, f, r [pixel], c [Hz], p [W]."""

    offload: np.ndarray
    frames: np.ndarray
    resolution: np.ndarray
    frequency: np.ndarray
    power: np.ndarray


class Outcome(NamedTuple):
    """What became of the requests of a slot.

    Attributes
    ----------
    executed
        Decisions as executed.
    latency, energy
        Of each chunk [s, J], shape [B, A, K].
    spent
        e, energy of each device [J], shape [B, A].
    guarded
        Number of each device's chunks that were turned into the fallback, int64, shape [B, A].
    """

    executed: Decisions
    latency: np.ndarray
    energy: np.ndarray
    spent: np.ndarray
    guarded: np.ndarray


def stack(instances: Sequence[Instance], devices: int) -> Worlds:
    """Stack instances.

    Parameters
    ----------
    instances
        The instances.
    devices
        A, at least the largest number of devices.

    Raises
    ------
    ValueError
        If they differ in chunks or options.
    """
    for what in _ALIKE:
        found = sorted({str(getattr(instance, what)) for instance in instances})
        if len(found) != 1:
            raise ValueError(f"expected instances that agree in {what}, so that they can be stepped together, found {' and '.join(found)}")
    count, chunks, slots = len(instances), instances[0].chunks, max(instance.slots for instance in instances)

    def padded(values: list[np.ndarray], shape: tuple[int, ...], fill: float) -> np.ndarray:
        whole = np.full((count, *shape), fill)
        for row, value in zip(whole, values, strict=True):
            row[tuple(slice(length) for length in value.shape)] = value
        return whole

    def trace(name: str) -> np.ndarray:
        values = [np.maximum(getattr(instance, name), 0.0) for instance in instances]
        return np.ascontiguousarray(np.moveaxis(padded(values, (devices, slots, chunks), 1.0), 2, 0))

    def each(name: str, fill: float) -> np.ndarray:
        return padded([getattr(instance, name) for instance in instances], (devices,), fill)

    constants = {name: np.array([float(getattr(instance, name)) for instance in instances])[:, None, None] for name in _CONSTANTS}
    harvest = padded([instance.harvest for instance in instances], (devices, slots), 0.0)
    return Worlds(
        constants=constants,
        chunks=chunks,
        slots=np.array([instance.slots for instance in instances]),
        present=np.arange(devices) < np.array([instance.devices for instance in instances])[:, None],
        weight=padded([instance.running_weight for instance in instances], (slots,), 0.0).T,
        most_frequency=np.maximum(each("most_frequency", 0.0)[..., None], constants["least_frequency"]),
        most_power=np.maximum(each("most_power", 0.0)[..., None], constants["least_power"]),
        battery=each("battery", 0.0),
        gain=trace("gain"),
        eavesdropper_most=trace("eavesdropper_most"),
        eavesdropper_least=trace("eavesdropper_least"),
        estimate=trace("eavesdropper_estimate"),
        harvest=np.ascontiguousarray(np.moveaxis(harvest, 2, 0)),
        literal=instances[0].eavesdropper_power == "const",
    )


def static(instances: Sequence[Instance], devices: int) -> dict[str, np.ndarray]:
    """Everything but the trace, arrays [B, ...], those of the devices padded by zeros; `slots`, `chunks` and `devices` beside."""
    told = {}
    for name in Instance.model_fields:
        if name not in _TRACE:
            values = [np.asarray(getattr(instance, name)) for instance in instances]
            told[name] = np.stack([np.pad(value, (0, devices - value.size)) if value.ndim else value for value in values])
    return told | {name: np.array([getattr(instance, name) for instance in instances]) for name in ("slots", "chunks", "devices")}


def known(static: dict[str, np.ndarray]) -> list[Instance]:
    """What a policy knows of each episode, as an instance whose trace stands for what is not known.

    All gains are the most that their laws allow, and every slot harvests the mean; a planner replaces what it is shown.

    Parameters
    ----------
    static
        What `Task.static` gives.
    """
    worlds = []
    for row, count in enumerate(static["devices"].tolist()):
        fields = {name: static[name][row] for name in Instance.model_fields if name in static}
        fields = {name: value[:count] if np.ndim(value) else value.item() for name, value in fields.items()}
        shape = (count, int(static["slots"][row]), int(static["chunks"][row]))
        heard = np.full(shape, fields["eavesdropper_gain_law"])
        trace = {"gain": np.full(shape, fields["gain_law"]), "eavesdropper_gain": heard, "eavesdropper_estimate": heard}
        worlds.append(Instance(**fields, **trace, harvest=np.full(shape[:2], fields["mean_harvest"])))
    return worlds


def settle(worlds: Worlds, slot: int, asked: Decisions, allowance: np.ndarray) -> Outcome:
    """Execute the requests of a slot: refuse what is not secure, and turn into the fallback what cannot be afforded.

    While a device spends more than its allowance, its chunk that takes most energy and is not yet in fallback becomes so, equal ones
    by number; all such devices in one round. Then secrecy is repaired from the requests that are left, as who no longer sends neither
    interferes nor jams. The invariant of instances makes it end within the allowance if that covers the fallback.

    Parameters
    ----------
    worlds, slot
        Where and when.
    asked
        Requests; nothing is asked where there is no device.
    allowance
        Energy that each device may spend [J], shape [B, A].
    """
    at = worlds.constants
    channels = worlds.channels(slot)
    wanted, frames, resolution, frequency, power = asked
    received = power * channels.gain
    fallen = np.zeros(wanted.shape, dtype=bool)
    while True:
        offload = physics.secrecy_repair(channels, wanted, power)
        bits = physics.size(at["bits_per_pixel"], frames, resolution)
        rate = physics.uplink_rate(at["bandwidth"], received, at["noise"], physics.interference(offload, received))
        own = physics.local_energy(at["energy_coefficient"], at["cycles_per_bit"], frequency, bits)
        energy = np.where(offload, physics.offload_energy(power, rate, bits), own)
        spent = energy.sum(axis=-1)
        over = worlds.present & (spent > allowance) & ~fallen.all(axis=-1)
        if not over.any():
            break
        dearest = np.where(fallen, -1.0, energy).argmax(axis=-1)
        now = over[..., None] & (np.arange(worlds.chunks) == dearest[..., None])
        fallen |= now
        wanted = wanted & ~now
        frames = np.where(now, at["least_frames"], frames)
        resolution = np.where(now, at["least_resolution"], resolution)
        frequency = np.where(now, at["least_frequency"], frequency)
    latency = np.where(
        offload,
        physics.offload_latency(at["cycles_per_bit"], at["edge_frequency"], rate, bits),
        physics.local_latency(at["cycles_per_bit"], frequency, bits),
    )
    return Outcome(Decisions(offload, frames, resolution, frequency, power), latency, energy, spent, fallen.sum(axis=-1))
