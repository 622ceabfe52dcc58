"""Instances side by side, as the arrays in which the task's kernels find what an answer needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mecbench.problems.p1.instance import SERVER, Instance

__all__ = ["Worlds", "known", "stack", "static"]

_TRACE = ("availability", "source", "release")
_ALIKE = ("nodes", "layers", "window")


class Worlds(NamedTuple):
    """B instances of M nodes, L layers and windows of K slots; Q tasks and H slots where the widest has them.

    Attributes
    ----------
    window
        K.
    slots, subcarriers
        H and S of each instance, int64, shape [B].
    tasks
        Number of tasks of each instance, int64, shape [B].
    cycles
        Work of the layers after l up to j [cycle], shape [B, L + 1, L + 1].
    hop_time
        As `Instance.hop_time` [s], shape [B, L + 1, M, M].
    frequency, speed
        f [Hz], and what one per cent computes [cycle/s], shape [B, M].
    fastest
        Largest f of each instance [Hz], shape [B].
    deadline, slot_seconds
        Limits of a task and of a slot [s], shape [B]; the latter is infinite unless hop and block must fit.
    availability
        [%], int64, shape [B, M, H].
    source, release
        Of each task, int64, shape [B, Q].
    """

    window: int
    slots: np.ndarray
    subcarriers: np.ndarray
    tasks: np.ndarray
    cycles: np.ndarray
    hop_time: np.ndarray
    frequency: np.ndarray
    speed: np.ndarray
    fastest: np.ndarray
    deadline: np.ndarray
    slot_seconds: np.ndarray
    availability: np.ndarray
    source: np.ndarray
    release: np.ndarray


def stack(instances: Sequence[Instance]) -> Worlds:
    """Stack instances.

    Raises
    ------
    ValueError
        If they differ in nodes, layers or window.
    """
    for what in _ALIKE:
        found = sorted({getattr(instance, what) for instance in instances})
        if len(found) != 1:
            raise ValueError(
                f"expected instances that agree in {what}, so that they can be stepped together, found {' and '.join(map(str, found))}"
            )
    frequency = np.stack([instance.frequency for instance in instances])
    return Worlds(
        window=instances[0].window,
        slots=np.array([instance.slots for instance in instances]),
        subcarriers=np.array([instance.subcarriers for instance in instances]),
        tasks=np.array([instance.tasks for instance in instances]),
        cycles=np.stack([instance.block_cycles for instance in instances]),
        hop_time=np.stack([instance.hop_time for instance in instances]),
        frequency=frequency,
        speed=frequency / 100.0,
        fastest=frequency.max(axis=1),
        deadline=np.array([instance.deadline for instance in instances]),
        slot_seconds=np.array([instance.slot_seconds for instance in instances]),
        availability=_padded([instance.availability for instance in instances]),
        source=_padded([instance.source for instance in instances]),
        release=_padded([instance.release for instance in instances]),
    )


def static(instances: Sequence[Instance]) -> dict[str, np.ndarray]:
    """All fields but the trace, shape [B, ...]; the number of slots, and links and their rates beside."""
    names = [name for name in Instance.model_fields if name not in _TRACE]
    derived = ("slots", "link", "rate")
    return {name: np.stack([np.asarray(getattr(instance, name)) for instance in instances]) for name in (*names, *derived)}


def known(static: dict[str, np.ndarray]) -> list[Instance]:
    """What a policy knows of each episode, as an instance whose trace stands for what is not known.

    A planner replaces that trace by what it is shown: availability is the mean of its law, and one task of device 1 is
    released at once, since an instance has at least one.

    Parameters
    ----------
    static
        What `Task.static` gives.
    """
    worlds = []
    for row, slots in enumerate(static["slots"].tolist()):
        fields = {name: static[name][row] for name in Instance.model_fields if name in static}
        fields = {name: value.item() if np.ndim(value) == 0 else value for name, value in fields.items()}
        availability = np.full((fields["frequency"].size, slots), (100 + fields["least_availability"]) // 2)
        availability[SERVER] = 100
        worlds.append(Instance(**fields, availability=availability, source=np.array([1]), release=np.array([0])))
    return worlds


def _padded(arrays: list[np.ndarray]) -> np.ndarray:
    """Stack of arrays whose last axes differ in length, zeros at their ends."""
    longest = max(array.shape[-1] for array in arrays)
    padded = np.zeros((len(arrays), *arrays[0].shape[:-1], longest), dtype=arrays[0].dtype)
    for row, array in enumerate(arrays):
        padded[row, ..., : array.shape[-1]] = array
    return padded
