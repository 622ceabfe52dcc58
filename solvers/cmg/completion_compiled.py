"""The best resolutions, compute, powers and energies of a device whose offloads and frame rates are chosen, compiled.

That problem is convex (C6 of the problem's description), and a slot is governed by one number, its price eta of a joule: c, p and r
follow in closed form, and energy falls as the price rises. Without the limit of a slot the price would be m_t, what a joule is worth
later. As long as the battery stays above the reserve, m_{t+1} = m_t; below, a joule also saves the penalty of the slot, so
m_{t+1} = m_t - K rho; and nothing is worth anything after the last slot. So m_1 decides all: too high a price leaves m > 0 at the end, too
low a price runs into m < 0 or an empty battery. Bisection finds it. Where ever smaller changes of m_1 decide on which side of the
reserve a level comes to lie, it lies *on* it, m_{t+1} is anything from m_t - K rho to m_t, and the search starts again from there;
likewise on an empty or a full battery.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from mecbench.problems.cmg import stages_compiled as stages
from mecbench.problems.cmg.instance import Instance
from mecbench.problems.cmg.tables import Tables

__all__ = ["Batteries", "batteries", "complete", "slot_choice", "slot_price"]

DEAREST = 1e7  # price of a joule beyond which nothing is saved any more
HALVINGS = 200
CLOSE = 1e-13  # of prices, relative, at which bisection ends
NOTHING = 1e-9  # price that counts as 0


class Batteries(NamedTuple):
    """Batteries of an instance.

    Attributes
    ----------
    start, harvest
        b_1, shape [N], and E_up, shape [N, T] [J].
    reserve, capacity
        B_T and B_max [J].
    saved
        K rho, penalty of a joule below the reserve.
    average
        Whether the energy limit holds for the average of the slots.
    """

    start: np.ndarray
    harvest: np.ndarray
    reserve: float
    capacity: float
    saved: float
    average: bool


def batteries(instance: Instance) -> Batteries:
    """Batteries of an instance."""
    return Batteries(
        start=instance.battery.copy(),  # copies for numba's sake, as in `tables`
        harvest=instance.harvest.copy(),
        reserve=instance.reserve,
        capacity=instance.capacity,
        saved=instance.chunks * instance.reserve_price,
        average=instance.limit == "average",
    )


@njit(cache=True, error_model="numpy")
def slot_choice(tables: Tables, n: int, t: int, offload: np.ndarray, frames: np.ndarray, eta: float) -> tuple[float, float]:
    """Energy of a slot [J] and what its chunks add to the objective, smoothness aside, at a price.

    Parameters
    ----------
    tables, n, t
        The instance, the device and the slot.
    offload, frames
        Whether each chunk is offloaded, and number of its frame rate, shape [K].
    eta
        Price of a joule.
    """
    local, local_energy = stages.local_cost(tables, eta, n), stages.energy_per_bit(tables, eta, n, 1.0, False)
    energy = worth = joules = value = 0.0
    same = -1  # frame rate of the local chunk that `joules` and `value` are of: mostly the next one's as well
    for k in range(frames.size):
        if offload[k] or frames[k] != same:
            cost, per_bit = local, local_energy
            if offload[k]:
                gain = tables.gain[n, t, k]
                cost, per_bit = stages.alone_cost(tables, eta, n, gain), stages.energy_per_bit(tables, eta, n, gain, True)
            bits = tables.bits_per_pixel * tables.frames[frames[k]]
            resolution = stages.best_resolution(tables, tables.weight[t], cost * bits)
            bits *= resolution * resolution
            joules, same = per_bit * bits, -1 if offload[k] else frames[k]
            value = tables.weight[t] * (tables.ceiling - tables.drop * np.exp(-resolution / tables.scale)) - (cost - eta * per_bit) * bits
        energy += joules
        worth += value
    return energy, worth


@njit(cache=True, error_model="numpy")
def slot_price(tables: Tables, n: int, t: int, offload: np.ndarray, frames: np.ndarray, least: float, limit: float) -> float:
    """Least price, at least `least`, at which a slot keeps within an energy limit; infinite where none does.

    Parameters
    ----------
    tables, n, t, offload, frames
        As in `slot_choice`.
    least, limit
        Price of a joule without the limit, and the limit [J].
    """
    low, below = least, slot_choice(tables, n, t, offload, frames, least)[0]
    if below <= limit:
        return least
    high = max(2.0 * low, 1.0)
    above = slot_choice(tables, n, t, offload, frames, high)[0]
    while above > limit:
        if high > DEAREST:
            return np.inf
        low, below = high, above
        high *= 4.0
        above = slot_choice(tables, n, t, offload, frames, high)[0]
    # Regula falsi on the logarithm of the energy, which is nearly linear in that of the price, halving ends that stay.
    left, right = np.log(below / limit), np.log(above / limit)
    shift = tables.energy_weight
    side = 0
    for _ in range(HALVINGS):
        if high - low <= 1e-13 * high or right > -1e-13:
            break
        a, b = np.log(low + shift), np.log(high + shift)
        price = np.exp((a * right - b * left) / (right - left)) - shift
        if not low < price < high:
            price = 0.5 * (low + high)
            if not low < price < high:
                break
        value = np.log(slot_choice(tables, n, t, offload, frames, price)[0] / limit)
        if value > 0.0:
            low, left = price, value
            if side == 1:
                right *= 0.5
            side = 1
        else:
            high, right = price, value
            if side == -1:
                left *= 0.5
            side = -1
    return high


@njit(cache=True, error_model="numpy")
def _follow(
    tables: Tables,
    batteries: Batteries,
    n: int,
    offload: np.ndarray,
    frames: np.ndarray,
    limit: float,
    extra: float,
    first: int,
    level: float,
    price: float,
    passed: np.ndarray,
    spent: np.ndarray,
) -> int:
    """Live on from a slot at a price, and say whether that was too high (1), too low (-1) or right (0).

    `passed` gets what happened in each slot: 0 above the reserve, 1 below it, 2 more spent than there was, 3 more harvested than
    fits, 4 not reached; and `spent` the energies.
    """
    slots = passed.size
    passed[first:] = 4
    for t in range(first, slots):
        if price < NOTHING:
            if price < -NOTHING:
                return -1
            price = 0.0
        energy = min(slot_choice(tables, n, t, offload[t], frames[t], price + extra)[0], limit)
        spent[t] = energy
        if energy > level:
            passed[t] = 2
            return -1
        level += batteries.harvest[n, t] - energy
        if level > batteries.capacity:
            if price > 0.0:
                passed[t] = 3
                return 1
            level = batteries.capacity
        passed[t] = 1 if level < batteries.reserve else 0
        if level < batteries.reserve:
            price -= batteries.saved
    return 1 if price > NOTHING else -1 if price < -NOTHING else 0


@njit(cache=True, error_model="numpy")
def _worth_later(
    tables: Tables,
    batteries: Batteries,
    n: int,
    offload: np.ndarray,
    frames: np.ndarray,
    limit: float,
    extra: float,
    later: np.ndarray,
    budget: np.ndarray,
) -> bool:
    """Prices m of a joule in each slot without its limit, and the energies that may be spent; False if there are none."""
    slots = later.size
    reserve, capacity, saved = batteries.reserve, batteries.capacity, batteries.saved
    left, right = np.empty(slots, dtype=np.int64), np.empty(slots, dtype=np.int64)
    spent_left, spent = np.empty(slots), np.empty(slots)
    level, first, lowest, highest = batteries.start[n], 0, 0.0, DEAREST
    while first < slots:
        arguments = (tables, batteries, n, offload, frames, limit, extra, first, level)
        low, high = lowest, highest
        if _follow(*arguments, low, left, spent_left) >= 0:
            high = low
        else:
            most = saved * (slots - first)  # what a joule saves at most, unless it is the last
            if low < most < high:
                if _follow(*arguments, most, right, spent) > 0:
                    high = most
                else:
                    low = most
            if high == highest and _follow(*arguments, high, right, spent) <= 0:
                low = high
        for _ in range(HALVINGS):
            if high - low <= CLOSE * (1.0 + high):
                break
            middle = 0.5 * (low + high)
            verdict = _follow(*arguments, middle, left, spent)
            if verdict < 0:
                low = middle
            else:
                high = middle
            if verdict == 0:
                low = high
        _follow(*arguments, low, left, spent_left)
        _follow(*arguments, high, right, spent)
        price, t = high, first
        while t < slots:
            later[t], budget[t] = max(price, 0.0), min(spent[t], level)
            if right[t] == 2:  # even the dearest price spends too much
                return False
            level += batteries.harvest[n, t] - budget[t]
            if left[t] != right[t] or right[t] == 3:
                break
            level = min(level, capacity)
            if right[t] == 1:
                price -= saved
            t += 1
        if t == slots:
            break
        if left[t] == 2:
            lowest, highest = 0.0, max(price - saved if level < reserve else price, 0.0)
        elif right[t] == 3:
            level, lowest, highest = capacity, price, DEAREST
        else:
            level, lowest, highest = max(level, min(reserve, capacity)), max(price - saved, 0.0), price
        first = t + 1
    return True


@njit(cache=True, error_model="numpy")
def complete(
    tables: Tables,
    batteries: Batteries,
    n: int,
    offload: np.ndarray,
    frames: np.ndarray,
    later: np.ndarray,
    eta: np.ndarray,
) -> float:
    """Complete a device's plan.

    Parameters
    ----------
    tables, batteries, n
        The instance and the device.
    offload, frames
        Whether each chunk is offloaded, and number of its frame rate, shape [T, K].
    later, eta
        Written: prices of a joule in each slot without and with the limits of the slot, shape [T].

    Returns
    -------
    float
        What the device adds to the objective, minus infinity if there is no such plan.
    """
    slots, chunks = frames.shape
    limit, extra = (np.inf, 0.0) if batteries.average else (tables.energy_limit, 0.0)
    budget = np.empty(slots)
    if not _worth_later(tables, batteries, n, offload, frames, limit, extra, later, budget):
        return -np.inf
    allowance = slots * tables.energy_limit
    if batteries.average and budget.sum() > allowance:
        low, high = 0.0, DEAREST
        while high - low > 1e-12 * (1.0 + high):
            middle = np.sqrt((low + NOTHING) * high) if low < 1e-3 * high else 0.5 * (low + high)
            if not _worth_later(tables, batteries, n, offload, frames, limit, middle, later, budget):
                return -np.inf
            if budget.sum() > allowance:
                low = middle
            else:
                high = middle
        if not _worth_later(tables, batteries, n, offload, frames, limit, high, later, budget):
            return -np.inf
        if budget.sum() > allowance:
            return -np.inf
        extra = high
    level, worth = batteries.start[n], 0.0
    for t in range(slots):
        eta[t] = slot_price(tables, n, t, offload[t], frames[t], later[t] + extra, budget[t])
        if eta[t] == np.inf:
            return -np.inf
        energy, value = slot_choice(tables, n, t, offload[t], frames[t], eta[t])
        if energy > level:
            return -np.inf
        level = min(level - energy + batteries.harvest[n, t], batteries.capacity)
        worth += value - batteries.saved * max(batteries.reserve - level, 0.0)
        for k in range(chunks):
            if t == 0:
                worth += tables.weight[0] * tables.first_smoothness[frames[0, k]]
            else:
                worth += tables.weight[t] * tables.smoothness[frames[t - 1, k], frames[t, k]]
    return worth
