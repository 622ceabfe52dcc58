"""What a causal controller of P knows of an episode, and what it makes of it: demand, deployment, choices of a slot.

Nothing here sees the future or the law that services are drawn from: a deployment is made from the requests before its
interval, the warm-up included, and a slot's choices from its own requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p import Instance, physics
from mecbench.problems.p.allocation import choices, split
from mecbench.problems.p.options import Options, options

if TYPE_CHECKING:
    from mecbench.solvers.p.slot_compiled import Slots

__all__ = ["LARGEST", "LEAST", "TYPICAL_BATCH", "Episode", "Requests", "Settled", "demand", "expected_deployment", "least_multiplier"]

LEAST, LARGEST = 0.01, 100.0  # multipliers on C8 between which controllers search [1/s]
STEPS = 16  # of that search: to a part in ten thousand
ATTEMPTS = 50  # to force a service on a server, at a fifth of a millisecond each; hundreds gain a part in a thousand
TYPICAL_BATCH = 8  # D of the requests that are only expected

Links = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Settled:
    """Slots settled at a multiplier.

    Attributes
    ----------
    multiplier
        lambda [1/s].
    server, cut
        sigma, -1 for failing, and z; int64, shape [S, K].
    load
        S^B and S^F, shape [S, 2, J].
    delay
        Delay of each slot's requests together at the optimal split [s], shape [S].
    """

    multiplier: float
    server: np.ndarray
    cut: np.ndarray
    load: np.ndarray
    delay: np.ndarray


@dataclass(frozen=True, eq=False)
class Requests:
    """S slots of requests that can be settled, as options for people and as slots for kernels."""

    options: Options
    slots: Slots

    def settle(self, held: np.ndarray, multiplier: float) -> Settled:
        """Choose servers and cuts by coordinate descent at a multiplier, under a deployment of shape [I, J]."""
        from mecbench.solvers.p.slot_compiled import settle

        service = self.options.service
        server, cut = np.empty_like(service), np.empty_like(service)
        load, _, delay = settle(self.slots, held[service], multiplier, server, cut)
        return Settled(multiplier, server, cut, load, delay)


def demand(counts: np.ndarray) -> np.ndarray:
    """Estimate (counts + 1) / (total + I) of the probability that a request is for each service, shape [I]."""
    return (counts + 1.0) / (counts.sum() + counts.size)


def least_multiplier(excess: Callable[[float], float]) -> float:
    """Least multiplier, to a part in ten thousand, at which an excess of delay is not positive; `LARGEST` if there is none.

    The excess falls with the multiplier but for the small jumps that discrete choices make; it is not positive at the
    answer, unless that is `LARGEST`.
    """
    if excess(LEAST) <= 0.0:
        return LEAST
    low, high = np.log(LEAST), np.log(LARGEST)
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if excess(float(np.exp(middle))) > 0.0:
            low = middle
        else:
            high = middle
    return min(float(np.exp(high)), LARGEST)


class Episode:
    """One episode as it unfolds, slot by slot: `ask`, then settle what is `asked` as often as wanted, then `pay`.

    Before the first deployment every server counts as holding every service, so that the warm-up can be rehearsed.

    Parameters
    ----------
    world
        The instance with its warm-up in place of its trace, as `worlds.known` makes it.
    slots
        T.
    links
        Eta^dl and eta^ul [bit/s/Hz], shape [J, K] each, where they hold for the whole horizon. Otherwise they are taken
        from the places by the path loss of the paper at first, and as the mean of what was seen later.

    Attributes
    ----------
    slot
        t, slots that were paid.
    left
        Delay that the remaining slots may take together [s], N tau_bar less what was taken.
    held
        Whether each server holds each service, bool, shape [I, J].
    asked
        Requests of the present slot.
    counts
        Requests of each service so far, the warm-up included, shape [I].
    load
        S^B and S^F of the last DT slots, or of their rehearsal, shape [DT, 2, J].
    """

    def __init__(self, world: Instance, slots: int, links: Links | None) -> None:
        self.world, self.slots = world, slots
        self.slot = 0
        self.left = world.delay_limit * slots * world.users
        self.held = np.ones((world.services, world.servers), dtype=bool)
        self.counts = np.bincount(world.warmup_service.ravel(), minlength=world.services)
        self.load = np.zeros((world.interval, 2, world.servers))
        self._past = np.stack((world.warmup_service, world.warmup_batch))
        self._typical: Links = _by_distance(world) if links is None else links
        self.asked = self._requests(world.warmup_service[-1:], world.warmup_batch[-1:])

    @property
    def after(self) -> int:
        """Slots after the present one."""
        return self.slots - self.slot - 1

    def expected(self) -> Requests:
        """A request of every user for a service of each model, M slots of them, with eight samples each."""
        first = (self.world.service_model == np.arange(self.world.layers.size)[:, None]).argmax(axis=1)
        service = np.repeat(first[:, None], self.world.users, axis=1)
        return self._requests(service, np.full_like(service, TYPICAL_BATCH))

    def past(self, slot: slice = slice(None), batch: int | None = None) -> Requests:
        """Requests of the last DT slots, at first of the warm-up.

        Parameters
        ----------
        slot
            Which of them, the oldest being 0.
        batch
            Samples of every request, if not its own.
        """
        service, samples = self._past[:, slot]
        return self._requests(service, samples if batch is None else np.full_like(samples, batch))

    def ask(self, service: np.ndarray, batch: np.ndarray, links: Links | None = None) -> None:
        """Take the requests of the present slot, shape [K], and its links, shape [J, K] each, where they change."""
        if links is not None:
            downlink, uplink = ((old * self.slot + new) / (self.slot + 1) for old, new in zip(self._typical, links, strict=True))
            self._typical = downlink, uplink
        self.asked = self._requests(service[None], batch[None], links)

    def pay(self, settled: Settled) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Carry a slot's choices out.

        Returns
        -------
        tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
            Server (one that lacks the service where the request fails), cut, and the optimal parts of the server's
            bandwidth and compute; shape [K] each.
        """
        options, world = self.asked.options, self.world
        hit = settled.server >= 0
        server = np.where(hit, settled.server, self.held[options.service].argmin(axis=2))
        shares = split(world, choices(world, options, hit, server, settled.cut), settled.multiplier)
        self.left -= float(settled.delay[0])
        self.load[self.slot % world.interval] = settled.load[0]
        self.counts += np.bincount(options.service[0], minlength=self.counts.size)
        self._past = np.concatenate((self._past[:, 1:], np.stack((options.service, options.batch))), axis=1)
        self.slot += 1
        where = server[0]
        return where, settled.cut[0], shares.bandwidth[0] / world.bandwidth[where], shares.compute[0] / world.server_flops[where]

    def _requests(self, service: np.ndarray, batch: np.ndarray, links: Links | None = None) -> Requests:
        from mecbench.solvers.p.slot_compiled import slots_of

        shape = (service.shape[0], self.world.servers, self.world.users)
        downlink, uplink = (np.broadcast_to(link, shape) for link in links or self._typical)
        priced = replace(options(self.world, service, batch), downlink=downlink, uplink=uplink)
        return Requests(priced, slots_of(self.world, priced))


def _by_distance(world: Instance) -> Links:
    """Links at the path loss of the paper, 30 dB and 35 dB a decade, without shadowing and fading."""
    apart = world.server_position[:, None] - world.user_position
    gain = -30.0 - 35.0 * np.log10(np.maximum(np.sqrt((apart**2).sum(axis=-1)), 1.0))
    downlink, uplink = (
        physics.efficiency(power, gain, world.bandwidth[:, None], world.noise_density, world.noise_figure)
        for power in (world.server_power[:, None], world.user_power)
    )
    return downlink, uplink


def expected_deployment(episode: Episode, multiplier: float) -> np.ndarray:
    """Deployment of least expected cost + multiplier * delay for the estimated demand, bool, shape [I, J].

    A request is priced at what it would add to the mean loads of the last DT slots, as they were settled or rehearsed,
    less a user's part of them: requests of one user do not meet those of its own.
    """
    from mecbench.solvers.p.slot_compiled import marginal_prices, place

    world = episode.world
    others = episode.load.mean(axis=0) * ((world.users - 1) / world.users)
    price, fail = marginal_prices(episode.expected().slots, others, multiplier)
    weight = demand(episode.counts)
    held: np.ndarray = place(price, fail, world.service_model, weight, world.service_bytes, world.storage, ATTEMPTS)
    return held
