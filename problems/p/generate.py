"""Generator of P: the paper's Table I, with a name for every choice that the paper leaves open.

A seed stands for a *world* (places, gains, capacities, popularity of the services) and a *trace* (requests, and
fading where it is asked for). By default both come from the instance's seed: every instance is a new world. With
`Parameters.world` the world is that of another seed and only the trace is the instance's own: train on fresh
traces of one world, test on held-out ones, as the paper does.

Every quantity has a stream of its own, so that sizes and parameters can be compared on equal draws: a longer trace
begins with the shorter one, more users are the same ones and others, and another storage, band or limit leaves
everything else as it was. Nothing is rejected; whether the delay limit can be kept is for solvers to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.draws import quantise, stream
from mecbench.problems.p import physics, profiles
from mecbench.problems.p.instance import Instance

__all__ = ["GENERATOR_VERSION", "SIZES", "Parameters", "fresh_traces", "generate"]

GENERATOR_VERSION = 1


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int | float) else value


def _rising(least: float, most: float) -> AfterValidator:
    """Check of a pair: its limits, and that the first is not above the second."""

    def check(value: tuple[float, float]) -> tuple[float, float]:
        if not least <= value[0] <= value[1] <= most:
            raise PydanticCustomError(
                "span",
                "expected two numbers that rise from at least {least} to at most {most}, found {found}",
                {"least": f"{least:g}", "most": f"{most:g}", "found": list(value)},
            )
        return value

    return AfterValidator(check)


# Least and largest of a uniform draw; one number stands for both.
Positive = Annotated[tuple[float, float], BeforeValidator(_pair), _rising(1e-30, 1e30)]
Amount = Annotated[tuple[float, float], BeforeValidator(_pair), _rising(0, 1e9)]
Level = Annotated[tuple[float, float], BeforeValidator(_pair), _rising(-1000, 1000)]
Count = Annotated[tuple[int, int], BeforeValidator(_pair), _rising(1, 1e6)]
Decibel = Annotated[float, Field(ge=-1000, le=1000)]
Weight = Annotated[float, Field(ge=0, le=1e9)]


class Parameters(BaseModel):
    """What an instance is drawn with; the defaults are the paper's.

    R1 to R15 in the descriptions are choices that the paper leaves open. Those that are no parameter belong to the
    problem itself: users keep no models and their storage binds nothing (R2), a cut at 0 sends the raw input and one
    at L nothing (R9), migration is no part of the cost (R12), a deployment precedes its slot's requests (R14).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    world: int | None = Field(None, ge=0, description="seed of the world; none for the instance's own")
    servers: int = Field(10, ge=1, le=1000, description="J")
    users: int = Field(50, ge=1, le=10_000, description="K")
    models: tuple[str, ...] = Field(profiles.MODELS, min_length=1, description="layer profiles; services are numbered model by model")
    services_per_model: int = Field(5, ge=1, le=1000, description="I / M, services that share a model's layers but no file (R15)")
    slots: int = Field(50, ge=1, le=100_000, description="T")
    interval: int = Field(10, ge=1, le=10_000, description="DT, slots between deployments and of the requests before the first (R13)")
    area: float | None = Field(None, gt=0, le=1e6, description="area of the square [km^2]; none for 0.1 km^2 per server (R7)")

    server_flops: Positive = Field((500e9, 2000e9), description="f_j [FLOP/s]")
    storage: Amount = Field((3.0, 5.0), description="S_j [GiB], rounded down to whole bytes")
    bandwidth: Positive = Field((50e6, 100e6), description="B_j [Hz]")
    server_power: Level = Field((30.0, 43.0), description="P_j [dBm]")
    cloud_rate: Positive = Field((200e6, 500e6), description="R_C2E of the migration cost (23) [bit/s]")
    user_flops: Positive = Field((10e9, 100e9), description="f_k [FLOP/s]")
    user_power: Level = Field((20.0, 30.0), description="P_k [dBm]")
    energy_per_flop: Amount = Field((1e-11, 1e-9), description="eps_k [J/FLOP]")
    privacy_preference: Amount = Field((0.2, 0.8), description="Pre_k")
    batch: Count = Field((1, 16), description="D_r, samples of a request, uniform integer (R3) [sample]")
    popularity: float = Field(0.8, ge=0, le=100, description="Zipf exponent of the services, ranked by one permutation per world")

    path_loss: tuple[Decibel, Decibel] = Field((30.0, 35.0), description="loss at 1 m [dB] and slope [dB/decade] (R5)")
    shadowing: float = Field(8.0, ge=0, le=100, description="standard deviation of the shadowing (R5) [dB]")
    fading: Literal["none", "rayleigh"] = Field("none", description="gains of the whole horizon, or with a new fade per slot (R5)")
    noise_density: Decibel = Field(-174.0, description="thermal noise over a server's whole band (R6) [dBm/Hz]")
    noise_figure: float = Field(6.0, ge=0, le=100, description="of the receivers (R6) [dB]")

    delay_limit: float = Field(3.0, gt=0, le=1e9, description="tau_bar [s]")
    failure_factor: float = Field(10.0, gt=0, le=1e9, description="tau_fail / tau_bar (R8)")
    privacy_weight: Weight = Field(5.0, description="mu1 of the cost (12)")
    energy_weight: Weight = Field(5.0, description="mu2 of the cost (12) [1/J]")
    privacy_base: Weight = Field(0.31, description="alpha1 of the privacy cost (10)")
    privacy_slope: Weight = Field(1.88, description="alpha2 of the privacy cost (10)")
    privacy_scale: Weight = Field(0.01, description="beta, privacy cost per KiB of raw input (R4) [1/KiB]")
    flops_per_mac: float = Field(1.0, gt=0, le=1000, description="FLOP that one counted operation stands for (R11)")
    kilobyte: Literal[1024, 1000] = Field(1024, description="what a KB, and thrice applied a GB, of the paper is (R1) [byte]")
    features: Literal["full", "pooled"] = Field("full", description="sent before or after the pooling that belongs to a layer (R10)")

    @field_validator("models")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for model in value:
            profiles.load(model)
        return value

    @property
    def side(self) -> float:
        """Side of the square [m]."""
        return math.sqrt(1e6 * (self.servers / 10 if self.area is None else self.area))


_TINY = Parameters(servers=2, users=4, services_per_model=1, slots=2, interval=2, storage=(1.2, 1.6))

SIZES = {
    "tiny": _TINY,
    "small": _TINY.model_copy(update={"servers": 3, "users": 6, "slots": 4}),
    "medium": Parameters(servers=5, users=20, services_per_model=2, slots=20, storage=(1.2, 2.0)),
    "paper-10": Parameters(slots=10),
    "paper-50": Parameters(slots=50),
    "paper-200": Parameters(slots=200),
    "large": Parameters(servers=20, users=150, area=1.0),
    "tight-storage": Parameters(slots=10, storage=(1.8, 2.2)),
    "tight-delay": Parameters(slots=10, delay_limit=1.0),
    "low-band": Parameters(slots=10, bandwidth=(10e6, 20e6)),
}


def generate(parameters: Parameters, seed: int) -> Instance:
    """Draw an instance."""
    world = _world(parameters, seed if parameters.world is None else parameters.world)
    slots = parameters.interval + parameters.slots
    place = stream("p", "trace", "service", seed).random_sample((slots, parameters.users))
    service = world["ranked"][np.searchsorted(_law(parameters), place, side="right")]
    low, high = parameters.batch
    batch = stream("p", "trace", "batch", seed).randint(low, high + 1, size=service.shape, dtype=np.int64)
    gain = world["gain"]
    if parameters.fading == "rayleigh":
        shape = (parameters.slots, parameters.servers, parameters.users)
        power = stream("p", "trace", "fading", seed).standard_exponential(shape)
        gain = quantise(gain + 10.0 * np.log10(np.maximum(power, 1e-30)))
    before = parameters.interval
    return Instance(
        interval=parameters.interval,
        delay_limit=parameters.delay_limit,
        failure_delay=parameters.failure_factor * parameters.delay_limit,
        privacy_weight=parameters.privacy_weight,
        energy_weight=parameters.energy_weight,
        privacy_base=parameters.privacy_base,
        privacy_slope=parameters.privacy_slope,
        privacy_scale=parameters.privacy_scale * physics.KIB / parameters.kilobyte,
        flops_per_mac=parameters.flops_per_mac,
        noise_density=parameters.noise_density,
        noise_figure=parameters.noise_figure,
        gain=gain,
        warmup_service=service[:before],
        warmup_batch=batch[:before],
        service=service[before:],
        batch=batch[before:],
        **{name: value for name, value in world.items() if name not in ("gain", "ranked")},
        **_tables(parameters.models, parameters.features),
        service_model=np.repeat(np.arange(len(parameters.models)), parameters.services_per_model),
    )


def fresh_traces(parameters: Parameters, worlds: Sequence[int], random: np.random.RandomState) -> list[Instance]:
    """An instance of each world with a trace that `random` draws: for training, which needs many and keeps none.

    They follow the law of `generate` and share what belongs to their world, which takes a twentieth of the time.

    Raises
    ------
    ValueError
        If gains fade, since they are then no part of the world.
    """
    if parameters.fading != "none":
        raise ValueError(f"expected worlds without fading, found {parameters.fading}")
    before, shape = parameters.interval, (parameters.interval + parameters.slots, parameters.users)
    (low, high), law = parameters.batch, _law(parameters)
    drawn = []
    for world in worlds:
        known, ranked = _kept(parameters, world)
        service = ranked[np.searchsorted(law, random.random_sample(shape), side="right")]
        batch = random.randint(low, high + 1, size=shape, dtype=np.int64)
        trace = {"warmup_service": service[:before], "warmup_batch": batch[:before], "service": service[before:], "batch": batch[before:]}
        drawn.append(known.model_copy(update=trace))
    return drawn


@lru_cache(maxsize=4096)
def _kept(parameters: Parameters, world: int) -> tuple[Instance, np.ndarray]:
    """An instance of a world whose derived fields are there already, and the services by falling popularity."""
    instance = generate(parameters.model_copy(update={"world": world}), world)
    for name, member in vars(Instance).items():
        if isinstance(member, cached_property):
            getattr(instance, name)
    return instance, _world(parameters, world)["ranked"]


@lru_cache(maxsize=16)
def _world(parameters: Parameters, seed: int) -> dict[str, np.ndarray]:
    """What is drawn once: fields of the instance by name, and ``ranked``, services by falling popularity [I]."""

    def random(quantity: str) -> np.random.RandomState:
        return stream("p", "world", quantity, seed)

    def uniform(name: str, count: int) -> np.ndarray:
        low, high = getattr(parameters, name)
        return quantise(low + (high - low) * random(name).random_sample(count))

    servers, users = parameters.servers, parameters.users
    world = {name: uniform(name, servers) for name in ("server_flops", "bandwidth", "server_power", "cloud_rate")}
    world |= {name: uniform(name, users) for name in ("user_flops", "user_power", "energy_per_flop", "privacy_preference")}
    world["storage"] = np.floor(uniform("storage", servers) * parameters.kilobyte**3).astype(np.int64)
    world["server_position"] = quantise(_grid(servers, parameters.side))
    world["user_position"] = quantise(parameters.side * random("user_position").random_sample((users, 2)))
    apart = world["server_position"][:, None] - world["user_position"]
    distance = np.maximum(np.sqrt((apart**2).sum(axis=-1)), 1.0)
    loss, slope = parameters.path_loss
    shadow = parameters.shadowing * random("shadowing").standard_normal((users, servers)).T
    world["gain"] = quantise(shadow - (loss + slope * np.log10(distance)))[None]
    world["ranked"] = random("ranks").permutation(len(parameters.models) * parameters.services_per_model)
    return world


def _grid(servers: int, side: float) -> np.ndarray:
    """Centres of cells in floor(sqrt J) rows, as even as possible with the first rows longer; [J, 2] in m."""
    rows = math.isqrt(servers)
    lengths = [servers // rows + (row < servers % rows) for row in range(rows)]
    places = [((column + 0.5) / length, (row + 0.5) / rows) for row, length in enumerate(lengths) for column in range(length)]
    return side * np.array(places)


def _law(parameters: Parameters) -> np.ndarray:
    """Probability of the ranks before and including each but the last; [I - 1]."""
    weight = np.arange(1.0, 1.0 + len(parameters.models) * parameters.services_per_model) ** -parameters.popularity
    return quantise(np.cumsum(weight) / weight.sum())[:-1]


@lru_cache(maxsize=16)
def _tables(models: tuple[str, ...], features: Literal["full", "pooled"]) -> dict[str, Any]:
    """Fields of the instance that the layer profiles fill, padded with zeros to the longest."""
    found = [profiles.load(model) for model in models]
    most = max(len(profile.layers) for profile in found)

    def padded(column: str) -> np.ndarray:
        return np.stack([np.pad(getattr(profile, column), (0, most - len(profile.layers))) for profile in found])

    return {
        "models": models,
        "layers": np.array([len(profile.layers) for profile in found]),
        "input_bytes": np.array([profile.input_bytes for profile in found]),
        "layer_bytes": padded("layer_bytes"),
        "layer_macs": padded("layer_macs"),
        "output_bytes": padded("output_bytes" if features == "full" else "pooled_bytes"),
        "leakage": padded("leakage"),
    }
