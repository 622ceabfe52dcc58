"""The tree of cases: who offloads on a channel, each case with prices of channels and a tree of each device.

A case is solved in turns. The trees of the devices are refined at its prices until they have nearly met the best plans known; the master
problem over these plans shares them out and prices channels anew; trees at better prices take the place of those before. What remains
between master and best plan is what devices decide together, and the case is divided.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mecbench.problems.cmg import Instance
from mecbench.solvers.cmg.channel_master import ChannelMaster, Mixture
from mecbench.solvers.cmg.device_tree import Device, DeviceTree, Node, Planned
from mecbench.solvers.cmg.duals import Duals
from mecbench.solvers.cmg.plans import Plans

__all__ = ["Case", "Cases"]

PRUNED = 2e-8  # of the value, relative, within which a case is not worth solving
REFINED = 0.1  # of the gap of a case, to which its devices' trees and plans need to meet
DIVIDED = 0.5  # of the gap of a case between master and best plan, from which on the case is divided
RADIUS = 0.01  # by which prices of channels may differ from the best so far, at first
WIDE = 1.0  # radius that all prices are within
WIDER = 4.0  # growth of the radius where nothing is to be gained within
SERIOUS = 0.1  # part of the hoped-for gain from which on the radius grows, else it shrinks
GROWTH, SHRINKAGE = 2.0, 0.7
FRACTIONAL = 1e-6


@dataclass(eq=False)
class Case:
    """Plans that keep to some decisions on who offloads.

    Attributes
    ----------
    owner
        1 where a device offloads, -1 where it does not, 0 where that is free; int8, shape [N, T, K].
    trees
        Of each device.
    mixture
        Solution of the master once the case is solved.
    branch
        n, t and k by which it was divided.
    children
        Below, above.
    settled
        Whether nothing is left to divide.
    """

    owner: np.ndarray
    trees: list[DeviceTree]
    mixture: Mixture | None = None
    branch: tuple[int, int, int] | None = None
    children: tuple[Case, ...] = ()
    settled: bool = False

    @property
    def channel_price(self) -> np.ndarray:
        """pi, shape [T, K]."""
        return self.trees[0].channel_price

    @property
    def bound(self) -> float:
        """Of what the plans are worth."""
        return float(self.channel_price.sum()) + sum(tree.bound for tree in self.trees)

    @property
    def reached(self) -> float:
        """The least that the bound can become by refining the trees."""
        return float(self.channel_price.sum()) + sum(tree.best()[0] for tree in self.trees)


class Cases:
    """The search, which can be left and taken up again.

    Parameters
    ----------
    instance
        The instance.
    plans
        Good plans.
    duals
        Good prices.

    Attributes
    ----------
    plans
        Best plans.
    root
        The case without decisions.
    cases
        Number of cases looked at.
    """

    def __init__(self, instance: Instance, plans: Plans, duals: Duals) -> None:
        from mecbench.problems.cmg.pricing import free

        self._instance, self.plans = instance, plans.copy()
        self.devices = [Device(instance, n, plans) for n in range(instance.devices)]
        self._master = ChannelMaster(instance.gain.shape)
        prices = np.stack(duals[:3])
        owner = np.zeros(instance.gain.shape, dtype=np.int8)
        nothing = np.zeros(instance.gain.shape[1:], dtype=bool)
        trees = []
        for n, device in enumerate(self.devices):
            device.plan(nothing, np.zeros(instance.slots))
            root = Node(free(device.tables), prices[:, n], np.inf)
            trees.append(DeviceTree(device, owner[n], duals.channel, root))
        self.offer(plans)
        self.root = Case(owner, trees)
        self.cases = 1
        self._open: list[tuple[float, int, Case]] = [(-self.root.bound, 0, self.root)]

    @property
    def nodes(self) -> int:
        """Nodes solved in all trees of devices."""
        return sum(device.solved for device in self.devices)

    @property
    def known(self) -> int:
        """Plans of devices known."""
        return sum(len(device.plans) for device in self.devices)

    @property
    def cutoff(self) -> float:
        """Bound up to which a case is not worth solving."""
        return self.plans.value + PRUNED * abs(self.plans.value)

    @property
    def bound(self) -> float:
        """Of all plans with at most one offload on each channel; others are left to the certificate."""
        return max([self.cutoff, *(case.bound for _, _, case in self._open)])

    @property
    def closed(self) -> bool:
        """Whether the best plans are proven to be the best of these."""
        return self.bound <= self.cutoff

    def offer(self, plans: Plans) -> bool:
        """Take plans, and say whether they are better than the best so far."""
        for n, device in enumerate(self.devices):
            arrays = (np.array(array[n]) for array in (plans.offload, plans.frames, plans.later, plans.eta))
            device.offer(Planned(float(plans.worth[n]), *arrays))
        better = plans.value > self.plans.value
        if better:
            self.plans = plans.copy()
        return better

    def search(self, left: Callable[[], float], report: Callable[[], None]) -> None:
        """Solve and divide the case of the largest bound until none is open or no time is left.

        Parameters
        ----------
        left
            Seconds left.
        report
            Called when bound or plans may have improved.
        """
        while not self.closed and left() > 0:
            _, number, case = self._open[0]
            if case.settled:
                break
            if case.mixture is None:
                self._solve(case, left, report)
                heapq.heapreplace(self._open, (-case.bound, number, case))
            else:
                heapq.heappop(self._open)
                self._divide(case)
            report()

    def _solve(self, case: Case, left: Callable[[], float], report: Callable[[], None]) -> None:
        """Refine trees and prices until what is left has to be divided, if there is anything left."""
        radius = RADIUS
        while True:
            mixture = self._mix(case.owner)
            before, gap = case.bound, case.bound - self.plans.value
            if before <= self.cutoff or left() <= 0:
                return
            if mixture.value - self.plans.value >= DIVIDED * gap:
                if self._choose(case):
                    continue
                break
            report()
            if self._refine(case, REFINED * gap, left):
                continue
            # The trees have met the plans known: prices at which these are worth less may lower the bound, but for plans not known yet.
            hoped = self._mix(case.owner, (case.channel_price, radius))
            gain = case.reached - hoped.value
            if gain <= REFINED * gap:
                if radius >= WIDE:
                    break
                radius *= WIDER
                continue
            trial, known = Case(case.owner, [tree.charge(tree.owner, hoped.channel_price) for tree in case.trees]), self.known
            self._refine(trial, REFINED * gap, left, before)
            if trial.bound < before:
                case.trees = trial.trees
            elif self.known == known:
                break
            radius *= GROWTH if trial.bound <= before - SERIOUS * gain else SHRINKAGE
        case.mixture, case.settled = mixture, not self._fractional(mixture)

    def _refine(self, case: Case, gap: float, left: Callable[[], float], hopeless: float = np.inf) -> bool:
        """Refine the devices' trees until they meet the best plans up to a gap, or cannot fall below what is hopeless."""
        moved, idle = False, np.zeros(len(case.trees), dtype=bool)
        each = gap / len(case.trees)
        while left() > 0 and case.bound > self.cutoff:
            bests = np.array([tree.best()[0] for tree in case.trees])
            gaps = np.array([tree.bound for tree in case.trees]) - bests
            if gaps.sum() <= gap or case.channel_price.sum() + bests.sum() >= hopeless:
                break
            gaps[idle] = -np.inf
            n = int(gaps.argmax())
            if gaps[n] <= 0.0:
                break
            if case.trees[n].refine(bests[n] + 0.5 * each, left):
                moved = True
            else:
                idle[n] = True
        return moved

    def _mix(self, owner: np.ndarray, box: tuple[np.ndarray, float] | None = None) -> Mixture:
        for n, device in enumerate(self.devices):
            for plan in device.plans.values():
                self._master.add(n, plan.worth, plan.offload)
        mixture = self._master.solve(owner, box)
        if not self._fractional(mixture):
            self._take(mixture)
        return mixture

    def _choose(self, case: Case) -> bool:
        """Choose a plan of each device, and say whether that is better than all so far."""
        return self._take(self._master.solve(case.owner, whole=True))

    def _take(self, mixture: Mixture) -> bool:
        if mixture.crowded:
            return False
        plans = self.plans.copy()
        for n, device in enumerate(self.devices):
            chosen = device.plans[mixture.chosen[n].tobytes()]
            plans.worth[n], plans.offload[n], plans.frames[n], plans.later[n], plans.eta[n] = chosen
        better = plans.value > self.plans.value + 1e-12 * abs(self.plans.value)
        if better:
            self.plans = plans
        return better

    @staticmethod
    def _fractional(mixture: Mixture) -> bool:
        return bool((np.minimum(mixture.offload, 1.0 - mixture.offload) > FRACTIONAL).any()) or mixture.crowded

    def _divide(self, case: Case) -> None:
        """Divide by the most fractional offload."""
        assert case.mixture is not None
        fraction = np.minimum(case.mixture.offload, 1.0 - case.mixture.offload)
        fraction[case.owner != 0] = -1.0
        n, t, k = (int(i) for i in np.unravel_index(fraction.argmax(), fraction.shape))
        below, above = case.owner.copy(), case.owner.copy()
        below[n, t, k] = -1
        above[:, t, k] = -1
        above[n, t, k] = 1
        children = []
        for owner in (below, above):
            trees = []
            for tree, mine in zip(case.trees, owner, strict=True):
                self._plan(tree, mine)
                trees.append(tree if (mine == tree.owner).all() else tree.charge(mine, tree.channel_price))
            children.append(Case(owner, trees))
        case.branch, case.children = (n, t, k), tuple(children)
        for child in children:
            heapq.heappush(self._open, (-child.bound, self.cases, child))
            self.cases += 1

    @staticmethod
    def _plan(tree: DeviceTree, owner: np.ndarray) -> None:
        """Plan what is nearest to the best plan so far, so that each device has a plan in the case."""
        worth, offload = tree.device.table()
        net = worth - (offload * tree.channel_price).sum(axis=(1, 2))
        at = int(net.argmax())
        tree.device.plan(np.where(owner != 0, owner > 0, offload[at]), list(tree.device.plans.values())[at].eta)
