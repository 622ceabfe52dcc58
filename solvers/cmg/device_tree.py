"""The tree of one device at given prices of channels: branch and bound on where it offloads and on its frame rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.problems.cmg.certificate import energy_terms
from mecbench.problems.cmg.tables import select, tables
from mecbench.solvers.cmg.device_master import DeviceMaster, Shares
from mecbench.solvers.cmg.plans import ROUNDS, Plans

if TYPE_CHECKING:
    from mecbench.problems.cmg.pricing import Decisions, Priced

__all__ = ["Device", "DeviceTree", "Node", "Planned"]

STABILITY = 0.5  # weight of the best prices so far in those that are priced first
LOOSE = 0.02  # of the gap of a node, to which its master and bound need to meet
FRACTIONAL = 1e-6
PRECISION = 1e-10  # of values, relative


class Planned(NamedTuple):
    """A plan of a device.

    Attributes
    ----------
    worth
        What it adds to the objective.
    offload, frames
        Whether each chunk is offloaded, and number of its frame rate; shape [T, K].
    later, eta
        As in `Plans`, shape [T].
    """

    worth: float
    offload: np.ndarray
    frames: np.ndarray
    later: np.ndarray
    eta: np.ndarray


@dataclass(eq=False)
class Node:
    """Plans of a device that keep to some decisions.

    Attributes
    ----------
    decisions
        Of the device alone, arrays of shape [1, T, K]; those of the case come on top.
    prices
        sigma, nu and zeta, shape [3, T].
    bound
        Of what the plans are worth, channels paid.
    shares
        Solution of its relaxation, ``None`` if it has not been solved at these prices of channels.
    branch
        t, k and, where frame rates are divided, the last number of those below; ``None`` where it is not divided.
    children
        Below, above.
    settled
        Whether master and bound have met with nothing to divide: what is left is the evaluator's tolerances.
    """

    decisions: Decisions
    prices: np.ndarray
    bound: float
    shares: Shares | None = None
    branch: tuple[int, int, int | None] | None = None
    children: tuple[Node, ...] = ()
    settled: bool = False


class Device:
    """What is known of a device, whatever the case.

    Attributes
    ----------
    number
        n.
    plans
        Best plan for each set of offloads so far.
    solved
        Nodes solved.
    """

    def __init__(self, instance: Instance, number: int, plans: Plans) -> None:
        self.number, self._instance = number, instance
        known = tables(instance)
        self.tables = select(known, np.array([number]))
        self.master = DeviceMaster(instance, known, number)
        self._planning, self._batteries = plans.tables, plans.batteries
        self.plans: dict[bytes, Planned] = {}
        self._table: tuple[np.ndarray, np.ndarray] | None = None
        self.solved = 0

    def offer(self, plan: Planned) -> None:
        """Take note of a plan if it is the best of its offloads."""
        key = plan.offload.tobytes()
        if key not in self.plans or plan.worth > self.plans[key].worth:
            self.plans[key] = plan
            self._table = None

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Worth and offloads of all plans, shapes [P] and [P, T, K]."""
        if self._table is None:
            known = list(self.plans.values())
            self._table = np.array([plan.worth for plan in known]), np.array([plan.offload for plan in known])
        return self._table

    def plan(self, offload: np.ndarray, eta: np.ndarray, frames: np.ndarray | None = None) -> None:
        """Plan with some offloads, from prices of energy on, or with these frame rates; shapes [T, K], [T] and [T, K]."""
        from mecbench.solvers.cmg.completion_compiled import complete
        from mecbench.solvers.cmg.device_compiled import plan_device

        eta, later = eta.copy(), np.empty(eta.size)
        offload = np.ascontiguousarray(offload)
        if frames is None:
            if offload.tobytes() in self.plans:
                return
            frames = np.empty(offload.shape, dtype=np.int64)
            worth = plan_device(self._planning, self._batteries, self.number, offload, ROUNDS, frames, later, eta)
        else:
            frames = np.ascontiguousarray(frames)
            worth = complete(self._planning, self._batteries, self.number, offload, frames, later, eta)
        if worth > -np.inf:
            self.offer(Planned(worth, offload, frames, later, eta))

    def secure(self, offload: np.ndarray) -> bool:
        """Whether all offloads may be planned."""
        return bool((self._planning.tightness[self.number][offload] > 0.0).all())

    def bounds(self, prices: np.ndarray, channel_price: np.ndarray, decisions: Decisions) -> tuple[np.ndarray, Priced]:
        """Bound of each of some sets of plans, shape [E], and the best relaxed plans.

        Parameters
        ----------
        prices
            sigma, nu and zeta, shape [E, 3, T].
        channel_price
            pi, shape [T, K].
        decisions
            Arrays of shape [E, T, K].
        """
        from mecbench.problems.cmg.pricing import price

        count = prices.shape[0]
        found = price(select(self.tables, np.zeros(count, dtype=np.int64)), prices.sum(axis=1), channel_price, decisions)
        terms = energy_terms(self._instance, self.tables, np.full(count, self.number), *prices.transpose(1, 0, 2))
        return found.value.sum(axis=1) + sum(term.reshape(count, -1).sum(axis=1) for term in terms), found

    def solve(
        self, decisions: Decisions, prices: np.ndarray, channel_price: np.ndarray, cut: float, left: Callable[[], float], loose: float
    ) -> tuple[float, np.ndarray, Shares | None]:
        """Bound the plans that keep to some decisions by column generation.

        Parameters
        ----------
        decisions, channel_price
            Of the device alone, arrays of shape [1, T, K], and pi, shape [T, K].
        prices
            sigma, nu and zeta to start from, shape [3, T].
        cut
            Bound that is good enough.
        left
            Seconds left.
        loose
            Part of the gap between bound and cut to which master and bound need to meet.

        Returns
        -------
        tuple[float, np.ndarray, Shares | None]
            The bound, its prices, and the solution of the master unless there was no need of it.
        """
        self.solved += 1
        master, shares = self.master, None
        best = np.inf
        for trial in (prices, np.stack((np.full(prices.shape[1], 1e6), *np.zeros((2, prices.shape[1]))))):
            value, found = self.bounds(trial[None], channel_price, decisions)
            master.add(found, trial.sum(axis=0), channel_price)
            if value[0] < best:
                best, prices = float(value[0]), trial
        if best <= cut:
            return best, prices, None
        master.restrict(decisions, channel_price)
        while True:
            shares = master.solve()
            new = 0
            for weight in (STABILITY, 0.0):
                trial = weight * prices + (1.0 - weight) * shares.prices
                value, found = self.bounds(trial[None], channel_price, decisions)
                if value[0] < best:
                    best, prices = float(value[0]), trial
                new = master.add(found, trial.sum(axis=0), channel_price)
                if new:
                    break
            close = max(loose * (best - cut), PRECISION * abs(best))
            if best <= cut or not new or best - shares.value <= close or left() <= 0:
                return best, prices, shares


class DeviceTree:
    """The search in one case at given prices of channels, which can be left and taken up again.

    Attributes
    ----------
    device, owner
        The device, and where the case has it offload (1) or not (-1), int8, shape [T, K].
    channel_price
        pi, shape [T, K].
    root, leaves
        The tree.
    """

    def __init__(self, device: Device, owner: np.ndarray, channel_price: np.ndarray, root: Node) -> None:
        self.device, self.owner, self.channel_price, self.root = device, owner, channel_price, root
        nodes = [root]
        for node in nodes:
            nodes += node.children
        decisions = [self._with_case(node.decisions) for node in nodes]
        stacked = type(root.decisions)(*(np.concatenate(arrays) for arrays in zip(*decisions, strict=True)))
        bounds, _ = device.bounds(np.array([node.prices for node in nodes]), channel_price, stacked)
        for node, value in zip(nodes, bounds.tolist(), strict=True):
            node.bound = value
        self.leaves = [node for node in nodes if node.branch is None]

    def _with_case(self, decisions: Decisions) -> Decisions:
        return decisions._replace(offload=np.where(self.owner != 0, self.owner, decisions.offload))

    def charge(self, owner: np.ndarray, channel_price: np.ndarray) -> DeviceTree:
        """The same tree in another case or at other prices of channels."""

        def twin(node: Node) -> Node:
            children = tuple(twin(child) for child in node.children)
            return replace(node, shares=None, settled=False, children=children)

        return DeviceTree(self.device, owner, channel_price, twin(self.root))

    @property
    def top(self) -> Node:
        """The leaf of the largest bound."""
        return max(self.leaves, key=lambda node: node.bound)

    @property
    def bound(self) -> float:
        """Of what the device's plans are worth, channels paid."""
        return self.top.bound

    def best(self) -> tuple[float, int]:
        """What the best plan known in this case is worth, channels paid, and its number."""
        worth, offload = self.device.table()
        fits = ((self.owner == 0) | ((self.owner > 0) == offload)).all(axis=(1, 2))
        net = np.where(fits, worth - (offload * self.channel_price).sum(axis=(1, 2)), -np.inf)
        return float(net.max()), int(net.argmax())

    def refine(self, cut: float, left: Callable[[], float]) -> bool:
        """Solve or divide the leaf of the largest bound, and say whether there was anything to do.

        Parameters
        ----------
        cut
            Bound at which a leaf is not worth solving.
        left
            Seconds left.
        """
        node = self.top
        if node.settled or node.bound <= cut:
            return False
        if node.shares is None:
            self._solve(node, cut, left)
            return True
        branch = _branch(node.shares)
        if branch is None:
            # Master and bound may not have met yet.
            before = node.bound
            self._solve(node, cut, left, 0.0)
            node.settled = node.bound >= before - PRECISION * abs(before)
            return True
        node.branch = branch
        node.children = tuple(Node(decisions, node.prices, node.bound) for decisions in _divided(node.decisions, branch))
        self.leaves.remove(node)
        for child in node.children:
            self._solve(child, cut, left)
            self.leaves.append(child)
        return True

    def _solve(self, node: Node, cut: float, left: Callable[[], float], loose: float = LOOSE) -> None:
        decisions = self._with_case(node.decisions)
        node.bound, node.prices, shares = self.device.solve(decisions, node.prices, self.channel_price, cut, left, loose)
        node.shares = shares
        if shares is not None:
            # Plans near the solution of the relaxation.
            offload = np.where(self.owner != 0, self.owner > 0, shares.offload > 0.5)
            if self.device.secure(offload):
                self.device.plan(offload, node.prices.sum(axis=0))
                if shares.spread.max() < FRACTIONAL:
                    self.device.plan(offload, node.prices.sum(axis=0), np.rint(shares.frames).astype(np.int64))


def _branch(shares: Shares) -> tuple[int, int, int | None] | None:
    """The most fractional offload, or else the frame rate of the largest variance."""
    fraction = np.minimum(shares.offload, 1.0 - shares.offload)
    if fraction.max() > FRACTIONAL:
        t, k = np.unravel_index(fraction.argmax(), fraction.shape)
        return int(t), int(k), None
    if shares.spread.max() > FRACTIONAL:
        t, k = np.unravel_index(shares.spread.argmax(), fraction.shape)
        return int(t), int(k), int(np.floor(shares.frames[t, k] + FRACTIONAL))
    return None


def _divided(decisions: Decisions, branch: tuple[int, int, int | None]) -> tuple[Decisions, Decisions]:
    """Both sides of a branch."""
    t, k, frames = branch
    offload, lowest, highest = (np.repeat(array, 2, axis=0) for array in decisions)
    if frames is None:
        offload[:, t, k] = -1, 1
    else:
        highest[0, t, k] = min(highest[0, t, k], frames)
        lowest[1, t, k] = max(lowest[1, t, k], frames + 1)
    kind = type(decisions)
    return kind(offload[:1], lowest[:1], highest[:1]), kind(offload[1:], lowest[1:], highest[1:])
