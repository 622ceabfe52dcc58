"""A solution of P1 under local search, with what is left of every capacity, as plain arrays that compiled code takes whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.p1.tables import Tables
from mecbench.solvers.p1.master import Duals

__all__ = ["MULTIPLIERS", "Offers", "State", "empty_offers", "empty_state"]

MULTIPLIERS = np.array([0.0, 0.02, 0.05, 0.1, 0.15, 0.22, 0.3, 0.5, 0.8, 1.5, 4.0, 1000.0])  # mu [1/s] on seconds where a plan is late


class State(NamedTuple):
    """A solution; Q tasks, K slots of a window, M nodes, H slots. All but `clock` are views of two buffers, to be copied at once.

    Attributes
    ----------
    integers, reals
        The buffers.
    fail, plan
        Who is given up [Q]; node, layers done and share of each slot [Q, 3, K].
    left, hops
        Shares [M, H] and hops [H] that nobody uses.
    head, following, preceding
        The blocks of each node and slot, as lists: block q K + k is that of task q in the slot k of its window, -1 is the end;
        shapes [M, H], [Q K], [Q K].
    version
        Of what happens on each node in each slot, shape [M, H]: equal versions, equal blocks and shares.
    work
        Cycles of each block, 0 where there is none, shape [Q, K].
    cost, seconds
        Summand of the objective, and what the deadline limits, shape [Q].
    clock
        Number of versions so far, shape [1].
    """

    integers: np.ndarray
    reals: np.ndarray
    fail: np.ndarray
    plan: np.ndarray
    left: np.ndarray
    hops: np.ndarray
    head: np.ndarray
    following: np.ndarray
    preceding: np.ndarray
    version: np.ndarray
    work: np.ndarray
    cost: np.ndarray
    seconds: np.ndarray
    clock: np.ndarray


class Offers(NamedTuple):
    """What blocks cost at V levels of the prices and I multipliers, computed when first asked for; L layers.

    Attributes
    ----------
    level
        Factors of the prices, shape [V].
    share_price, hop_price
        Least price of a share and price of a hop, shapes [M, H] and [H].
    give
        What the users of a node in a slot lose if they give one share, then another, ...; infinite from where they cannot;
        shape [M, H, 100].
    charge
        Price of the first x shares of a node in a slot, x = 0..100, shape [V, M, H, 101].
    price, share
        Least cost of the layers after l up to j on a node in a slot, and the share that attains it; shape [V, I, H, L, L + 1, M].
    given, charged, priced
        Versions of the node and slot for which these hold; shapes [M, H], [V, M, H], [V, I, M, H].
    room
        Seconds that a block on a node after some layers surely has in a slot, whatever the hop before, shape [L, M].
    value, after
        Space of the dynamic programme, shapes [K + 1, L + 1, M] and [K, L, M].
    """

    level: np.ndarray
    share_price: np.ndarray
    hop_price: np.ndarray
    give: np.ndarray
    charge: np.ndarray
    price: np.ndarray
    share: np.ndarray
    given: np.ndarray
    charged: np.ndarray
    priced: np.ndarray
    room: np.ndarray
    value: np.ndarray
    after: np.ndarray


def empty_state(tables: Tables, hops: np.ndarray) -> State:
    """State in which every task fails.

    Parameters
    ----------
    tables
        The instance, its groups of one task each.
    hops
        Number of subcarriers in each slot, shape [H].
    """
    tasks, window, (nodes, slots) = tables.source.size, tables.window, tables.availability.shape
    whole = {
        "fail": (tasks,),
        "plan": (tasks, 3, window),
        "left": (nodes, slots),
        "hops": (slots,),
        "head": (nodes, slots),
        "following": (tasks * window,),
        "preceding": (tasks * window,),
        "version": (nodes, slots),
    }
    real = {"work": (tasks, window), "cost": (tasks,), "seconds": (tasks,)}
    integers, views = _views(whole, np.int64)
    reals, others = _views(real, np.float64)
    made = State(integers=integers, reals=reals, clock=np.zeros(1, dtype=np.int64), **views, **others)
    made.fail[:] = 1
    made.left[:], made.hops[:] = tables.availability, hops
    made.head[:], made.following[:], made.preceding[:] = -1, -1, -1
    made.cost[:] = tables.penalty
    return made


def _views(shapes: dict[str, tuple[int, ...]], dtype: type) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A buffer of zeros, and arrays of the given shapes in it, one after another."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()]).tolist()
    buffer = np.zeros(ends[-1], dtype=dtype)
    return buffer, {
        name: buffer[end - int(np.prod(shape)) : end].reshape(shape) for (name, shape), end in zip(shapes.items(), ends, strict=True)
    }


def empty_offers(tables: Tables, duals: Duals, levels: np.ndarray, floor: float = 0.9) -> Offers:
    """Offers at prices of which none is known yet.

    Parameters
    ----------
    tables
        The instance.
    duals
        Prices of the capacities.
    levels
        Their parts that are charged, shape [V].
    """
    layers, (nodes, slots) = tables.cycles.shape[0] - 1, tables.availability.shape
    longest = np.where(np.isfinite(tables.hop_time), tables.hop_time, 0.0).max(axis=1)
    count, some = levels.size, MULTIPLIERS.size
    return Offers(
        level=levels,
        share_price=floor * duals.price[:-slots].reshape(nodes, slots),
        hop_price=duals.price[-slots:].copy(),
        give=np.full((nodes, slots, 100), np.inf),
        charge=np.zeros((count, nodes, slots, 101)),
        price=np.full((count, some, slots, layers, layers + 1, nodes), np.inf),
        share=np.zeros((count, some, slots, layers, layers + 1, nodes), dtype=np.int16),
        given=np.full((nodes, slots), -1),
        charged=np.full((count, nodes, slots), -1),
        priced=np.full((count, some, nodes, slots), -1),
        room=tables.slot_seconds - longest,
        value=np.empty((tables.window + 1, layers + 1, nodes)),
        after=np.empty((tables.window, layers, nodes)),
    )
