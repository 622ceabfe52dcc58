"""FOCI's whole system at one moment: devices and edges of a city quarter, from which P-EDGE's edges are taken.

Positions follow the paper's App. B.3 (denser areas get more edges); radio, battery and hot-spot parameters that
the paper leaves open were chosen so that its Table 1 is met by the rows ALP and NSG. M devices, N edges, K layer
groups; u = 0 is a local device, u = n + 1 one attached to edge n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mecbench.problems.draws import quantise
from mecbench.problems.p_edge import physics, profiles

__all__ = [
    "BATTERY_RANGE",
    "CLASSES",
    "MAP_POINTS",
    "NEAREST",
    "NOISE_DENSITY",
    "PATH_LOSS",
    "Attachment",
    "Constants",
    "HotSpots",
    "Options",
    "System",
    "SystemParameters",
    "all_local",
    "clock_ratio",
    "compose_options",
    "distances",
    "draw_points",
    "draw_system",
    "lloyd",
    "neurosurgeon",
    "options",
    "uplink_rate",
]

MAP_POINTS = 4000  # sample of the long-run map on which edges are placed
LLOYD_STEPS = 15
BACKGROUND = 0.2  # share of points that belong to no hot spot
HOT_SPOT_MARGIN = 0.15  # share of the side that centres keep from the border
HOT_SPOT_SPREAD = (100.0, 250.0)  # [m]
NEAREST = 10.0  # distances below count as this [m]
PATH_LOSS = (128.1, 37.6)  # intercept [dB] and slope [dB/decade] at distances in km (3GPP TR 36.814, urban macro)
NOISE_DENSITY = -174.0  # [dBm/Hz]
BATTERY_RANGE = (3.0, 12.0)  # charge at which the clock is at its floor, at its full rate [Wh]


class SystemParameters(BaseModel):
    """Parameters of a system; the defaults are the paper's 240 devices and 11 edges."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    population: int = Field(240, ge=1, le=100_000, description="M, devices of the whole system")
    edges: int = Field(11, ge=1, le=1000, description="N, edges of the whole system")
    area: float = Field(2.5, gt=0, le=1e6, description="area of the square quarter [km^2]")
    tilt: float = Field(1.0, ge=0.01, le=1e6, description="Dirichlet parameter of today's crowd; the smaller, the more overload")
    profile: str = Field("mobilenet-v3-large-8", description="layer profile of the network")
    edge_multiprocessors: int = Field(256, ge=1, le=2**31, description="L of every edge, which NSG believes to have for itself [SM]")
    edge_work: float = Field(180.0, gt=0, description="tau, work of the whole network on an edge [SM ms]")
    bandwidth: float = Field(8e6, gt=0, le=1e12, description="uplink bandwidth of each device [Hz]")
    radio_power: float = Field(23.0, ge=-300, le=100, description="radiated power of a device [dBm]")
    noise_figure: float = Field(7.0, ge=0, le=100, description="noise figure of an edge [dB]")
    shadowing: float = Field(6.0, ge=0, le=50, description="standard deviation of the shadowing [dB]")
    transmit_power: float = Field(1.0, ge=0, description="power that a device draws while sending [W = mJ/ms]")
    battery: tuple[float, float] = Field((3.0, 12.0), description="least and largest charge of a battery [Wh]")
    clock_floor: float = Field(0.65, gt=0, le=1, description="clock ratio of an empty device")
    full_latency: float = Field(28.9, gt=0, description="latency of the whole network on a device at full clock [ms]")
    latency_exponent: float = Field(-0.725, description="device latency grows as clock_ratio ** latency_exponent")
    full_energy: float = Field(71.4, gt=0, description="energy of the whole network on a device at full clock [mJ]")
    energy_exponent: float = Field(0.85, description="device energy grows as clock_ratio ** energy_exponent")
    energy_unit: float = Field(1000.0, gt=0, description="1 / alpha: energy that costs 1 [mJ]")
    latency_unit: float = Field(28.9, gt=0, description="1 / beta: latency that costs 1 [ms]")


CLASSES = {
    name: SystemParameters(population=population, edges=edges, area=2.5 * edges / 11)
    for name, population, edges in (("S", 20, 3), ("M", 60, 5), ("L", 120, 8), ("XL", 240, 11))
}


@dataclass(frozen=True, eq=False)
class HotSpots:
    """A crowd: a Gaussian mixture over hot spots and a uniform background.

    Attributes
    ----------
    side
        Side of the quarter [m].
    centres
        Shape [H, 2] [m].
    spreads
        Standard deviation of each hot spot [m], shape [H].
    weights
        Share of each hot spot, shape [H], sum 1.
    """

    side: float
    centres: np.ndarray
    spreads: np.ndarray
    weights: np.ndarray

    def weighted(self, weights: np.ndarray) -> HotSpots:
        """Return the same hot spots with other weights, normalised here."""
        return HotSpots(self.side, self.centres, self.spreads, weights / weights.sum())


@dataclass(frozen=True, eq=False)
class System:
    """Draw of a whole system.

    Attributes
    ----------
    parameters
        What it was drawn with.
    crowd
        Where devices are today and go next.
    edge_position
        Shape [N, 2] [m].
    device_position
        Shape [M, 2] [m].
    shadowing
        Attenuation beyond path loss [dB], shape [M, N].
    battery
        Charge e [Wh], shape [M].
    clock_ratio
        rho, shape [M].
    uplink_rate
        r [bit/s], shape [M, N].
    """

    parameters: SystemParameters
    crowd: HotSpots
    edge_position: np.ndarray
    device_position: np.ndarray
    shadowing: np.ndarray
    battery: np.ndarray
    clock_ratio: np.ndarray
    uplink_rate: np.ndarray


class Constants(Protocol):
    """What `compose_options` needs of a system's parameters, or of an instance."""

    @property
    def edge_work(self) -> float:
        """tau, work of the whole network on an edge [SM ms]."""

    @property
    def transmit_power(self) -> float:
        """Power that a device draws while sending [W = mJ/ms]."""

    @property
    def energy_unit(self) -> float:
        """1 / alpha [mJ]."""

    @property
    def latency_unit(self) -> float:
        """1 / beta [ms]."""


@dataclass(frozen=True, eq=False)
class Options:
    """What each device would pay for each of its options, prior to any sharing.

    Attributes
    ----------
    own_latency, energy, fixed
        D^lo + D^tr [ms], E [mJ] and a = R_c of (device, edge, cut), shape [M, N, K].
    tail_work, shared
        w [SM ms] and b = R_f of each cut, shape [K]; what reads b takes [M, N, K] too.
    local_latency, local_energy, local
        D [ms], E [mJ] and cost of running locally, shape [M].
    """

    own_latency: np.ndarray
    energy: np.ndarray
    fixed: np.ndarray
    tail_work: np.ndarray
    shared: np.ndarray
    local_latency: np.ndarray
    local_energy: np.ndarray
    local: np.ndarray


class Attachment(NamedTuple):
    """Decisions of all devices: u in 0..N with 0 local, k in 0..K with K local; int64, shape [M] each."""

    edge: np.ndarray
    cut: np.ndarray


def draw_system(parameters: SystemParameters, random: np.random.RandomState) -> System:
    """Draw hot spots, edges, devices, shadowing and batteries, in this order."""
    side = 1000.0 * float(np.sqrt(parameters.area))
    crowd = _draw_hot_spots(parameters.edges, side, random)
    edge_position = lloyd(draw_points(crowd, MAP_POINTS, random), parameters.edges)
    # Today's crowd is not the long-run map on which the edges were placed: this overloads some of them.
    crowd = crowd.weighted(crowd.weights * quantise(random.dirichlet(np.full(crowd.weights.size, parameters.tilt))))
    device_position = draw_points(crowd, parameters.population, random)
    shadowing = quantise(random.normal(0.0, parameters.shadowing, (parameters.population, parameters.edges)))
    battery = quantise(random.uniform(*parameters.battery, parameters.population))
    return System(
        parameters,
        crowd,
        edge_position,
        device_position,
        shadowing,
        battery,
        quantise(clock_ratio(battery, parameters.clock_floor)),
        quantise(uplink_rate(distances(device_position, edge_position), shadowing, parameters)),
    )


def _draw_hot_spots(edges: int, side: float, random: np.random.RandomState) -> HotSpots:
    count = max(2, round(6 * edges / 11))
    centres = quantise(random.uniform(HOT_SPOT_MARGIN * side, (1 - HOT_SPOT_MARGIN) * side, (count, 2)))
    spreads = quantise(random.uniform(*HOT_SPOT_SPREAD, count))
    weights = quantise(random.dirichlet(np.full(count, 2.0)))
    return HotSpots(side, centres, spreads, weights / weights.sum())


def draw_points(crowd: HotSpots, count: int, random: np.random.RandomState) -> np.ndarray:
    """Draw positions from a crowd: its hot spots, a background of 20 %, clipped to the square.

    Returns
    -------
    np.ndarray
        Shape [count, 2] [m], nine significant digits.
    """
    spot = random.choice(crowd.weights.size, size=count, p=crowd.weights)
    normal = quantise(random.normal(size=(count, 2)))
    background = random.uniform(size=count) < BACKGROUND
    uniform = quantise(random.uniform(size=(count, 2)))
    gathered = crowd.centres[spot] + crowd.spreads[spot, None] * normal
    points = np.where(background[:, None], crowd.side * uniform, gathered)
    return quantise(np.clip(points, 0.0, crowd.side))


def lloyd(points: np.ndarray, clusters: int, steps: int = LLOYD_STEPS) -> np.ndarray:
    """Place cluster centres by Lloyd's algorithm (k-means), started at the first points; an empty cell keeps its centre.

    Returns
    -------
    np.ndarray
        Shape [clusters, 2], nine significant digits.
    """
    centres = points[:clusters].copy()
    for _ in range(steps):
        nearest = distances(points, centres).argmin(axis=1)
        members = np.bincount(nearest, minlength=clusters)
        # bincount adds in order, so the sums are the same on every platform.
        sums = np.stack([np.bincount(nearest, axis, clusters) for axis in points.T], axis=1)
        centres = np.where(members[:, None] > 0, sums / np.maximum(members, 1)[:, None], centres)
    return quantise(centres)


def distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances [m], shape [P, 2] and [Q, 2] -> [P, Q]."""
    difference = points[:, None] - others
    return np.sqrt(difference[..., 0] ** 2 + difference[..., 1] ** 2)


def clock_ratio(battery: np.ndarray, floor: float, charges: tuple[float, float] = BATTERY_RANGE) -> np.ndarray:
    """rho, the clock ratio that a device keeps at a charge [Wh]: linear between the floor and one; any shape.

    Parameters
    ----------
    battery
        e [Wh].
    floor
        Clock ratio of an empty device.
    charges
        Charge at which the clock is at its floor, at its full rate [Wh].
    """
    low, high = charges
    charge: np.ndarray = np.clip((battery - low) / (high - low), 0.0, 1.0)
    return floor + (1 - floor) * charge


def uplink_rate(distance: np.ndarray, shadowing: np.ndarray, parameters: SystemParameters) -> np.ndarray:
    """Uplink rate r of a system's radio [bit/s], by `physics.uplink_rate`; any shape."""
    return physics.uplink_rate(
        distance,
        shadowing,
        bandwidth=parameters.bandwidth,
        radio_power=parameters.radio_power,
        noise_density=NOISE_DENSITY,
        noise_figure=parameters.noise_figure,
        path_loss=PATH_LOSS,
        nearest=NEAREST,
    )


def options(
    parameters: SystemParameters, clock_ratio: np.ndarray, uplink_rate: np.ndarray, switch_cost: np.ndarray | float = 0.0
) -> Options:
    """Latency, energy and cost of every option of every device (App. A, eq. 11).

    Parameters
    ----------
    parameters
        The system's parameters.
    clock_ratio
        rho, shape [M].
    uplink_rate
        r [bit/s], shape [M, N].
    switch_cost
        C of attaching a device to an edge, broadcast against [M, N].
    """
    profile = profiles.load(parameters.profile)
    return compose_options(
        parameters,
        physics.head_share(profile.group_macs, np.arange(profile.groups)),
        physics.device_latency(clock_ratio, parameters.full_latency, parameters.latency_exponent),
        physics.device_energy(clock_ratio, parameters.full_energy, parameters.energy_exponent),
        physics.transmission_latency(profile.cut_bytes, uplink_rate[..., None]),
        np.broadcast_to(np.asarray(switch_cost), uplink_rate.shape),
    )


def compose_options(
    constants: Constants,
    share: np.ndarray,
    local_latency: np.ndarray,
    local_energy: np.ndarray,
    sending: np.ndarray,
    switch_cost: np.ndarray,
) -> Options:
    """Options from their parts (App. A, eq. 11).

    Parameters
    ----------
    constants
        Work, power and units.
    share
        S_k of the cuts k < K, shape [K].
    local_latency, local_energy
        D_full [ms] and E_full [mJ] of each device, shape [M].
    sending
        D^tr [ms], shape [M, N, K].
    switch_cost
        C, shape [M, N].
    """
    own_latency = share * local_latency[:, None, None] + sending
    energy = share * local_energy[:, None, None] + constants.transmit_power * sending
    units = (constants.energy_unit, constants.latency_unit)
    tail_work = constants.edge_work * (1.0 - share)
    return Options(
        own_latency,
        energy,
        physics.fixed_cost(energy, own_latency, switch_cost[..., None], *units),
        tail_work,
        tail_work / constants.latency_unit,
        local_latency,
        local_energy,
        physics.fixed_cost(local_energy, local_latency, np.zeros_like(local_energy), *units),
    )


def all_local(devices: int, groups: int) -> Attachment:
    """ALP: every one of M devices runs the whole network of K groups itself."""
    return Attachment(np.zeros(devices, dtype=np.int64), np.full(devices, groups, dtype=np.int64))


def neurosurgeon(choices: Options, multiprocessors: int) -> Attachment:
    """NSG: every device takes the option that is best if it has the whole edge for itself.

    The argmin over local and all (n, k) of a_mnk + b_k / L; ties go to local, then to the lowest edge and cut.

    Parameters
    ----------
    choices
        Options of all devices.
    multiprocessors
        L, multiprocessors of each edge.
    """
    groups = choices.shared.shape[-1]
    belief = choices.fixed + choices.shared / multiprocessors
    belief = belief.reshape(belief.shape[0], -1)
    best = belief.argmin(axis=1)
    attached = belief[np.arange(best.size), best] < choices.local
    return Attachment(np.where(attached, best // groups + 1, 0), np.where(attached, best % groups, groups))
