"""The P-MARL instance: devices that move among edges, with their channels and batteries; P-ORIG is one epoch of it."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.p_edge import physics as device
from mecbench.problems.p_edge.system import clock_ratio
from mecbench.problems.p_marl import physics

__all__ = ["Drain", "Instance", "Objective"]

Objective = Literal["mean-worst", "worst-mean"]
Drain = Literal["exogenous", "endogenous"]


class Instance(ArrayModel):
    """M devices and N edges over T epochs, K layer groups of the network that all devices run.

    The paper's symbols: L streaming multiprocessors (SMs), D_st latency limit, rho^m clock ratio, C^m switch cost, alpha, beta,
    gamma weights. Positions, channels and, unless it is endogenous, the batteries are the exogenous trace: causal algorithms see the
    current epoch at most. All latencies and energies are per frame.
    """

    problem: ClassVar[str] = "p-marl"
    format: ClassVar[int] = 1

    objective: Objective = Field(
        description="mean-worst: mean over epochs of the worst cost, eq. (2) in every epoch; worst-mean: largest mean cost, eq. (3)"
    )
    discount: float = Field(gt=0, le=1, description="gamma of eq. (3), which weighs the epochs; 1 for a plain mean")
    epoch_seconds: float = Field(gt=0, allow_inf_nan=False, description="length of an epoch [s]")
    frame_rate: float = Field(gt=0, allow_inf_nan=False, description="inferences of each device [1/s]")
    latency_limit: float | None = Field(gt=0, allow_inf_nan=False, description="D_st of eq. (2) [ms]; none for no limit")
    multiprocessors: int = Field(ge=1, le=2**31, description="L of every edge [SM]")

    switch_cost: float = Field(ge=0, allow_inf_nan=False, description="gamma C, cost of attaching to another edge")
    divided_switch_cost: bool = Field(description="whether l divides C, as the paper's R_f has it literally")
    previous_edge: Annotated[np.ndarray, Array("M", dtype=int, least=-1)] = Field(
        description="u of each device prior to the first epoch; -1 for none, from which nobody switches"
    )

    battery: Annotated[np.ndarray, Array("M", unit="Wh", least=0)] = Field(description="e, charge of each device as the first epoch begins")
    drain: Drain = Field(
        description="exogenous: batteries lose what a local inference takes, whatever is decided; endogenous: what the decisions take"
    )
    clock_floor: float = Field(gt=0, le=1, description="clock ratio of an empty device")
    floor_charge: float = Field(ge=0, allow_inf_nan=False, description="charge up to which the clock is at its floor [Wh]")
    full_charge: float = Field(gt=0, allow_inf_nan=False, description="charge from which the clock is at its full rate [Wh]")

    edge_position: Annotated[np.ndarray, Array("N 2", unit="m", least=-1e7, most=1e7)] = Field(description="places of the edges")
    position: Annotated[np.ndarray, Array("T M 2", unit="m", least=-1e7, most=1e7)] = Field(
        description="place of each device in each epoch"
    )
    shadowing: Annotated[np.ndarray, Array("T M N", unit="dB", least=-1000, most=1000)] = Field(
        description="attenuation beyond path loss between each device and edge"
    )
    bandwidth: float = Field(gt=0, allow_inf_nan=False, description="B, uplink bandwidth dedicated to each device [Hz]")
    radio_power: float = Field(ge=-300, le=100, description="radiated power of a device [dBm]")
    noise_density: float = Field(ge=-300, le=100, description="thermal noise [dBm/Hz]")
    noise_figure: float = Field(ge=0, le=100, description="noise figure of an edge [dB]")
    path_loss_intercept: float = Field(ge=-1000, le=1000, description="path loss at 1 km [dB]")
    path_loss_slope: float = Field(ge=0, le=200, description="rise of the path loss with distance [dB/decade]")
    nearest: float = Field(gt=0, allow_inf_nan=False, description="distance that nearer devices count as [m]")
    transmit_power: float = Field(ge=0, allow_inf_nan=False, description="power that a device draws while sending [W = mJ/ms]")

    group_macs: Annotated[np.ndarray, Array("K", unit="MAC", dtype=int, least=0)] = Field(
        description="multiply-accumulate operations of each layer group"
    )
    cut_bytes: Annotated[np.ndarray, Array("K", unit="byte", dtype=int, least=0)] = Field(
        description="bytes sent when cutting after group k = 0..K-1; k = 0 sends the raw image"
    )
    edge_work: float = Field(gt=0, allow_inf_nan=False, description="tau, work of the whole network on an edge [SM ms]")
    full_latency: float = Field(gt=0, allow_inf_nan=False, description="latency of the whole network on a device at full clock [ms]")
    latency_exponent: float = Field(allow_inf_nan=False, description="device latency grows as clock ratio ** latency_exponent")
    full_energy: float = Field(gt=0, allow_inf_nan=False, description="energy of the whole network on a device at full clock [mJ]")
    energy_exponent: float = Field(allow_inf_nan=False, description="device energy grows as clock ratio ** energy_exponent")
    energy_unit: float = Field(gt=0, allow_inf_nan=False, description="1 / alpha: energy that costs 1 [mJ]")
    latency_unit: float = Field(gt=0, allow_inf_nan=False, description="1 / beta: latency that costs 1 [ms]")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.epochs, self.devices, self.edges, self.groups) < 1:
            raise PydanticCustomError("empty", "expected at least one epoch, device, edge and layer group, found none", {})
        if self.previous_edge.max() > self.edges:
            raise PydanticCustomError(
                "index",
                "expected field previous_edge at most N = {most}, found {found}",
                {"most": self.edges, "found": int(self.previous_edge.max())},
            )
        if self.floor_charge >= self.full_charge:
            raise PydanticCustomError(
                "charge",
                "expected field floor_charge below full_charge = {most}, found {found}",
                {"most": self.full_charge, "found": self.floor_charge},
            )
        if self.group_macs.sum() <= 0:
            raise PydanticCustomError("macs", "expected field group_macs to have a positive sum, found 0", {})
        return self

    @property
    def epochs(self) -> int:
        """T, number of epochs."""
        return int(self.position.shape[0])

    @property
    def devices(self) -> int:
        """M, number of devices."""
        return int(self.position.shape[1])

    @property
    def edges(self) -> int:
        """N, number of edges."""
        return int(self.edge_position.shape[0])

    @property
    def groups(self) -> int:
        """K, number of layer groups; a cut of K is a local device."""
        return int(self.group_macs.size)

    @property
    def frames(self) -> float:
        """Frames of each device in an epoch."""
        return self.frame_rate * self.epoch_seconds

    @property
    def latest(self) -> float:
        """Largest latency that meets the limit, its tolerance included [ms]; infinite without a limit."""
        return np.inf if self.latency_limit is None else self.latency_limit + physics.LATENCY_TOLERANCE

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each epoch in the objective, shape [T], sum 1."""
        return physics.epoch_weights(self.epochs, self.discount)

    @cached_property
    def distance(self) -> np.ndarray:
        """d of each device and edge [m], shape [T, M, N]."""
        away = self.position[:, :, None] - self.edge_position
        return np.sqrt(away[..., 0] ** 2 + away[..., 1] ** 2)

    @cached_property
    def uplink_rate(self) -> np.ndarray:
        """r of each device to each edge [bit/s], shape [T, M, N]."""
        return self.rate_at(self.distance, self.shadowing)

    @cached_property
    def head_share(self) -> np.ndarray:
        """S_k, share of the network up to each cut k = 0..K, shape [K + 1]."""
        return device.head_share(self.group_macs, np.arange(self.groups + 1))

    @cached_property
    def tail_work(self) -> np.ndarray:
        """w_k, work that each cut k = 0..K leaves to the edge [SM ms], shape [K + 1]."""
        return self.edge_work * (1.0 - self.head_share)

    @cached_property
    def clock_ratio(self) -> np.ndarray:
        """rho of each device in each epoch, shape [T, M].

        Under endogenous drain this is the initial clock throughout, which no decisions can exceed; what they do to it is
        recomputed with them.
        """
        battery, ratios = self.battery, np.empty((self.epochs, self.devices))
        for epoch in range(self.epochs):
            ratios[epoch] = self.clock_at(battery)
            if self.drain == "exogenous":
                energy = device.device_energy(ratios[epoch], self.full_energy, self.energy_exponent)
                battery = physics.drained(battery, energy, self.frames)
        return ratios

    @cached_property
    def local_latency(self) -> np.ndarray:
        """D of the whole network on each device at `clock_ratio` [ms], shape [T, M]."""
        return device.device_latency(self.clock_ratio, self.full_latency, self.latency_exponent)

    @cached_property
    def local_energy(self) -> np.ndarray:
        """E of the whole network on each device at `clock_ratio` [mJ], shape [T, M]."""
        return device.device_energy(self.clock_ratio, self.full_energy, self.energy_exponent)

    def clock_at(self, battery: np.ndarray) -> np.ndarray:
        """rho that devices keep at a charge [Wh]; any shape."""
        return clock_ratio(battery, self.clock_floor, (self.floor_charge, self.full_charge))

    def local_at(self, battery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D [ms] and E [mJ] of the whole network on devices at a charge [Wh]; any shape."""
        clock = self.clock_at(battery)
        energy = device.device_energy(clock, self.full_energy, self.energy_exponent)
        return device.device_latency(clock, self.full_latency, self.latency_exponent), energy

    def rate_at(self, distance: np.ndarray, shadowing: np.ndarray) -> np.ndarray:
        """Uplink rate [bit/s] at distances [m] and attenuations beyond path loss [dB]; any shape."""
        return device.uplink_rate(
            distance,
            shadowing,
            bandwidth=self.bandwidth,
            radio_power=self.radio_power,
            noise_density=self.noise_density,
            noise_figure=self.noise_figure,
            path_loss=(self.path_loss_intercept, self.path_loss_slope),
            nearest=self.nearest,
        )
