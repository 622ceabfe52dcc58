"""The P instance: servers, users, services and the whole trace of requests."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.p import physics

__all__ = ["Instance"]


class Instance(ArrayModel):
    """One world and one trace; T slots, J servers, K users, I services of M models with at most L partition points.

    Every user asks for exactly one service in every slot. The paper's symbols: DT deployment interval, tau_bar delay
    limit, D_r samples of a request, f compute, S storage, B bandwidth, P power, eps energy per FLOP, Pre privacy
    preference, Lea leakage. ``G`` is 1 (gains hold for the whole horizon) or T. A KiB has 1024 bytes.
    """

    problem: ClassVar[str] = "p"
    format: ClassVar[int] = 1

    interval: int = Field(ge=1, description="DT, slots between two deployments [slot]")
    delay_limit: float = Field(gt=0, allow_inf_nan=False, description="tau_bar, limit of the average delay (C8) [s]")
    failure_delay: float = Field(gt=0, allow_inf_nan=False, description="tau_fail, delay of a failed request (5) [s]")
    privacy_weight: float = Field(ge=0, allow_inf_nan=False, description="mu1 of the cost (12)")
    energy_weight: float = Field(ge=0, allow_inf_nan=False, description="mu2 of the cost (12) [1/J]")
    privacy_base: float = Field(ge=0, allow_inf_nan=False, description="alpha1 of the privacy cost (10)")
    privacy_slope: float = Field(ge=0, allow_inf_nan=False, description="alpha2 of the privacy cost (10)")
    privacy_scale: float = Field(ge=0, allow_inf_nan=False, description="beta, privacy cost per KiB of raw input [1/KiB]")
    flops_per_mac: float = Field(gt=0, allow_inf_nan=False, description="FLOP that one counted operation stands for")
    noise_density: float = Field(allow_inf_nan=False, description="thermal noise [dBm/Hz]")
    noise_figure: float = Field(allow_inf_nan=False, description="noise figure of the receivers [dB]")

    server_position: Annotated[np.ndarray, Array("J 2", unit="m")] = Field(description="places of the servers")
    server_flops: Annotated[np.ndarray, Array("J", unit="FLOP/s", above=0)] = Field(description="f_j, compute of each server")
    storage: Annotated[np.ndarray, Array("J", unit="byte", dtype=int, least=0)] = Field(description="S_j, storage of each server")
    bandwidth: Annotated[np.ndarray, Array("J", unit="Hz", above=0)] = Field(description="B_j, bandwidth of each server")
    server_power: Annotated[np.ndarray, Array("J", unit="dBm")] = Field(description="P_j, transmission power of each server")
    cloud_rate: Annotated[np.ndarray, Array("J", unit="bit/s", above=0)] = Field(
        description="R_C2E, rate from the cloud to each server, of the migration cost (23) only"
    )
    user_position: Annotated[np.ndarray, Array("K 2", unit="m")] = Field(description="places of the users")
    user_flops: Annotated[np.ndarray, Array("K", unit="FLOP/s", above=0)] = Field(description="f_k, compute of each user")
    user_power: Annotated[np.ndarray, Array("K", unit="dBm")] = Field(description="P_k, transmission power of each user")
    energy_per_flop: Annotated[np.ndarray, Array("K", unit="J/FLOP", least=0)] = Field(description="eps_k of each user (6)")
    privacy_preference: Annotated[np.ndarray, Array("K", least=0)] = Field(description="Pre_k of each user (10)")
    gain: Annotated[np.ndarray, Array("G J K", unit="dB")] = Field(description="channel gain between server and user, per slot or once")

    models: tuple[str, ...] = Field(min_length=1, description="names of the models")
    layers: Annotated[np.ndarray, Array("M", dtype=int, least=1)] = Field(description="L_i, partition points of each model beside z = 0")
    input_bytes: Annotated[np.ndarray, Array("M", unit="byte", dtype=int, least=0)] = Field(description="raw input of one sample")
    layer_bytes: Annotated[np.ndarray, Array("M L", unit="byte", dtype=int, least=0)] = Field(
        description="parameters of each layer, 0 beyond the last"
    )
    layer_macs: Annotated[np.ndarray, Array("M L", unit="MAC", dtype=int, least=0)] = Field(
        description="operations of each layer for one sample, 0 beyond the last"
    )
    output_bytes: Annotated[np.ndarray, Array("M L", unit="byte", dtype=int, least=0)] = Field(
        description="output of each layer for one sample, 0 beyond the last"
    )
    leakage: Annotated[np.ndarray, Array("M L", least=0, most=1)] = Field(
        description="Lea after each layer, non-increasing; 0 at the last layer and beyond"
    )
    service_model: Annotated[np.ndarray, Array("I", dtype=int, least=0)] = Field(description="model of each service")

    warmup_service: Annotated[np.ndarray, Array("W K", dtype=int, least=0)] = Field(description="services requested in the DT slots before")
    warmup_batch: Annotated[np.ndarray, Array("W K", unit="sample", dtype=int, least=1)] = Field(
        description="samples of the requests of the DT slots before"
    )
    service: Annotated[np.ndarray, Array("T K", dtype=int, least=0)] = Field(description="i_r, service that each user requests")
    batch: Annotated[np.ndarray, Array("T K", unit="sample", dtype=int, least=1)] = Field(description="D_r, samples of each request")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        counts = {"M": len(self.models), "I": self.service_model.size}
        for name, most, dimension in (("service", "I", "I"), ("warmup_service", "I", "I"), ("service_model", "M", "M")):
            values = getattr(self, name)
            if values.size and values.max() >= counts[most]:
                raise PydanticCustomError(
                    "index",
                    "expected field {name} below {dimension} = {most}, found {found}",
                    {"name": name, "dimension": dimension, "most": counts[most], "found": int(values.max())},
                )
        if self.layers.size != len(self.models):
            raise PydanticCustomError(
                "models",
                "expected field models to have one name for each of the {expected} rows of field layers, found {found}",
                {"expected": self.layers.size, "found": len(self.models)},
            )
        if self.service.shape[0] < 1 or min(self.user_flops.size, self.server_flops.size, self.service_model.size) < 1:
            raise PydanticCustomError("empty", "expected at least one slot, server, user and service, found none", {})
        if self.layers.max() > self.layer_bytes.shape[1]:
            raise PydanticCustomError(
                "layers",
                "expected field layers at most L = {most}, the columns of field layer_bytes, found {found}",
                {"most": self.layer_bytes.shape[1], "found": int(self.layers.max())},
            )
        if self.gain.shape[0] not in (1, self.slots):
            raise PydanticCustomError(
                "gain",
                "expected field gain to have 1 or T = {slots} rows, found {found}",
                {"slots": self.slots, "found": self.gain.shape[0]},
            )
        if self.warmup_service.shape[0] != self.interval:
            raise PydanticCustomError(
                "warmup",
                "expected field warmup_service to have interval = {expected} rows, found {found}",
                {"expected": self.interval, "found": self.warmup_service.shape[0]},
            )
        beyond = np.arange(self.layer_bytes.shape[1]) >= self.layers[:, None]
        for name in ("layer_bytes", "layer_macs", "output_bytes"):
            if getattr(self, name)[beyond].any():
                raise PydanticCustomError("padding", "expected field {name} to be 0 beyond each model's last layer", {"name": name})
        last = np.arange(self.leakage.shape[1]) >= self.layers[:, None] - 1
        if self.leakage[last].any() or (np.diff(self.leakage, axis=1) > 0).any():
            raise PydanticCustomError("leakage", "expected field leakage not to rise along the layers and to be 0 from the last one on", {})
        return self

    @property
    def slots(self) -> int:
        """T, number of slots."""
        return int(self.service.shape[0])

    @property
    def servers(self) -> int:
        """J, number of servers."""
        return int(self.server_flops.size)

    @property
    def users(self) -> int:
        """K, number of users."""
        return int(self.user_flops.size)

    @property
    def services(self) -> int:
        """I, number of services."""
        return int(self.service_model.size)

    @property
    def intervals(self) -> int:
        """Number of deployments, T / DT rounded up."""
        return -(-self.slots // self.interval)

    @property
    def requests(self) -> int:
        """N = T K, number of requests."""
        return self.slots * self.users

    @cached_property
    def cuts(self) -> np.ndarray:
        """L_i, largest cut of each service's model, int64, shape [I]."""
        return self.layers[self.service_model]

    @cached_property
    def service_bytes(self) -> np.ndarray:
        """D_i, all parameters of each service [byte], int64, shape [I]."""
        return self.layer_bytes.sum(axis=1)[self.service_model]

    @cached_property
    def device_bytes(self) -> np.ndarray:
        """D^U, parameters that a user downloads for each cut z = 0..L [byte], int64, shape [M, L + 1]."""
        return physics.head(self.layer_bytes)

    @cached_property
    def device_flop(self) -> np.ndarray:
        """Omega^U, what a user computes for one sample at each cut z = 0..L [FLOP], shape [M, L + 1]."""
        return self.flops_per_mac * physics.head(self.layer_macs)

    @cached_property
    def edge_flop(self) -> np.ndarray:
        """Omega^E, what a server computes for one sample at each cut z = 0..L [FLOP], shape [M, L + 1]."""
        macs = self.layer_macs.sum(axis=1, keepdims=True)
        return self.flops_per_mac * (macs - physics.head(self.layer_macs))

    @cached_property
    def sent_bytes(self) -> np.ndarray:
        """What is sent for one sample at each cut: the raw input at z = 0, nothing at z = L [byte], int64, shape [M, L + 1]."""
        sent = np.concatenate((self.input_bytes[:, None], self.output_bytes), axis=1)
        return np.where(np.arange(sent.shape[1]) < self.layers[:, None], sent, 0)

    @cached_property
    def leakage_at_cut(self) -> np.ndarray:
        """Lea at each cut z = 0..L: 1 for the raw input, 0 at z = L, shape [M, L + 1]."""
        return np.concatenate((np.ones((self.layers.size, 1)), self.leakage), axis=1)

    @cached_property
    def user_watts(self) -> np.ndarray:
        """P_k, transmission power of each user [W], shape [K]."""
        return physics.watts(self.user_power)

    @cached_property
    def uplink_efficiency(self) -> np.ndarray:
        """Eta^ul between each server and user [bit/s/Hz], shape [G, J, K]."""
        return physics.efficiency(self.user_power, self.gain, self.bandwidth[:, None], self.noise_density, self.noise_figure)

    @cached_property
    def downlink_efficiency(self) -> np.ndarray:
        """Eta^dl between each server and user [bit/s/Hz], shape [G, J, K]."""
        return physics.efficiency(self.server_power[:, None], self.gain, self.bandwidth[:, None], self.noise_density, self.noise_figure)

    @cached_property
    def privacy_price(self) -> np.ndarray:
        """Privacy cost of one sample that leaks everything, (10) at Lea = 1, shape [K, M]."""
        preference = self.privacy_preference[:, None]
        return physics.privacy(self.privacy_base, self.privacy_slope, preference, self.privacy_scale, self.input_bytes)
