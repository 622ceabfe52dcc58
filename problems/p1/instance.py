"""The P1 instance: nodes, their links and background loads, one network to infer, and the trace of tasks."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.arrays import Array, ArrayModel
from mecbench.problems.p1 import physics

__all__ = ["SERVER", "TIME_TOLERANCE", "Groups", "Instance"]

SERVER = 0  # node of the MEC server; devices are 1..N
TIME_TOLERANCE = 1e-9  # of deadlines [s], absolute


class Groups(NamedTuple):
    """Tasks that are alike: G groups of equal source and release, in the order of the tasks.

    Attributes
    ----------
    source, release
        Of each group's tasks, int64, shape [G].
    size
        Number of tasks of each group, int64, shape [G].
    of_task
        Group of each task, int64, shape [Q].
    """

    source: np.ndarray
    release: np.ndarray
    size: np.ndarray
    of_task: np.ndarray


class Instance(ArrayModel):
    """M = N + 1 nodes over H slots, node 0 the MEC server; Q tasks, each an inference of the same L layers.

    A slot is a stage: a task takes at most one hop and then runs at most one block of layers in it. It may use the
    ``window`` slots from its release on. The paper's symbols: O output of a layer, C its work, R^max capacity, w_e and
    w_d weights, k0 energy coefficient, T deadline. Causal algorithms know the laws of arrivals and background loads, not their
    coming values.
    """

    problem: ClassVar[str] = "p1"
    format: ClassVar[int] = 1

    window: int = Field(ge=1, description="K, slots that a task may use, its release the first [slot]")
    deadline: float = Field(gt=0, allow_inf_nan=False, description="T, limit of a task's computing and transmission together (10) [s]")
    slot_fit: bool = Field(description="whether hop and block of a slot must moreover fit into T / K")
    energy_weight: float = Field(gt=0, allow_inf_nan=False, description="w_e of the cost (6) [1/J]")
    delay_weight: float = Field(gt=0, allow_inf_nan=False, description="w_d of the cost (6) [1/s]")
    penalty: float = Field(gt=0, allow_inf_nan=False, description="P, cost of a task that fails (13)")

    subcarriers: int = Field(ge=1, le=10_000, description="S, hops of one slot at most (7)")
    bandwidth: float = Field(gt=0, allow_inf_nan=False, description="B, bandwidth of all subcarriers [Hz]")
    transmission_power: float = Field(gt=0, allow_inf_nan=False, description="p, of any sender [W]")
    noise: float = Field(ge=-1000, le=1000, description="noise power on a subcarrier [dBm]")
    path_loss_exponent: float = Field(ge=0, le=20, description="gain is distance to the power of minus this")
    least_distance: float = Field(gt=0, allow_inf_nan=False, description="distance that nearer nodes count as [m]")
    device_range: float = Field(ge=0, allow_inf_nan=False, description="largest distance of a link between devices [m]")
    server_range: float = Field(ge=0, allow_inf_nan=False, description="largest distance of a link to the server [m]")

    arrival_rate: float = Field(
        ge=0, allow_inf_nan=False, description="lambda, mean tasks of a device in a slot of arrivals, the known law"
    )
    least_availability: int = Field(ge=0, le=100, description="least of a device's uniform availability, the known law [%]")

    input_bits: int = Field(ge=0, le=2**53, description="O^0, raw input [bit]")
    layer_bits: Annotated[np.ndarray, Array("L", unit="bit", dtype=int, least=0)] = Field(description="O, output of each layer")
    layer_cycles: Annotated[np.ndarray, Array("L", unit="cycle", dtype=int, least=1, most=2**53)] = Field(
        description="C, work of each layer"
    )

    position: Annotated[np.ndarray, Array("M 2", unit="m")] = Field(description="places of the nodes")
    frequency: Annotated[np.ndarray, Array("M", unit="Hz", above=0)] = Field(description="f, full compute of each node")
    energy_coefficient: Annotated[np.ndarray, Array("M", unit="J s^2/cycle^3", least=0)] = Field(
        description="k0 of each node (4); 0 where its energy is not charged"
    )
    availability: Annotated[np.ndarray, Array("M H", unit="%", dtype=int, least=0, most=100)] = Field(
        description="R^max (8), share of each node that background load leaves in each slot"
    )
    source: Annotated[np.ndarray, Array("Q", dtype=int, least=1)] = Field(description="device that holds the raw input of each task")
    release: Annotated[np.ndarray, Array("Q", unit="slot", dtype=int, least=0)] = Field(description="first slot of each task")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.layers, self.tasks, self.devices) < 1:
            raise PydanticCustomError("empty", "expected at least one layer, task and device, found none", {})
        if self.arrival_slots < 1:
            raise PydanticCustomError(
                "window",
                "expected field window at most H = {most}, the columns of field availability, found {found}",
                {"most": self.slots, "found": self.window},
            )
        for name, limit, what in (("source", self.nodes, "M"), ("release", self.arrival_slots, "H - window + 1")):
            if getattr(self, name).max() >= limit:
                raise PydanticCustomError(
                    "index",
                    "expected field {name} below {what} = {limit}, found {found}",
                    {"name": name, "what": what, "limit": limit, "found": int(getattr(self, name).max())},
                )
        if (np.diff(self.release * self.nodes + self.source) < 0).any():
            raise PydanticCustomError("order", "expected tasks in the order of field release, then field source, found others", {})
        return self

    @property
    def nodes(self) -> int:
        """M, number of nodes, the server included."""
        return int(self.frequency.size)

    @property
    def devices(self) -> int:
        """N, number of devices."""
        return self.nodes - 1

    @property
    def tasks(self) -> int:
        """Q, number of tasks."""
        return int(self.source.size)

    @property
    def layers(self) -> int:
        """L, number of layers."""
        return int(self.layer_cycles.size)

    @property
    def slots(self) -> int:
        """H, number of slots."""
        return int(self.availability.shape[1])

    @property
    def arrival_slots(self) -> int:
        """A = H - K + 1, number of slots in which tasks may be released."""
        return self.slots - self.window + 1

    @property
    def slot_seconds(self) -> float:
        """Limit of a task's hop and block in one slot [s]; infinite unless they must fit."""
        return self.deadline / self.window if self.slot_fit else np.inf

    @cached_property
    def distance(self) -> np.ndarray:
        """Distance between any two nodes [m], shape [M, M]."""
        return physics.distance(self.position)

    @cached_property
    def link(self) -> np.ndarray:
        """Whether a hop from one node to another exists, bool, shape [M, M]; never from a node to itself."""
        link = self.distance <= self.device_range
        link[SERVER] = link[:, SERVER] = self.distance[SERVER] <= self.server_range
        np.fill_diagonal(link, False)
        return link

    @cached_property
    def rate(self) -> np.ndarray:
        """R^Trans (2) between any two nodes over one subcarrier [bit/s], linked or not, shape [M, M]."""
        gain = np.maximum(self.distance, self.least_distance) ** -self.path_loss_exponent
        return physics.transmission_rate(self.bandwidth, self.subcarriers, gain, self.transmission_power, self.noise)

    @cached_property
    def output_bits(self) -> np.ndarray:
        """What a hop sends after l = 0..L layers [bit], int64, shape [L + 1]."""
        return np.concatenate(([self.input_bits], self.layer_bits))

    @cached_property
    def hop_time(self) -> np.ndarray:
        """T^Trans (3) after l layers from node to node [s], shape [L + 1, M, M]; 0 to itself, infinite without a link."""
        times = physics.transmission_time(self.output_bits[:, None, None], self.rate)
        return np.where(self.link, times, np.where(np.eye(self.nodes, dtype=bool), 0.0, np.inf))

    @cached_property
    def block_cycles(self) -> np.ndarray:
        """Work of the layers after l up to j [cycle], shape [L + 1, L + 1]; 0 where j <= l."""
        done = np.concatenate(([0], np.cumsum(self.layer_cycles)))
        return np.maximum(done - done[:, None], 0).astype(float)

    @cached_property
    def groups(self) -> Groups:
        """Tasks that are alike."""
        key = self.release * self.nodes + self.source
        _, first, of_task, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        return Groups(self.source[first], self.release[first], count, of_task)
