"""What a chunk makes of the energy it may spend in a slot: for each frame rate the closed forms at the least price that keeps to it.

Arrays broadcast with [B, A, K, F]: episodes, devices, chunks and frame rates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg import physics
from mecbench.problems.cmg.layout import Seen

__all__ = ["Choice", "Chunks", "Terms", "affordable_frequency", "choose", "least_price"]

DEAREST = 1e7  # price of a joule at which nothing is spent that need not be
ROUNDS = 100
CLOSE = 1e-12  # in logarithms of prices and energies
ROUNDING = 1e-9  # relative, by which less is spent than is allowed, as actions are rounded
TINY = np.finfo(float).tiny  # stands for what padding does not have
_CONSTANTS = (
    "bandwidth",
    "noise",
    "bits_per_pixel",
    "cycles_per_bit",
    "energy_coefficient",
    "edge_frequency",
    "accuracy_ceiling",
    "accuracy_drop",
    "accuracy_scale",
    "accuracy_weight",
    "smoothness_weight",
    "delay_weight",
    "energy_weight",
    "least_frames",
    "most_frames",
    "least_resolution",
    "most_resolution",
    "least_frequency",
    "least_power",
    "energy_limit",
)


class Terms(NamedTuple):
    """What a choice is made on.

    Attributes
    ----------
    constants
        Constants of the instances by name, shape [B, 1, 1, 1].
    most_frequency, most_power
        C_max [Hz] and P_max [W], shape [B, A, 1, 1].
    gain
        g, shape [B, A, K, 1].
    weight
        What quality counts, shape [B, 1, 1, 1].
    frames
        Frame rates, shape [B, 1, 1, F].
    before
        Frame rate of the slot before, 0 in the first, shape [B, A, K, 1].
    """

    constants: dict[str, np.ndarray]
    most_frequency: np.ndarray
    most_power: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    frames: np.ndarray
    before: np.ndarray

    def take(self, where: np.ndarray) -> Terms:
        """The chunks of a mask of shape [B, A, K] one after the other, [n, 1] or [n, F] in place of [B, A, K, ...]."""
        return self._each(lambda values: np.broadcast_to(values, (*where.shape, values.shape[-1]))[where])

    def take_rates(self, where: np.ndarray) -> Terms:
        """Single frame rates of single chunks, of a mask of shape [..., F]; shape [n]."""
        return self._each(lambda values: np.broadcast_to(values, where.shape)[where])

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> Terms:
        constants, *others = self
        return Terms({name: change(values) for name, values in constants.items()}, *map(change, others))


class Choice(NamedTuple):
    """What is done with a chunk.

    Attributes
    ----------
    value
        Weighted quality less cost (20) and what energy is priced at beside; minus infinity where it does not suffice.
    frames, resolution, frequency, power
        f, r [pixel], c [Hz] and p [W]; the last two are those of their mode.
    energy
        [J].
    """

    value: np.ndarray
    frames: np.ndarray
    resolution: np.ndarray
    frequency: np.ndarray
    power: np.ndarray
    energy: np.ndarray


class Chunks:
    """The chunks of a batch of episodes, about which a rule or an agent decides slot by slot.

    Parameters
    ----------
    static
        What the task tells before the first step.
    chunks
        K.
    """

    def __init__(self, static: dict[str, np.ndarray], chunks: int) -> None:
        self._static, self._number = static, chunks
        self._at = {name: static[name].astype(float)[:, None, None, None] for name in _CONSTANTS}
        count = int((static["most_frames"] - static["least_frames"]).max()) + 1
        self._frames = np.minimum(self._at["least_frames"] + np.arange(count), self._at["most_frames"])
        self._running = [physics.running_weight(slots) for slots in static["slots"].tolist()]

    def terms(self, seen: Seen, weight: np.ndarray) -> Terms:
        """What is chosen on in the slot at hand, where quality counts `weight`, shape [B]; padding is given numbers that do no harm."""
        most = {
            name: np.maximum(self._static[f"most_{name}"][..., None, None], self._at[f"least_{name}"]) for name in ("frequency", "power")
        }
        return Terms(
            constants=self._at,
            most_frequency=most["frequency"],
            most_power=most["power"],
            gain=np.maximum(seen.gain, TINY)[..., None],
            weight=weight[:, None, None, None],
            frames=self._frames,
            before=seen.last_frames[..., None],
        )

    def allowance(self, seen: Seen) -> np.ndarray:
        """What each chunk may spend if a device's chunks may spend the same [J], shape [B, A, 1, 1]."""
        battery = np.maximum(seen.battery, TINY)[..., None, None]
        return np.minimum(self._at["energy_limit"], battery) * (1.0 - ROUNDING) / self._number

    def horizon(self, slot: np.ndarray) -> np.ndarray:
        """w_t, what quality of a slot counts in all averages to come, shape [B]."""
        return np.array([running[min(t, running.size - 1)] for running, t in zip(self._running, slot.tolist(), strict=True)])

    def turns(self) -> np.ndarray:
        """Whether a chunk's channel is dealt to its device, bool, shape [B, A, K]: channel k to device k modulo N, once and for all."""
        dealt = np.arange(self._number) % self._static["devices"][:, None, None]
        turns: np.ndarray = np.arange(self._static["most_power"].shape[1])[:, None] == dealt
        return turns


def choose(terms: Terms, offload: bool, allowance: np.ndarray, price: float | np.ndarray = 0.0, close: float = CLOSE) -> Choice:
    """Choose for each chunk what is worth most; shapes [B, A, K], or [n] of chunks that were taken out.

    Where the energy suffices for no frame rate it is the least, at as little energy as it takes.

    Parameters
    ----------
    terms
        What is known.
    offload
        Whether the chunks are offloaded, each alone on its channel, or computed.
    allowance
        Energy that a chunk may spend [J], shape [B, A, 1 or K, 1].
    price
        What a joule costs at least, beside what the objective makes of it [1/J]; shape [B, A, K, 1] or a number.
    close
        Relative precision of the price that keeps to the allowance.
    """
    at = terms.constants
    shape = np.broadcast_shapes(terms.gain.shape, terms.frames.shape)
    found = Choice(*(np.broadcast_to(values, shape) for values in _respond(terms, offload, np.asarray(price))))
    tight = found.energy > allowance
    if tight.any():
        few, allowed = terms.take_rates(tight), np.broadcast_to(allowance, shape)[tight]
        least = least_price(lambda price: _respond(few, offload, price).energy, few.constants["energy_weight"], allowed, close)
        within = _respond(few, offload, np.maximum(least, np.broadcast_to(price, shape)[tight]))
        found = Choice(*(values.copy() for values in found))
        for values, value in zip(found, within, strict=True):
            values[tight] = value
    before = np.where(terms.before > 0.0, terms.before, terms.frames)
    smoothness = terms.weight * at["smoothness_weight"] * physics.smoothness(at["most_frames"], terms.frames, before)
    value = np.where(found.energy <= allowance, found.value - price * found.energy + smoothness, -np.inf)
    best = value.argmax(axis=-1)[..., None]
    return Choice(*(np.take_along_axis(np.broadcast_to(values, value.shape), best, axis=-1)[..., 0] for values in (value, *found[1:])))


def affordable_frequency(terms: Terms, sent: Choice, allowance: np.ndarray) -> np.ndarray:
    """Largest frequency at which a refused chunk keeps to its allowance, as far as bounds let it [Hz], shape [B, A, K]."""
    at = {name: values[..., 0] for name, values in terms.constants.items()}
    bits = physics.size(at["bits_per_pixel"], sent.frames, sent.resolution)
    affordable = np.sqrt(allowance[..., 0] / (at["energy_coefficient"] * at["cycles_per_bit"] * bits))
    return np.clip(affordable, at["least_frequency"], terms.most_frequency[..., 0])


def least_price(
    energy: Callable[[np.ndarray], np.ndarray], energy_weight: np.ndarray, allowance: np.ndarray, close: float = CLOSE
) -> np.ndarray:
    """Least price of a joule, at least 0, at which no more than an allowance is spent; about 1e7 where none does.

    Parameters
    ----------
    energy
        What is spent at a price [J], which falls with it.
    energy_weight
        beta2 [1/J].
    allowance
        Energy that may be spent [J].
    close
        Relative precision; what is spent is never more.
    """

    def excess(logarithm: np.ndarray) -> np.ndarray:
        return np.log(energy(np.exp(logarithm) - energy_weight) / allowance)

    # The logarithm of the energy is nearly linear in that of the whole price.
    free = np.log(energy_weight)
    right = excess(free)
    low = high = np.broadcast_to(free, right.shape)
    left, most = right, np.log(energy_weight + DEAREST)
    while (outside := (right > 0.0) & (high < most)).any():
        low, left = np.where(outside, high, low), np.where(outside, right, left)
        high = np.where(outside, np.minimum(high + np.log(8.0), most), high)
        right = np.where(outside, excess(high), right)
    side = np.zeros(right.shape)
    for _ in range(ROUNDS):
        open_ = (right < -close) & (high - low > close)
        if not open_.any():
            break
        secant = np.divide(low * right - high * left, right - left, out=0.5 * (low + high), where=open_)
        middle = np.where((secant > low) & (secant < high), secant, 0.5 * (low + high))
        found = excess(middle)
        above, below = open_ & (found > 0.0), open_ & (found <= 0.0)
        # Regula falsi that halves the value of an end which stays a second time.
        right = np.where(above & (side > 0.0), 0.5 * right, right)
        left = np.where(below & (side < 0.0), 0.5 * left, left)
        low, left = np.where(above, middle, low), np.where(above, found, left)
        high, right = np.where(below, middle, high), np.where(below, found, right)
        side = np.where(above, 1.0, np.where(below, -1.0, side))
    price: np.ndarray = np.exp(high) - energy_weight
    return np.maximum(price, 0.0)


def _respond(terms: Terms, offload: bool, price: np.ndarray) -> Choice:
    """Best response of each frame rate to a price of a joule, its smoothness not counted."""
    at = terms.constants
    weight = at["energy_weight"] + price
    costs = at["delay_weight"], weight, at["energy_coefficient"]
    if offload:
        power = forms.best_power(at["delay_weight"], weight, terms.gain, at["noise"], at["least_power"], terms.most_power)
        frequency = at["least_frequency"]
        rate = physics.uplink_rate(at["bandwidth"], power * terms.gain, at["noise"], np.zeros(()))
        cost = forms.offload_cost(at["delay_weight"], weight, power, rate, at["cycles_per_bit"] / at["edge_frequency"])
    else:
        power = at["least_power"]
        frequency = forms.best_frequency(*costs, at["least_frequency"], terms.most_frequency)
        cost = forms.local_cost(*costs, at["cycles_per_bit"], frequency)
    law = at["accuracy_drop"], at["accuracy_scale"]
    gained = terms.weight * at["accuracy_weight"]
    per_pixel = cost * at["bits_per_pixel"] * terms.frames
    resolution = forms.best_resolution(gained, *law, per_pixel, at["least_resolution"], at["most_resolution"])
    bits = physics.size(at["bits_per_pixel"], terms.frames, resolution)
    if offload:
        latency = physics.offload_latency(at["cycles_per_bit"], at["edge_frequency"], rate, bits)
        energy = physics.offload_energy(power, rate, bits)
    else:
        latency = physics.local_latency(at["cycles_per_bit"], frequency, bits)
        energy = physics.local_energy(at["energy_coefficient"], at["cycles_per_bit"], frequency, bits)
    value = gained * physics.accuracy(at["accuracy_ceiling"], *law, resolution)
    value = value - physics.cost(at["delay_weight"], latency, at["energy_weight"], energy)
    return Choice(value, terms.frames, resolution, frequency, power, energy)
