"""Generator of P-EDGE: one edge of FOCI's system, or devices sampled from several of them.

The system is drawn without any solver; nothing is rejected. Families: *NSG cuts* are the devices that attach to
an edge when each believes to have it for itself, *random cuts* have a uniform device, one of its two nearest
edges and a uniform cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.draws import Split, split_of, stream
from mecbench.problems.errors import InputError
from mecbench.problems.p_edge import profiles
from mecbench.problems.p_edge.instance import Instance
from mecbench.problems.p_edge.system import System, SystemParameters, distances, draw_system, neurosurgeon, options

__all__ = ["GENERATOR_VERSION", "SIZES", "Parameters", "generate"]

GENERATOR_VERSION = 1
POOL = 12  # systems of each split from which devices are sampled

Family = Literal["nsg-cuts", "random-cuts"]


class Parameters(SystemParameters):
    """What an instance is drawn with; the fields beyond `SystemParameters` choose devices and edge."""

    family: Family = Field("nsg-cuts", description="who chose edge and cut of the devices")
    devices: tuple[int, int] | None = Field(None, description="least and largest |M_n|; none for whole edges, devices as they come")
    multiprocessors: int = Field(256, ge=1, le=2**31, description="L of the instance [SM]")

    @field_validator("devices", mode="before")
    @classmethod
    def _one_number(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        profiles.load(self.profile)
        if self.devices is not None and not 1 <= self.devices[0] <= self.devices[1] <= self.multiprocessors:
            raise PydanticCustomError(
                "devices",
                "expected field devices to rise from at least 1 to at most multiprocessors = {most}, found {found}",
                {"most": self.multiprocessors, "found": list(self.devices)},
            )
        return self

    @property
    def system(self) -> SystemParameters:
        """The system's part."""
        return SystemParameters(**{name: getattr(self, name) for name in SystemParameters.model_fields})


SIZES = {
    "tiny": Parameters(devices=(2, 8), multiprocessors=32),
    "small": Parameters(devices=(12, 20), multiprocessors=64),
    "paper": Parameters(),
    "large": Parameters(devices=(1000, 1000), multiprocessors=4096),
}


class _Rows(NamedTuple):
    """Devices with their decisions: rho [P], r [bit/s] [P], k [P]."""

    clock_ratio: np.ndarray
    uplink_rate: np.ndarray
    cut: np.ndarray

    def take(self, rows: np.ndarray) -> _Rows:
        return _Rows(*(column[rows] for column in self))


def generate(parameters: Parameters, seed: int) -> Instance:
    """Draw an instance.

    Test, valid and train seeds (see `split_of`) draw from systems of their own, so that nothing of one split is seen
    in another. Sampled instances share twelve systems per split; whole edges walk through the edges of one system
    after another.

    Raises
    ------
    InputError
        If the split's systems have fewer devices than asked for.
    """
    split = split_of(seed)
    rows = _whole_edge(parameters, split, seed) if parameters.devices is None else _sample(parameters, split, seed)
    profile = profiles.load(parameters.profile)
    return Instance(
        multiprocessors=parameters.multiprocessors,
        clock_ratio=rows.clock_ratio,
        uplink_rate=rows.uplink_rate,
        cut=rows.cut,
        switch_cost=np.zeros(rows.cut.size),  # a fresh system has not switched
        group_macs=profile.group_macs,
        cut_bytes=profile.cut_bytes,
        edge_work=parameters.edge_work,
        full_latency=parameters.full_latency,
        latency_exponent=parameters.latency_exponent,
        full_energy=parameters.full_energy,
        energy_exponent=parameters.energy_exponent,
        transmit_power=parameters.transmit_power,
        energy_unit=parameters.energy_unit,
        latency_unit=parameters.latency_unit,
    )


def _sample(parameters: Parameters, split: Split, seed: int) -> _Rows:
    assert parameters.devices is not None
    low, high = parameters.devices
    # Physics and L are left out of the path: a sweep over them compares the same devices.
    random = stream("p-edge", split, parameters.family, low, high, seed)
    count = int(random.randint(low, high + 1, dtype=np.int64))
    pool = _nsg_pool(parameters.system, split) if parameters.family == "nsg-cuts" else _near_pool(parameters.system, split)
    available = pool[0].size
    if count > available:
        raise InputError(f"parameters: expected field devices to be at most {available}, all that {POOL} systems have, found {count}")
    chosen = random.permutation(available)[:count]
    if parameters.family == "nsg-cuts":
        return _Rows(*(column[chosen] for column in pool))
    clock, near_rates = (column[chosen] for column in pool)
    which, cut = _random_decisions(count, parameters, random)
    return _Rows(clock, near_rates[np.arange(count), which], cut)


def _whole_edge(parameters: Parameters, split: Split, seed: int) -> _Rows:
    first = {"test": 0, "valid": 10_000}.get(split, 20_000)
    number, turn = divmod(seed - first, parameters.edges)
    system = _system(parameters.system, split, number)
    if parameters.family == "nsg-cuts":
        edge, cut = _nsg(system)
        edge = edge - 1
    else:
        random = stream("p-edge", split, "attachment", number)
        which, cut = _random_decisions(parameters.population, parameters, random)
        edge = _two_nearest(system)[np.arange(parameters.population), which]
    occupied = np.flatnonzero(np.bincount(edge[edge >= 0], minlength=parameters.edges))
    if not occupied.size:
        raise InputError("parameters: expected a system in which devices attach to edges, found one where all run locally")
    home = occupied[turn % occupied.size]
    members = np.flatnonzero(edge == home)
    if members.size > parameters.multiprocessors:
        # An edge admits those who lose most by staying local.
        local = options(parameters.system, system.clock_ratio, system.uplink_rate).local
        members = np.sort(members[np.argsort(-local[members], kind="stable")[: parameters.multiprocessors]])
    return _Rows(system.clock_ratio[members], system.uplink_rate[members, home], cut[members])


def _random_decisions(count: int, parameters: Parameters, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    which = random.randint(2, size=count, dtype=np.int64) % parameters.edges
    return which, random.randint(profiles.load(parameters.profile).groups, size=count, dtype=np.int64)


@lru_cache(maxsize=64)
def _system(parameters: SystemParameters, split: Split, number: int) -> System:
    return draw_system(parameters, stream("p-edge", split, "system", number))


def _nsg(system: System) -> tuple[np.ndarray, np.ndarray]:
    choices = options(system.parameters, system.clock_ratio, system.uplink_rate)
    return neurosurgeon(choices, system.parameters.edge_multiprocessors)


def _two_nearest(system: System) -> np.ndarray:
    return distances(system.device_position, system.edge_position).argsort(axis=1, kind="stable")[:, :2]


@lru_cache(maxsize=16)
def _nsg_pool(parameters: SystemParameters, split: Split) -> _Rows:
    """Devices that NSG attaches to an edge, shape [P] each."""
    columns = []
    for number in range(POOL):
        system = _system(parameters, split, number)
        edge, cut = _nsg(system)
        attached = np.flatnonzero(edge)
        columns.append((system.clock_ratio[attached], system.uplink_rate[attached, edge[attached] - 1], cut[attached]))
    return _Rows(*(np.concatenate(column) for column in zip(*columns, strict=True)))


@lru_cache(maxsize=16)
def _near_pool(parameters: SystemParameters, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """All devices: rho [P] and the rates to their two nearest edges [bit/s] [P, 2]."""
    columns = []
    for number in range(POOL):
        system = _system(parameters, split, number)
        columns.append((system.clock_ratio, np.take_along_axis(system.uplink_rate, _two_nearest(system), axis=1)))
    clock, rates = zip(*columns, strict=True)
    return np.concatenate(clock), np.concatenate(rates)
