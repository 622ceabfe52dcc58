"""The CMG instance: devices with harvesting batteries, channels with an eavesdropper, and the trace of gains and harvests."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.cmg import physics

__all__ = ["Instance"]

ROUNDING = 1e-9  # relative slack of the invariants, whose two sides are rounded apart


class Instance(ArrayModel):
    """N devices over T slots of one second; in each a device films K chunks, and chunk k may be offloaded over channel k only.

    Slots count from 0 here and from 1 in the paper. The paper's symbols: W bandwidth, alpha bits of a pixel, f frame rate, r resolution,
    c compute, p power, xi cycles of a bit, varsigma energy coefficient, g gain, D^s secrecy rate, B battery. Laws are what a causal
    algorithm knows of the trace before it comes; observations are scaled by their upper ends.
    """

    problem: ClassVar[str] = "cmg"
    format: ClassVar[int] = 1

    limit: Literal["slot", "average"] = Field(
        description="whether energy_limit holds for each slot of a device or for the average over its slots (39)"
    )
    continuous_frames: bool = Field(description="whether frame rates may be any reals, rather than integers")
    eavesdropper_power: Literal["signal", "const"] = Field(
        description="p^e of (9): what the eavesdropper receives is the device's own signal, or of power eavesdropper_watts as (9) reads"
    )
    eavesdropper_watts: float = Field(gt=0, allow_inf_nan=False, description="p^e where eavesdropper_power is const [W]")

    bandwidth: float = Field(gt=0, allow_inf_nan=False, description="W, of each channel [Hz]")
    noise: float = Field(gt=0, allow_inf_nan=False, description="sigma^2, at the server; gains are normalised to it [W]")
    eavesdropper_noise: float = Field(gt=0, allow_inf_nan=False, description="sigma_e^2, at the eavesdropper [W]")
    bits_per_pixel: float = Field(gt=0, allow_inf_nan=False, description="alpha [bit]")
    cycles_per_bit: float = Field(gt=0, allow_inf_nan=False, description="xi [cycle/bit]")
    energy_coefficient: float = Field(gt=0, allow_inf_nan=False, description="varsigma (6) [J s^2/cycle^3]")
    edge_frequency: float = Field(gt=0, allow_inf_nan=False, description="MEC_c, compute of the server for each offloaded chunk [Hz]")

    accuracy_ceiling: float = Field(allow_inf_nan=False, description="first constant of the accuracy (16)")
    accuracy_drop: float = Field(gt=0, allow_inf_nan=False, description="factor of the exponential of the accuracy (16)")
    accuracy_scale: float = Field(gt=0, allow_inf_nan=False, description="resolution at which the exponential is 1/e (16) [pixel]")
    accuracy_weight: float = Field(gt=0, allow_inf_nan=False, description="mu1 of the quality (14)")
    smoothness_weight: float = Field(gt=0, allow_inf_nan=False, description="mu2 of the quality (14)")
    delay_weight: float = Field(gt=0, allow_inf_nan=False, description="beta1 of the cost (20) [1/s]")
    energy_weight: float = Field(gt=0, allow_inf_nan=False, description="beta2 of the cost (20) [1/J]")

    least_frames: int = Field(ge=1, le=10_000, description="F_min, frames of a slot at least (30)")
    most_frames: int = Field(ge=1, le=10_000, description="F_max, frames of a slot at most (30), and f_max of the smoothness (18)")
    least_resolution: float = Field(gt=0, allow_inf_nan=False, description="R_min (29) [pixel]")
    most_resolution: float = Field(gt=0, allow_inf_nan=False, description="R_max (29) [pixel]")
    least_frequency: float = Field(gt=0, allow_inf_nan=False, description="C_min (28) [Hz]")
    most_frequency: Annotated[np.ndarray, Array("N", unit="Hz", above=0)] = Field(description="C_max of each device (28)")
    least_power: float = Field(gt=0, allow_inf_nan=False, description="P_min (27) [W]")
    most_power: Annotated[np.ndarray, Array("N", unit="W", above=0)] = Field(description="P_max of each device (27)")

    capacity: float = Field(gt=0, allow_inf_nan=False, description="B_max, of each battery [J]")
    battery: Annotated[np.ndarray, Array("N", unit="J", least=0)] = Field(description="b(1), level of each battery before the first slot")
    reserve: float = Field(ge=0, allow_inf_nan=False, description="B_T, level below which the penalty (23) begins [J]")
    reserve_price: float = Field(ge=0, allow_inf_nan=False, description="penalty for each chunk and joule below the reserve (23) [1/J]")
    energy_limit: float = Field(gt=0, allow_inf_nan=False, description="C_limit, energy of a device in a slot (39) [J]")

    gain_law: float = Field(gt=0, allow_inf_nan=False, description="law of the gains: upper end")
    eavesdropper_gain_law: float = Field(
        gt=0, allow_inf_nan=False, description="law of the eavesdropper's true gains: g_max, upper end (10)"
    )
    power_law: float = Field(gt=0, allow_inf_nan=False, description="law of P_max: upper end [W]")
    frequency_law: float = Field(gt=0, allow_inf_nan=False, description="law of C_max: upper end [Hz]")
    harvest_law: float = Field(ge=0, allow_inf_nan=False, description="law of the harvests: upper end [J]")
    mean_harvest: float = Field(ge=0, allow_inf_nan=False, description="law of the harvests: mean [J]")

    estimate_error: float = Field(ge=0, allow_inf_nan=False, description="rho, largest error of an estimate (11)")
    gain: Annotated[np.ndarray, Array("N T K", above=0)] = Field(description="g, from each device to the server on each channel")
    eavesdropper_gain: Annotated[np.ndarray, Array("N T K", above=0)] = Field(
        description="true gain from each device to the eavesdropper (10), which nobody knows"
    )
    eavesdropper_estimate: Annotated[np.ndarray, Array("N T K")] = Field(
        description="g^e, estimate of the true gain that is at most estimate_error off (11)"
    )
    harvest: Annotated[np.ndarray, Array("N T", unit="J", least=0)] = Field(description="E^up, credited after each slot (8)")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.gain.shape) < 1:
            raise PydanticCustomError("empty", "expected at least one device, slot and chunk, found none", {})
        for least, most in (("least_frames", "most_frames"), ("least_resolution", "most_resolution")):
            self._at_most(least, getattr(self, least), most, getattr(self, most))
        self._at_most("least_frequency", self.least_frequency, "most_frequency", float(self.most_frequency.min()))
        self._at_most("least_power", self.least_power, "most_power", float(self.most_power.min()))
        self._at_most("battery", float(self.battery.max()), "capacity", self.capacity)
        error = float(np.abs(self.eavesdropper_estimate - self.eavesdropper_gain).max())
        self._at_most("the error of field eavesdropper_estimate", error, "estimate_error", self.estimate_error)
        for name in ("gain", "eavesdropper_gain", "harvest", "most_power", "most_frequency"):
            law = f"{name.removeprefix('most_')}_law"
            self._at_most(name, float(getattr(self, name).max()), law, getattr(self, law))
        # So the fallback for every chunk in every slot is a feasible plan, whatever is harvested.
        slot = self.chunks * self.fallback_energy
        self._at_most("the energy of a slot of fallbacks", slot, "energy_limit", self.energy_limit)
        self._at_most("the energy of an episode of fallbacks", self.slots * slot, "battery", float(self.battery.min()))
        return self

    @staticmethod
    def _at_most(name: str, value: float, limit_name: str, limit: float) -> None:
        if value > limit + ROUNDING * abs(limit):
            raise PydanticCustomError(
                "limit",
                "expected {name} at most field {limit_name} = {limit}, found {found}",
                {
                    "name": name if " " in name else f"field {name}",
                    "limit_name": limit_name,
                    "limit": f"{limit:.9g}",
                    "found": f"{value:.9g}",
                },
            )

    @property
    def devices(self) -> int:
        """N, number of devices."""
        return int(self.gain.shape[0])

    @property
    def slots(self) -> int:
        """T, number of slots."""
        return int(self.gain.shape[1])

    @property
    def chunks(self) -> int:
        """K, number of chunks of a slot, each with a channel of its own."""
        return int(self.gain.shape[2])

    @cached_property
    def fallback_energy(self) -> float:
        """E_fb, energy of the cheapest chunk: local, at least frame rate, resolution and frequency [J]."""
        bits = physics.size(self.bits_per_pixel, np.array(self.least_frames), np.array(self.least_resolution))
        return float(physics.local_energy(self.energy_coefficient, self.cycles_per_bit, np.array(self.least_frequency), bits))

    @cached_property
    def running_weight(self) -> np.ndarray:
        """w, weight of each slot's quality in all running averages from it on, shape [T]; see `physics.running_weight`."""
        return physics.running_weight(self.slots)

    @cached_property
    def eavesdropper_most(self) -> np.ndarray:
        """Upper end of the set of gains that the estimate allows (11), ge+ = max(g^e, 0) + rho, shape [N, T, K]."""
        return np.maximum(self.eavesdropper_estimate, 0.0) + self.estimate_error

    @cached_property
    def eavesdropper_least(self) -> np.ndarray:
        """Lower end of the set of gains that the estimate allows (11), ge- = max(g^e - rho, 0), shape [N, T, K]."""
        return np.maximum(self.eavesdropper_estimate - self.estimate_error, 0.0)

    @cached_property
    def channels(self) -> physics.Channels:
        """The channels of all slots, which come first, as `physics` wants them: shapes [T, N, K]."""
        return physics.Channels(
            gain=np.ascontiguousarray(np.swapaxes(self.gain, 0, 1)),
            eavesdropper_most=np.ascontiguousarray(np.swapaxes(self.eavesdropper_most, 0, 1)),
            eavesdropper_least=np.ascontiguousarray(np.swapaxes(self.eavesdropper_least, 0, 1)),
            noise=self.noise,
            eavesdropper_noise=self.eavesdropper_noise,
            eavesdropper_watts=None if self.eavesdropper_power == "signal" else self.eavesdropper_watts,
        )
