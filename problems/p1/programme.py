"""The dynamic programme that finds a task's cheapest plan at given prices, compiled.

Backwards over the K slots of a window, with l layers done at node n: first the optional hop, then the optional block.
``after[l, m] = min over j >= l of block(l, j, m) + value[k + 1, j, m]`` and
``value[k, l, n] = min over m of hop(l, n, m) + after[l, m]``; ``value[., L, .] = 0``, ``value[K, l < L, .]`` is infinite.
The value does not depend on a task's source, so one programme serves all tasks of a release. With a multiplier mu every
second costs mu more, and value - mu T bounds what a plan within the deadline T costs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mecbench.problems.p1.tables import Prices, Tables

__all__ = ["best_share", "fill_blocks", "least_share", "trace", "values"]


@njit(cache=True, error_model="numpy")
def best_share(energy: float, delay: float, price: float, most: int) -> int:
    """Integer share x in 1..most that minimises ``energy x^2 + delay / x + price x``.

    By Newton's method on ``(2 energy x + price) x^2 = delay`` from above, clipped only then, and by steps to the integer
    minimum, which convexity makes exact.

    Parameters
    ----------
    energy, delay, price
        Coefficients, at least 0.
    most
        Largest share, at least 1.
    """
    if energy > 0.0:
        x = (delay / (2.0 * energy)) ** (1.0 / 3.0)
        if price > 0.0:
            x = min(x, np.sqrt(delay / price))
    elif price > 0.0:
        x = np.sqrt(delay / price)
    else:
        return most
    if energy > 0.0 and price > 0.0:
        for _ in range(50):
            step = ((2.0 * energy * x + price) * x * x - delay) / (x * (6.0 * energy * x + 2.0 * price))
            x -= step
            if step <= 0.1:  # of a share; the steps below do the rest
                break
    share = 1 if x < 1.0 else most if x >= most else int(x)
    here = energy * share * share + delay / share + price * share
    while share < most:
        above = energy * (share + 1) * (share + 1) + delay / (share + 1) + price * (share + 1)
        if above >= here:
            break
        share, here = share + 1, above
    while share > 1:
        below = energy * (share - 1) * (share - 1) + delay / (share - 1) + price * (share - 1)
        if below > here:
            break
        share, here = share - 1, below
    return share


@njit(cache=True, error_model="numpy")
def least_share(cycles: float, speed: float, seconds: float) -> int:
    """Least share that computes within a time, at least 1; more than 100 if none does.

    Parameters
    ----------
    cycles, speed
        Work [cycle] and what one per cent computes [cycle/s].
    seconds
        The time [s].
    """
    if seconds <= 0.0 or cycles > 100.0 * speed * seconds * (1.0 + 1e-9):
        return 101
    share = max(1, int(cycles / (speed * seconds)))
    while cycles / (speed * share) > seconds:
        share += 1
    while share > 1 and cycles / (speed * (share - 1)) <= seconds:
        share -= 1
    return share


@njit(cache=True, error_model="numpy")
def fill_blocks(tables: Tables, prices: Prices, multiplier: float, node: int, slot: int, price: np.ndarray, share: np.ndarray) -> None:
    """Price the blocks of one node in one slot at their best shares; infinite where nothing is available.

    Parameters
    ----------
    tables, prices
        The instance and the prices, of which those of blocks are not read.
    multiplier
        mu on every second.
    node, slot
        Where.
    price, share
        Written at [node, slot, l, j] for j > l; float64 and int64, shape [M, H, L, L + 1].
    """
    layers = tables.cycles.shape[0] - 1
    most = tables.availability[node, slot]
    per_share = prices.share[node, slot]
    energy, delay = tables.energy[node], (tables.delay_weight + multiplier) / tables.speed[node]
    # Without a price the best share is the same for every block.
    common = best_share(energy, delay, 0.0, most) if per_share == 0.0 and most > 0 else 0
    for done in range(layers):
        for j in range(done + 1, layers + 1):
            if most < 1:
                price[node, slot, done, j], share[node, slot, done, j] = np.inf, 0
                continue
            cycles = tables.cycles[done, j]
            x = common if common > 0 else best_share(energy * cycles, delay * cycles, per_share, most)
            price[node, slot, done, j] = cycles * (energy * x * x + delay / x) + per_share * x
            share[node, slot, done, j] = x


@njit(cache=True, error_model="numpy")
def _fitted(
    price: float, share: int, most: int, cycles: float, speed: float, seconds: float, energy: float, delay: float, per_share: float
) -> tuple[float, int]:
    """Price and share of a block that must end within a time, given those without; the limit only ever raises the share."""
    if share == 0:
        return np.inf, 0
    least = least_share(cycles, speed, seconds)
    if least <= share:
        return price, share
    if least > most:
        return np.inf, 0
    return cycles * (energy * least * least + delay / least) + per_share * least, least


@njit(cache=True, error_model="numpy")
def values(
    tables: Tables,
    prices: Prices,
    row: int,
    multiplier: float,
    price: np.ndarray,
    share: np.ndarray,
    release: int,
    value: np.ndarray,
    after: np.ndarray,
) -> None:
    """Values of all states of the tasks of one release.

    Parameters
    ----------
    tables, prices, row
        The instance, the prices and the row of fees.
    multiplier
        mu on every second.
    price, share
        Of `fill_blocks` at the same prices and multiplier, for all slots of the window.
    release
        First slot of the window.
    value, after
        Written; shapes [K + 1, L + 1, M] and [K, L, M]. Of the first slot only l = 0 is. Where hop and block must fit into a
        slot, `after` counts the block alone.
    """
    # Plain names for what the loops read: handing all tables on to a function would cost more than its work.
    speed, energy, cycles, availability = tables.speed, tables.energy, tables.cycles, tables.availability
    first, neighbour, hop_time, per_share = tables.first, tables.neighbour, tables.hop_time, prices.share
    nodes, layers, window, slot_seconds = speed.size, cycles.shape[0] - 1, tables.window, tables.slot_seconds
    per_second, weight = tables.hop_weight + multiplier, tables.delay_weight + multiplier
    fitted = slot_seconds != np.inf
    value[:] = np.inf
    value[:, layers] = 0.0
    idle, onward = np.empty(nodes), np.empty((nodes, layers + 1))
    for k in range(window - 1, -1, -1):
        t, last, following = release + k, k == window - 1, value[k + 1]
        toll = prices.hop[row, t]
        for m in range(nodes):
            for j in range(layers + 1):
                onward[m, j] = following[j, m] + prices.layers[row, m, t, j]
        for done in range(layers if k else 1):
            end = layers if last else done + 1
            for m in range(nodes):
                idle[m] = np.inf if last else following[done, m]
                best = np.inf
                for j in range(end, layers + 1):
                    block = price[m, t, done, j]
                    if fitted:
                        block, _ = _fitted(
                            block,
                            share[m, t, done, j],
                            availability[m, t],
                            cycles[done, j],
                            speed[m],
                            slot_seconds,
                            energy[m],
                            weight / speed[m],
                            per_share[m, t],
                        )
                    best = min(best, block + onward[m, j])
                after[k, done, m] = min(idle[m], best + prices.block[row, m, t] - prices.layers[row, m, t, done])
            for n in range(nodes):
                least = after[k, done, n]
                for e in range(first[n], first[n + 1]):
                    m = neighbour[e]
                    hop = hop_time[done, n, m]
                    reached = after[k, done, m]
                    if fitted:
                        if hop > slot_seconds:
                            continue
                        best = np.inf
                        for j in range(end, layers + 1):
                            block, _ = _fitted(
                                price[m, t, done, j],
                                share[m, t, done, j],
                                availability[m, t],
                                cycles[done, j],
                                speed[m],
                                slot_seconds - hop,
                                energy[m],
                                weight / speed[m],
                                per_share[m, t],
                            )
                            best = min(best, block + onward[m, j])
                        reached = min(idle[m], best + prices.block[row, m, t] - prices.layers[row, m, t, done])
                    least = min(least, per_second * hop + toll + reached)
                value[k, done, n] = least


@njit(cache=True, error_model="numpy")
def trace(
    tables: Tables,
    prices: Prices,
    row: int,
    multiplier: float,
    price: np.ndarray,
    share: np.ndarray,
    release: int,
    source: int,
    value: np.ndarray,
    plan: np.ndarray,
) -> tuple[float, float]:
    """Plan that attains the value of a source, with its cost at multiplier 0 and its time.

    Parameters
    ----------
    tables, prices, row, multiplier, price, share, release
        As in `values`.
    source
        Device of the task; its value is finite.
    value
        As `values` wrote it.
    plan
        Written: nodes, then layers done, then shares of the slots; int64, shape [3 K].

    Returns
    -------
    tuple[float, float]
        Cost with prices and fees, without the multiplier; seconds of hops and blocks.
    """
    layers, window = tables.cycles.shape[0] - 1, tables.window
    per_second, weight = tables.hop_weight + multiplier, tables.delay_weight + multiplier
    done, n = 0, source
    cost = seconds = 0.0
    for k in range(window):
        if done == layers:
            plan[k], plan[window + k], plan[2 * window + k] = n, done, 0
            continue
        t, last, following = release + k, k == window - 1, value[k + 1]
        best, to, end, x, taken = np.inf, n, done, 0, 0.0
        for e in range(tables.first[n] - 1, tables.first[n + 1]):
            stays = e < tables.first[n]
            m = n if stays else tables.neighbour[e]
            hop = 0.0 if stays else tables.hop_time[done, n, m]
            if hop > tables.slot_seconds:
                continue
            toll = 0.0 if stays else per_second * hop + prices.hop[row, t]
            if not last and toll + following[done, m] < best:
                best, to, end, x, taken = toll + following[done, m], m, done, 0, hop
            for j in range(layers if last else done + 1, layers + 1):
                block, at = price[m, t, done, j], share[m, t, done, j]
                if tables.slot_seconds != np.inf:
                    block, at = _fitted(
                        block,
                        at,
                        tables.availability[m, t],
                        tables.cycles[done, j],
                        tables.speed[m],
                        tables.slot_seconds - hop,
                        tables.energy[m],
                        weight / tables.speed[m],
                        prices.share[m, t],
                    )
                fee = prices.block[row, m, t] + prices.layers[row, m, t, j] - prices.layers[row, m, t, done]
                total = toll + block + fee + following[j, m]
                if total < best:
                    best, to, end, x, taken = total, m, j, at, hop
        if to != n:
            cost += tables.hop_weight * taken + prices.hop[row, t]
            seconds += taken
        if end > done:
            cycles = tables.cycles[done, end]
            time = cycles / (tables.speed[to] * x)
            fee = prices.block[row, to, t] + prices.layers[row, to, t, end] - prices.layers[row, to, t, done]
            cost += tables.energy[to] * cycles * x * x + tables.delay_weight * time + prices.share[to, t] * x + fee
            seconds += time
        done, n = end, to
        plan[k], plan[window + k], plan[2 * window + k] = n, done, x
    return cost, seconds
