"""Generator of P-MARL: FOCI's system of App. B.3, with devices that move; one epoch of it is P-ORIG.

Static draws are those of P-EDGE's systems, mobility and shadowing have streams of their own: a longer episode begins with the
shorter one, and whatever else is changed leaves the devices on their ways. Nothing is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from mecbench.problems.draws import split_of, stream
from mecbench.problems.p_edge import profiles
from mecbench.problems.p_edge.system import BATTERY_RANGE, NEAREST, NOISE_DENSITY, PATH_LOSS, SystemParameters, draw_system
from mecbench.problems.p_marl.instance import Drain, Instance, Objective
from mecbench.problems.p_marl.mobility import MobilityParameters, shadow, walk

__all__ = ["GENERATOR_VERSION", "SIZES", "Parameters", "World", "assemble", "generate"]

GENERATOR_VERSION = 1
SAME = (  # parameters that an instance holds as they are
    "objective",
    "discount",
    "epoch_seconds",
    "frame_rate",
    "latency_limit",
    "switch_cost",
    "divided_switch_cost",
    "drain",
    "clock_floor",
    "bandwidth",
    "radio_power",
    "noise_figure",
    "transmit_power",
    "edge_work",
    "full_latency",
    "latency_exponent",
    "full_energy",
    "energy_exponent",
    "energy_unit",
    "latency_unit",
)


class Parameters(SystemParameters, MobilityParameters):
    """What an instance is drawn with; the defaults are the paper's, and where it is silent, choices that meet its Table 1."""

    epochs: int = Field(240, ge=1, le=10_000, description="T, epochs of the episode; one is P-ORIG")
    epoch_seconds: float = Field(15.0, gt=0, le=86_400, description="length of an epoch [s]")
    frame_rate: float = Field(24.0, gt=0, le=1e6, description="inferences of each device [1/s]")
    latency_limit: float | None = Field(1000.0 / 24.0, gt=0, description="D_st [ms]; null for no limit, 1000/30 for 30 frames a second")
    switch_cost: float = Field(0.005, ge=0, description="gamma C, cost of attaching to another edge; 0.05 for devices that should stick")
    divided_switch_cost: bool = Field(False, description="whether l divides C, as the paper's R_f has it literally")
    drain: Drain = Field("exogenous", description="whether batteries depend on the decisions")
    objective: Objective = Field("mean-worst", description="mean over epochs of the worst cost, or worst over devices of the mean cost")
    discount: float = Field(1.0, gt=0, le=1, description="gamma of eq. (3)")

    @model_validator(mode="after")
    def _known(self) -> Self:
        profiles.load(self.profile)
        return self


def _sized(population: int, edges: int, epochs: int, multiprocessors: int = 256) -> Parameters:
    """Parameters at the density of the paper's 240 devices and 11 edges on 2.5 km^2; fewer multiprocessors are as much faster."""
    work = 180.0 * multiprocessors / 256
    return Parameters(
        population=population, edges=edges, area=2.5 * edges / 11, epochs=epochs, edge_multiprocessors=multiprocessors, edge_work=work
    )


SIZES = {
    "orig-tiny": _sized(5, 2, 1, 8),
    "tiny": _sized(3, 2, 3, 6),
    **{f"orig-{m}x{n}": _sized(m, n, 1) for m, n in ((20, 3), (60, 5), (120, 8), (240, 11))},
    "60x5": _sized(60, 5, 20),
    "240x11": _sized(240, 11, 240),
    "1000x40": _sized(1000, 40, 20),
}


@dataclass(frozen=True, eq=False)
class World:
    """What is drawn, or taken from recorded traces.

    Attributes
    ----------
    edge_position
        Shape [N, 2] [m].
    position
        Shape [T, M, 2] [m].
    shadowing
        Shape [T, M, N] [dB].
    battery
        Shape [M] [Wh].
    """

    edge_position: np.ndarray
    position: np.ndarray
    shadowing: np.ndarray
    battery: np.ndarray


def generate(parameters: Parameters, seed: int) -> Instance:
    """Draw an instance."""
    path = ("p-marl", split_of(seed), seed)
    system = draw_system(parameters, stream(*path, "system"))
    position = walk(
        parameters, system.crowd, system.device_position, parameters.epochs, parameters.epoch_seconds, stream(*path, "mobility")
    )
    shadowing = shadow(system.shadowing, position, parameters.shadowing, parameters.shadowing_distance, stream(*path, "shadowing"))
    return assemble(parameters, World(system.edge_position, position, shadowing, system.battery))


def assemble(parameters: Parameters, world: World) -> Instance:
    """Instance of a world; a fresh one, in which nobody was attached before."""
    profile = profiles.load(parameters.profile)
    return Instance(
        **{name: getattr(parameters, name) for name in SAME},
        multiprocessors=parameters.edge_multiprocessors,
        previous_edge=np.full(world.battery.size, -1),
        battery=world.battery,
        floor_charge=BATTERY_RANGE[0],
        full_charge=BATTERY_RANGE[1],
        edge_position=world.edge_position,
        position=world.position,
        shadowing=world.shadowing,
        noise_density=NOISE_DENSITY,
        path_loss_intercept=PATH_LOSS[0],
        path_loss_slope=PATH_LOSS[1],
        nearest=NEAREST,
        group_macs=profile.group_macs,
        cut_bytes=profile.cut_bytes,
    )
