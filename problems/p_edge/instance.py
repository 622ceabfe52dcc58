"""The P-EDGE instance: one edge and the devices attached to it, their decisions fixed."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.p_edge import physics

__all__ = ["Instance"]


class Instance(ArrayModel):
    """One edge at one moment; M devices, K layer groups of the network.

    The paper's symbols: |M_n| devices, L streaming multiprocessors (SMs), rho^m clock ratio, k^m cut, C^m switch
    cost, alpha, beta, gamma weights.
    """

    problem: ClassVar[str] = "p-edge"
    format: ClassVar[int] = 1

    multiprocessors: int = Field(ge=1, le=2**31, description="L, streaming multiprocessors of the edge [SM]")
    clock_ratio: Annotated[np.ndarray, Array("M", above=0, most=1)] = Field(description="rho, share of the full clock each device runs at")
    uplink_rate: Annotated[np.ndarray, Array("M", unit="bit/s", above=0)] = Field(description="r, uplink rate of each device to the edge")
    cut: Annotated[np.ndarray, Array("M", dtype=int, least=0)] = Field(description="k, last layer group that each device runs itself, < K")
    switch_cost: Annotated[np.ndarray, Array("M", least=0)] = Field(description="C, cost of having changed the edge")
    group_macs: Annotated[np.ndarray, Array("K", unit="MAC", dtype=int, least=0)] = Field(
        description="multiply-accumulate operations of each layer group"
    )
    cut_bytes: Annotated[np.ndarray, Array("K", unit="byte", dtype=int, least=0)] = Field(
        description="bytes sent when cutting after group k = 0..K-1; k = 0 sends the raw image"
    )
    edge_work: float = Field(gt=0, allow_inf_nan=False, description="tau, work of the whole network on the edge [SM ms]")
    full_latency: float = Field(gt=0, allow_inf_nan=False, description="latency of the whole network on a device at full clock [ms]")
    latency_exponent: float = Field(allow_inf_nan=False, description="device latency grows as clock_ratio ** latency_exponent")
    full_energy: float = Field(gt=0, allow_inf_nan=False, description="energy of the whole network on a device at full clock [mJ]")
    energy_exponent: float = Field(allow_inf_nan=False, description="device energy grows as clock_ratio ** energy_exponent")
    transmit_power: float = Field(ge=0, allow_inf_nan=False, description="power while sending [W = mJ/ms]")
    energy_unit: float = Field(gt=0, allow_inf_nan=False, description="1 / alpha: energy that costs 1 [mJ]")
    latency_unit: float = Field(gt=0, allow_inf_nan=False, description="1 / beta: latency that costs 1 [ms]")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        devices, groups = self.cut.size, self.group_macs.size
        if not 1 <= devices <= self.multiprocessors:
            raise PydanticCustomError(
                "devices",
                "expected 1 to multiprocessors = {most} devices, since each holds at least one, found {found}",
                {"most": self.multiprocessors, "found": devices},
            )
        if self.cut.max() >= groups:
            raise PydanticCustomError(
                "cut",
                "expected field cut below K = {groups}, since cut K is a local device, found {found}",
                {"groups": groups, "found": int(self.cut.max())},
            )
        if self.group_macs.sum() <= 0:
            raise PydanticCustomError("macs", "expected field group_macs to have a positive sum, found 0", {})
        return self

    @property
    def devices(self) -> int:
        """|M_n|, number of devices."""
        return int(self.cut.size)

    @cached_property
    def head_share(self) -> np.ndarray:
        """S_k, share of the network that each device computes itself, shape [M]."""
        return physics.head_share(self.group_macs, self.cut)

    @cached_property
    def transmission_latency(self) -> np.ndarray:
        """D^tr of each device [ms], shape [M]."""
        return physics.transmission_latency(self.cut_bytes[self.cut], self.uplink_rate)

    @cached_property
    def own_latency(self) -> np.ndarray:
        """D^lo + D^tr of each device [ms], shape [M]."""
        full = physics.device_latency(self.clock_ratio, self.full_latency, self.latency_exponent)
        return self.head_share * full + self.transmission_latency

    @cached_property
    def energy(self) -> np.ndarray:
        """E of each device [mJ], shape [M]."""
        full = physics.device_energy(self.clock_ratio, self.full_energy, self.energy_exponent)
        return self.head_share * full + self.transmit_power * self.transmission_latency

    @cached_property
    def tail_work(self) -> np.ndarray:
        """w, work that each device leaves to the edge [SM ms], shape [M]."""
        return self.edge_work * (1.0 - self.head_share)

    @cached_property
    def fixed_cost(self) -> np.ndarray:
        """a = R_c of each device (App. A, eq. 11), shape [M]."""
        return physics.fixed_cost(self.energy, self.own_latency, self.switch_cost, self.energy_unit, self.latency_unit)

    @cached_property
    def shared_cost(self) -> np.ndarray:
        """b = R_f of each device (App. A, eq. 11) [SM], shape [M]: what it would pay on a single multiprocessor."""
        return self.tail_work / self.latency_unit
