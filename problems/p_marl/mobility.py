"""Traces of devices that move among hot spots, and of the shadowing along their ways.

Waypoint mobility: a device goes straight to a destination drawn from today's crowd, pauses there, and goes on at another speed. The
shadowing is a first-order autoregression over the metres moved, so it keeps its law wherever the device goes.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.draws import quantise
from mecbench.problems.p_edge.system import HotSpots, draw_points

__all__ = ["MobilityParameters", "shadow", "walk"]

KILOMETRES_PER_HOUR = 3.6  # of a metre per second


class MobilityParameters(BaseModel):
    """Parameters of the waypoint mobility; the defaults are those of a car in a city."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    speed: tuple[float, float] = Field((22.0, 8.0), description="mean and standard deviation of a leg's speed [km/h]")
    speed_range: tuple[float, float] = Field((5.0, 50.0), description="limits to which speeds are clipped [km/h]")
    pause: float = Field(30.0, ge=0, le=1e6, description="mean pause at a destination [s]")
    shadowing_distance: float = Field(50.0, gt=0, le=1e6, description="metres over which the correlation of the shadowing falls to 1/e")

    @model_validator(mode="after")
    def _rises(self) -> MobilityParameters:
        if not (0 <= self.speed_range[0] <= self.speed_range[1] and self.speed[1] >= 0):
            raise PydanticCustomError(
                "speed",
                "expected field speed_range to rise from at least 0 and the deviation of speed to be at least 0, found {found}",
                {"found": [*self.speed_range, self.speed[1]]},
            )
        return self


def walk(
    parameters: MobilityParameters, crowd: HotSpots, start: np.ndarray, epochs: int, seconds: float, random: np.random.RandomState
) -> np.ndarray:
    """Places of the devices at the beginning of each epoch [m], shape [T, M, 2].

    A device that arrives stops for the rest of that epoch. A longer walk begins with the shorter one.

    Parameters
    ----------
    parameters
        Speeds and pauses.
    crowd
        Where destinations are drawn from.
    start
        Places at the first epoch [m], shape [M, 2].
    epochs, seconds
        T, and the length of an epoch [s].
    random
        Stream of the mobility alone.
    """
    devices = len(start)
    position, pause = start.copy(), np.zeros(devices)
    destination, speed = draw_points(crowd, devices, random), _speeds(parameters, devices, random)
    trace = np.empty((epochs, devices, 2))
    trace[0] = position
    for epoch in range(1, epochs):
        way = destination - position
        length = np.sqrt(way[:, 0] ** 2 + way[:, 1] ** 2)
        reach = speed * np.maximum(seconds - pause, 0.0)
        arrived = reach >= length
        part = np.where(arrived, 1.0, reach / np.where(length > 0, length, 1.0))
        position = quantise(np.where(arrived[:, None], destination, position + part[:, None] * way))
        pause = np.maximum(pause - seconds, 0.0)
        count = int(arrived.sum())
        destination[arrived] = draw_points(crowd, count, random)
        pause[arrived] = quantise(parameters.pause * random.standard_exponential(count))
        speed[arrived] = _speeds(parameters, count, random)
        trace[epoch] = position
    return trace


def _speeds(parameters: MobilityParameters, count: int, random: np.random.RandomState) -> np.ndarray:
    """Speeds of new legs [m/s], shape [count]."""
    mean, deviation = parameters.speed
    return np.clip(quantise(random.normal(mean, deviation, count)), *parameters.speed_range) / KILOMETRES_PER_HOUR


def shadow(first: np.ndarray, position: np.ndarray, deviation: float, distance: float, random: np.random.RandomState) -> np.ndarray:
    """Attenuation of each device and edge beyond path loss [dB], shape [T, M, N].

    Parameters
    ----------
    first
        Of the first epoch [dB], shape [M, N].
    position
        Places of the devices [m], shape [T, M, 2].
    deviation
        Standard deviation [dB].
    distance
        Metres over which the correlation falls to 1/e.
    random
        Stream of the shadowing alone.
    """
    trace = np.empty((len(position), *first.shape))
    trace[0] = first
    for epoch in range(1, len(position)):
        moved = position[epoch] - position[epoch - 1]
        correlation = np.exp(-np.sqrt(moved[:, 0] ** 2 + moved[:, 1] ** 2) / distance)[:, None]
        innovation = random.normal(0.0, deviation, first.shape)
        trace[epoch] = quantise(correlation * trace[epoch - 1] + np.sqrt(1.0 - correlation**2) * innovation)
    return trace
