"""Generator of P1: the paper's section 5.1, with a name for every choice that it leaves open.

Every quantity has a stream of its own, so that parameters can be compared on equal draws: profile, penalty, weights, deadline,
subcarriers and slot fit leave places, computes, loads and tasks as they were. Nothing is rejected but places from which
the server cannot be reached, and a trace without any task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.draws import quantise, stream
from mecbench.problems.errors import InputError
from mecbench.problems.p1 import physics, profiles
from mecbench.problems.p1.instance import SERVER, Instance

__all__ = ["GENERATOR_VERSION", "SIZES", "Parameters", "World", "assemble", "connected", "generate"]

GENERATOR_VERSION = 1
MOST_REDRAWS = 10_000
SAME = (  # parameters that an instance holds as they are
    "deadline",
    "slot_fit",
    "energy_weight",
    "delay_weight",
    "penalty",
    "transmission_power",
    "noise",
    "path_loss_exponent",
    "least_distance",
    "device_range",
    "server_range",
    "least_availability",
)


def _one_number(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


Whole = Annotated[tuple[int, int], BeforeValidator(_one_number)]  # least and largest of a uniform integer; one number is both


class Parameters(BaseModel):
    """What an instance is drawn with; the defaults are the paper's, and where it is silent, choices.

    ``profile`` says whose energy counts: under ``mains`` the server's does not, as the paper's figures suggest, under
    ``literal`` it does, as its eq. (4) reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    profile: Literal["mains", "literal"] = Field("mains", description="whether the server's energy is free or charged like a device's")
    devices: Whole = Field((10, 10), description="N")
    arrival_rate: float = Field(0.6, gt=0, le=100, description="lambda, mean tasks of a device in a slot of arrivals")
    tasks: Whole | None = Field(None, description="Q, tasks of any source and release; none for Poisson arrivals at each device")
    arrival_slots: int = Field(3, ge=1, le=1000, description="A, slots in which tasks are released")
    window: Whole = Field((3, 3), description="K, slots that a task may use")
    subcarriers: Whole = Field((20, 20), description="S")
    subcarrier_bandwidth: float = Field(1e6, gt=0, le=1e12, description="B / S [Hz]")
    least_availability: int = Field(10, ge=0, le=100, description="least share that background load leaves of a device; 100 for none [%]")
    slot_fit: bool = Field(False, description="whether hop and block of a slot must moreover fit into T / K")
    deadline: float = Field(3.0, gt=0, le=1e6, description="T [s]")
    penalty: float = Field(5.0, gt=0, le=1e6, description="P, cost of a task that fails")
    energy_weight: float = Field(0.8, gt=0, le=1e6, description="w_e [1/J]")
    delay_weight: float = Field(0.2, gt=0, le=1e6, description="w_d [1/s]")

    frequency: tuple[float, float] = Field((1e8, 1e9), description="f of the devices, uniform [Hz]")
    server_frequency: float = Field(1e10, gt=0, le=1e15, description="f of the server [Hz]")
    energy_coefficient: float = Field(1e-26, ge=0, le=1, description="k0 [J s^2/cycle^3]")
    area: float = Field(200.0, gt=0, le=1e6, description="side of the square with the server in its centre [m]")
    device_range: float = Field(80.0, ge=0, le=1e7, description="largest distance of a link between devices [m]")
    server_range: float = Field(100.0, ge=0, le=1e7, description="largest distance of a link to the server [m]")
    transmission_power: float = Field(1.0, gt=0, le=1e6, description="p [W]")
    noise: float = Field(-113.0, ge=-1000, le=1000, description="noise power on a subcarrier [dBm]")
    path_loss_exponent: float = Field(4.0, ge=0, le=20, description="gain is distance to the power of minus this")
    least_distance: float = Field(5.0, gt=0, le=1e6, description="distance that nearer nodes count as [m]")
    network: str = Field("cerl-8", description="layer profile of the tasks")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        profiles.load(self.network)
        for name in ("devices", "tasks", "window", "subcarriers"):
            span = getattr(self, name)
            if span is not None and not 1 <= span[0] <= span[1] <= 10_000:
                raise PydanticCustomError(
                    "span", "expected field {name} to rise from 1 to at most 10000, found {found}", {"name": name, "found": list(span)}
                )
        if not 0 < self.frequency[0] <= self.frequency[1]:
            raise PydanticCustomError(
                "span", "expected field frequency to rise from above 0, found {found}", {"found": list(self.frequency)}
            )
        return self


_TINY = Parameters(devices=(2, 3), tasks=(3, 5), arrival_slots=1, window=(2, 3), subcarriers=(1, 2))
_MAINS = {
    "tiny": _TINY,
    "n5": Parameters(devices=(5, 5), tasks=(8, 12), arrival_slots=2, subcarriers=(4, 4)),
    "n10": Parameters(devices=(10, 10)),
    "n30": Parameters(devices=(30, 30)),
    "n50": Parameters(devices=(50, 50)),
    "n100": Parameters(devices=(100, 100)),
}

# With slots of 8/3 s instead of 1 s as many tasks can be done where they arise (LC3) as the paper's LC completes: 63 %.
_SLOT_FIT = {"slot_fit": True, "deadline": 8.0}

SIZES = (
    _MAINS
    | {f"literal-{size}": parameters.model_copy(update={"profile": "literal"}) for size, parameters in _MAINS.items()}
    | {f"slot-fit-{size}": _MAINS[size].model_copy(update=_SLOT_FIT) for size in ("n10", "n30", "n50")}
)


@dataclass(frozen=True, eq=False)
class World:
    """What is drawn; N devices, H slots, Q tasks.

    Attributes
    ----------
    window, subcarriers
        K and S.
    position
        Places of the devices [m], shape [N, 2].
    frequency
        f of the devices [Hz], shape [N].
    availability
        Of the devices [%], int64, shape [N, H].
    source, release
        Of each task, in any order, shape [Q].
    """

    window: int
    subcarriers: int
    position: np.ndarray
    frequency: np.ndarray
    availability: np.ndarray
    source: np.ndarray
    release: np.ndarray


def generate(parameters: Parameters, seed: int) -> Instance:
    """Draw an instance.

    Raises
    ------
    InputError
        If no places are found from which every device reaches the server, by itself or over one other.
    """
    sizes = stream("p1", "sizes", seed)
    devices, window, subcarriers = (
        int(sizes.randint(low, high + 1, dtype=np.int64)) for low, high in (parameters.devices, parameters.window, parameters.subcarriers)
    )

    def draws(quantity: str) -> np.random.RandomState:
        return stream("p1", quantity, devices, seed)

    low, high = parameters.frequency
    slots = parameters.arrival_slots + window - 1
    source, release = _tasks(parameters, devices, draws("tasks"))
    world = World(
        window=window,
        subcarriers=subcarriers,
        position=_places(parameters, devices, draws("position")),
        frequency=quantise(low + (high - low) * draws("frequency").random_sample(devices)),
        # Slot by slot, so that a longer trace begins with the shorter one.
        availability=draws("availability").randint(parameters.least_availability, 101, size=(slots, devices), dtype=np.int64).T,
        source=source,
        release=release,
    )
    return assemble(parameters, world)


def assemble(parameters: Parameters, world: World) -> Instance:
    """Instance of what was drawn."""
    devices, slots = world.availability.shape
    profile = profiles.load(parameters.network)
    coefficient = np.full(devices + 1, parameters.energy_coefficient)
    if parameters.profile == "mains":
        coefficient[SERVER] = 0.0
    order = np.lexsort((world.source, world.release))
    return Instance(
        **{name: getattr(parameters, name) for name in SAME},
        window=world.window,
        subcarriers=world.subcarriers,
        bandwidth=parameters.subcarrier_bandwidth * world.subcarriers,
        arrival_rate=_rate(parameters, devices),
        input_bits=profile.input_bits,
        layer_bits=profile.layer_bits,
        layer_cycles=profile.layer_cycles,
        position=np.concatenate((_centre(parameters), world.position)),
        frequency=np.concatenate(([parameters.server_frequency], world.frequency)),
        energy_coefficient=coefficient,
        availability=np.concatenate((np.full((1, slots), 100), world.availability)),
        source=world.source[order],
        release=world.release[order],
    )


def _centre(parameters: Parameters) -> np.ndarray:
    return np.full((1, 2), parameters.area / 2.0)


def _rate(parameters: Parameters, devices: int) -> float:
    """Law of arrivals that causal algorithms know; for a given number of tasks the Poisson law of the same mean."""
    if parameters.tasks is None:
        return parameters.arrival_rate
    return sum(parameters.tasks) / 2.0 / (devices * parameters.arrival_slots)


def _places(parameters: Parameters, devices: int, random: np.random.RandomState) -> np.ndarray:
    """Places of which every device reaches the server or has a linked device that does, [N, 2] in m."""
    for _ in range(MOST_REDRAWS):
        places = quantise(parameters.area * random.random_sample((devices, 2)))
        if connected(parameters, places):
            return places
    raise InputError(
        f"parameters: expected an area of which devices reach the server over at most one other, found none in {MOST_REDRAWS} draws of "
        f"{devices} devices on {parameters.area:g} m"
    )


def connected(parameters: Parameters, places: np.ndarray) -> bool:
    """Whether every device reaches the server, or has a linked device that does; places of shape [N, 2]."""
    distance = physics.distance(np.concatenate((_centre(parameters), places)))
    near = distance[SERVER, 1:] <= parameters.server_range
    linked = distance[1:, 1:] <= parameters.device_range
    return bool((near | (linked & near).any(axis=1)).all())


def _tasks(parameters: Parameters, devices: int, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Source and release of each task."""
    slots = parameters.arrival_slots
    if parameters.tasks is not None:
        low, high = parameters.tasks
        count = int(random.randint(low, high + 1, dtype=np.int64))
        return random.randint(1, devices + 1, size=count, dtype=np.int64), random.randint(slots, size=count, dtype=np.int64)
    while True:
        arrivals = random.poisson(parameters.arrival_rate, size=(slots, devices))
        release, device = np.nonzero(arrivals)
        if device.size:
            return np.repeat(device + 1, arrivals[release, device]), np.repeat(release, arrivals[release, device])
