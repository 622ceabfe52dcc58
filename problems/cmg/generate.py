"""Generator of CMG: the paper's Table 2, with a name for every choice that it leaves open.

Every quantity of every device has a stream of its own, drawn slot by slot, so that parameters can be compared on equal draws: a longer
trace begins with the shorter one, more devices are the same ones and others, and weights, limits, capacities, harvests and attacks leave
gains and devices as they were. Nothing is rejected.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mecbench.problems.cmg.instance import Instance
from mecbench.problems.draws import quantise, stream

__all__ = ["ATTACKS", "GENERATOR_VERSION", "SIZES", "Parameters", "generate"]

GENERATOR_VERSION = 1
ACCURACY = {"accuracy_ceiling": 0.988, "accuracy_drop": 4.469, "accuracy_scale": 200.0}  # (16)
ATTACKS = {"weak": (8.0, 10.0), "moderate": (6.0, 12.0), "strong": (4.0, 14.0)}  # Table 4, true gains of the eavesdropper [dB]
SAME = (  # parameters that an instance holds as they are
    "limit",
    "continuous_frames",
    "eavesdropper_power",
    "eavesdropper_watts",
    "bandwidth",
    "noise",
    "eavesdropper_noise",
    "bits_per_pixel",
    "cycles_per_bit",
    "energy_coefficient",
    "edge_frequency",
    "accuracy_weight",
    "smoothness_weight",
    "delay_weight",
    "energy_weight",
    "least_frequency",
    "least_power",
    "reserve_price",
)


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
Level = Annotated[tuple[float, float], BeforeValidator(_pair), _rising(-1000, 1000)]
Share = Annotated[tuple[float, float], BeforeValidator(_pair), _rising(0, 1)]
Whole = Annotated[tuple[int, int], BeforeValidator(_pair), _rising(1, 10_000)]
Weight = Annotated[float, Field(gt=0, le=1e9)]


class Parameters(BaseModel):
    """What an instance is drawn with; the defaults are the paper's, and where it is silent, choices.

    Under ``plentiful`` batteries start full and every slot harvests, as the paper has it: with the default rate they never bind.
    Under ``scarce`` they start near the reserve and harvest little, now and then: planning matters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    supply: Literal["plentiful", "scarce"] = Field("plentiful", description="the paper's batteries, or scarce ones")
    devices: Whole = Field((20, 20), description="N, uniform")
    chunks: Whole = Field((3, 3), description="K, chunks of a slot and channels, uniform; not in the paper")
    slots: Whole = Field((10, 10), description="T, uniform; not in the paper")
    attack: Literal["weak", "moderate", "strong"] = Field("weak", description="law of the eavesdropper's gains, Table 4 read in dB")

    bandwidth: float = Field(120e6, gt=0, le=1e15, description="W of each channel [Hz]")
    noise: float = Field(0.1, gt=0, le=1e9, description="sigma^2, to which gains are normalised [W]")
    eavesdropper_noise: float = Field(0.14, gt=0, le=1e9, description="sigma_e^2 [W]; calibrated by the paper's success of offloads")
    gain: Level = Field((8.0, 10.0), description="g [dB]")
    estimate_error: float = Field(0.1, ge=0, le=1, description="rho over the largest true gain of the eavesdropper (11)")
    eavesdropper_power: Literal["signal", "const"] = Field("signal", description="p^e of (9): the device's own, or eavesdropper_watts")
    eavesdropper_watts: float = Field(1.0, gt=0, le=1e9, description="p^e where eavesdropper_power is const [W]")

    bits_per_pixel: float = Field(12.0, gt=0, le=1e6, description="alpha [bit]")
    cycles_per_bit: float = Field(8.0, gt=0, le=1e9, description="xi [cycle/bit]; calibrated by the paper's reward")
    energy_coefficient: float = Field(5e-28, gt=0, le=1, description="varsigma [J s^2/cycle^3]")
    edge_frequency: float = Field(20e9, gt=0, le=1e18, description="MEC_c for each offloaded chunk [Hz]")
    frames: Whole = Field((5, 30), description="F_min and F_max")
    continuous_frames: bool = Field(False, description="whether frame rates may be any reals, rather than integers")
    resolution: Positive = Field((320.0, 1080.0), description="R_min and R_max [pixel]")
    least_frequency: float = Field(0.2e9, gt=0, le=1e15, description="C_min [Hz]")
    most_frequency: Positive = Field((0.8e9, 1.5e9), description="C_max of a device [Hz]")
    least_power: float = Field(0.05, gt=0, le=1e9, description="P_min [W]")
    most_power: Positive = Field((0.5, 1.0), description="P_max of a device [W]")

    accuracy_weight: Weight = Field(0.5, description="mu1 of the quality (14)")
    smoothness_weight: Weight = Field(0.5, description="mu2 of the quality (14)")
    delay_weight: Weight = Field(0.5, description="beta1 of the cost (20) [1/s]")
    energy_weight: Weight = Field(0.5, description="beta2 of the cost (20) [1/J]")

    capacity: float = Field(8.0, gt=0, le=1e9, description="B_max [J]")
    reserve: float = Field(0.3, ge=0, le=1, description="B_T over B_max")
    reserve_price: float = Field(1.0, ge=0, le=1e9, description="penalty of a chunk for a joule below the reserve (23) [1/J]")
    energy_limit: float = Field(0.05, gt=0, le=1, description="C_limit over B_max")
    limit: Literal["slot", "average"] = Field("slot", description="whether the energy limit holds for each slot or their average (39)")
    harvest_rate: float = Field(0.10, ge=0, le=1, description="mean harvest of a slot over B_max where supply is plentiful")
    harvest_spread: float = Field(0.05, ge=0, le=1, description="largest deviation from that mean; where supply is scarce, largest harvest")
    harvest_chance: float = Field(0.5, ge=0, le=1, description="chance that a slot harvests anything where supply is scarce")
    initial_battery: Share = Field((0.3, 0.4), description="b(1) over B_max where supply is scarce; full where it is plentiful")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.supply == "plentiful" and self.harvest_spread > self.harvest_rate:
            raise PydanticCustomError(
                "harvest",
                "expected field harvest_spread at most harvest_rate = {most}, found {found}",
                {"most": self.harvest_rate, "found": self.harvest_spread},
            )
        for name, pair in (("least_frequency", "most_frequency"), ("least_power", "most_power")):
            if getattr(self, name) > getattr(self, pair)[0]:
                raise PydanticCustomError(
                    "span",
                    "expected field {name} at most {most}, the lower end of field {pair}, found {found}",
                    {"name": name, "most": getattr(self, pair)[0], "pair": pair, "found": getattr(self, name)},
                )
        return self


_PAPER = Parameters()
_SCARCE = Parameters(supply="scarce")
_TINY = {"devices": (2, 3), "chunks": (1, 1), "slots": (2, 3)}
_SMALL = {"devices": (5, 5), "slots": (5, 10)}

SIZES = {
    "tiny": _PAPER.model_copy(update=_TINY),
    "tiny-scarce": _SCARCE.model_copy(update=_TINY),
    "small": _PAPER.model_copy(update=_SMALL),
    "small-scarce": _SCARCE.model_copy(update=_SMALL),
    "paper": _PAPER,
    "scarce": _SCARCE,
    "long": _PAPER.model_copy(update={"slots": (50, 50)}),
    "scarce-long": _SCARCE.model_copy(update={"slots": (50, 50)}),
    "large": _PAPER.model_copy(update={"chunks": (5, 5), "slots": (100, 100)}),
    # The paper's sweeps, of which `paper` is a point each.
    **{f"n{devices}": _PAPER.model_copy(update={"devices": (devices, devices)}) for devices in (30, 40, 50)},
    "k5": _PAPER.model_copy(update={"chunks": (5, 5)}),
    **{f"battery-{capacity}": _PAPER.model_copy(update={"capacity": float(capacity)}) for capacity in (9, 10, 11)},
    **{f"harvest-{percent:02d}": _PAPER.model_copy(update={"harvest_rate": percent / 100}) for percent in (5, 15)},
    "moderate": _PAPER.model_copy(update={"attack": "moderate"}),
    "strong": _PAPER.model_copy(update={"attack": "strong"}),
}


def generate(parameters: Parameters, seed: int) -> Instance:
    """Draw an instance."""
    sizes = stream("cmg", "sizes", seed)
    devices, chunks, slots = (
        int(sizes.randint(low, high + 1, dtype=np.int64)) for low, high in (parameters.devices, parameters.chunks, parameters.slots)
    )

    def uniform(quantity: str, span: tuple[float, float], *shape: int) -> np.ndarray:
        low, high = span
        draws = [stream("cmg", quantity, seed, device).random_sample(shape) for device in range(devices)]
        return low + (high - low) * np.array(draws)

    attack, capacity = ATTACKS[parameters.attack], _rounded(parameters.capacity)
    largest = _linear(attack[1])
    error = _rounded(parameters.estimate_error * largest)
    heard = quantise(10.0 ** (uniform("eavesdropper", attack, slots, chunks) / 10.0))
    estimate = quantise(heard + uniform("estimate", (-error, error), slots, chunks))
    if parameters.supply == "plentiful":
        low, high = (capacity * (parameters.harvest_rate + sign * parameters.harvest_spread) for sign in (-1, 1))
        mean, harvest, battery = capacity * parameters.harvest_rate, uniform("harvest", (low, high), slots), np.full(devices, capacity)
    else:
        high = capacity * parameters.harvest_spread
        arrives = uniform("arrival", (0.0, 1.0), slots) < parameters.harvest_chance
        mean, harvest = parameters.harvest_chance * high / 2.0, np.where(arrives, uniform("harvest", (0.0, high), slots), 0.0)
        battery = capacity * uniform("battery", parameters.initial_battery)
    return Instance(
        **{name: getattr(parameters, name) for name in SAME},
        **ACCURACY,
        least_frames=parameters.frames[0],
        most_frames=parameters.frames[1],
        least_resolution=parameters.resolution[0],
        most_resolution=parameters.resolution[1],
        most_frequency=quantise(uniform("most_frequency", parameters.most_frequency)),
        most_power=quantise(uniform("most_power", parameters.most_power)),
        capacity=capacity,
        battery=quantise(battery),
        reserve=_rounded(parameters.reserve * capacity),
        energy_limit=_rounded(parameters.energy_limit * capacity),
        gain_law=_linear(parameters.gain[1]),
        eavesdropper_gain_law=largest,
        power_law=_rounded(parameters.most_power[1]),
        frequency_law=_rounded(parameters.most_frequency[1]),
        harvest_law=_rounded(high),
        mean_harvest=_rounded(mean),
        estimate_error=error,
        gain=quantise(10.0 ** (uniform("gain", parameters.gain, slots, chunks) / 10.0)),
        eavesdropper_gain=heard,
        eavesdropper_estimate=np.clip(estimate, heard - error, heard + error),  # rounding may have left the set (11)
        harvest=quantise(harvest),
    )


def _linear(decibel: float) -> float:
    return _rounded(10.0 ** (decibel / 10.0))


def _rounded(value: float) -> float:
    return float(quantise(np.array(value)))
