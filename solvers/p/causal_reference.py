"""The causal classical reference: what can be had without the future and without learning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p.control import Control, Multiplier
from mecbench.solvers.p.episode import TYPICAL_BATCH, Episode, Settled, demand, expected_deployment, least_multiplier

__all__ = ["CausalReference", "algorithms", "linear_deployment"]

GRID = np.geomspace(0.05, 60.0, 10)  # multipliers at which delay is forecast [1/s]
MILP_GAP = 1e-3  # of what the deployment saves against failing


@dataclass
class CausalReference:
    """Deployment for the estimated demand, coordinate descent and the closed-form split in every slot, and a steered multiplier.

    ``deployment=milp,control=subgradient`` is the reference of the specification word by word. It misses the delay limit as
    often as not, since its steps shrink before they have found the multiplier, so both parts have another default:

    - ``deployment="search"`` prices a request at what it would add to the mean loads of the last interval, and places by
      greedy and exchanges. On the prices of the MILP it reaches in ten milliseconds what HiGHS reaches in a minute.
    - ``control="forecast"`` rehearses the requests of the last interval, under the present deployment, at a grid of
      multipliers, and takes for each slot the multiplier at which the slot itself and such slots ever after would use up
      exactly what is left of the delay. In the last slot nothing is forecast: it takes what is left.

    The forms of both and the margin were chosen on the validation instances of paper-50 with the seeds 10000 to 10019, and
    looked at on those of the other classes; no test instance was used.

    Attributes
    ----------
    deployment
        ``"search"`` or ``"milp"``: the facility location of the linearised bound at D = 8 and the mean loads of the last
        interval, then spare storage filled by counts.
    control
        ``"forecast"``, or ``"subgradient"``: lambda <- max(0.05, lambda + 0.3 / sqrt(t + 1) (tau(t) - tau_bar) + 0.05 (mean
        tau so far - tau_bar)) from `multiplier`.
    margin
        Of the forecast, in standard deviations of the delay that slots take.
    multiplier
        lambda_0 of the subgradient control [1/s].
    """

    name: ClassVar[str] = "causal-reference"
    kind: ClassVar[Kind] = "controller"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    deployment: Literal["search", "milp"] = "search"
    control: Literal["forecast", "subgradient"] = "forecast"
    margin: float = 0.5
    multiplier: float = 2.0
    _control: Control = field(init=False, repr=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds; nothing is random."""
        multipliers: list[Multiplier] = [
            Forecast(self.margin) if self.control == "forecast" else Subgradient(self.multiplier) for _ in range(batch)
        ]
        self._control = Control(static, multipliers, expected_deployment if self.deployment == "search" else linear_deployment)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        return self._control.act(observation)


class Forecast:
    """Multiplier at which the rest of the delay is used up, were the coming slots like those of the last interval.

    Parameters
    ----------
    margin
        Standard deviations of their delay, as much as they may exceed it by.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._mean, self._deviation = np.empty(0), np.empty(0)

    def of_interval(self, episode: Episode) -> float:
        """Multiplier of the forecast under the last deployment; at first, with everything everywhere."""
        if episode.slot == 0:
            self.deployed(episode)
        slots = episode.slots - episode.slot
        multiplier = least_multiplier(lambda value: self.delay(value, slots) - episode.left)
        if episode.slot == 0:
            episode.load = episode.past().settle(episode.held, multiplier).load
        return multiplier

    def deployed(self, episode: Episode) -> None:
        """Rehearse the last interval at every multiplier of the grid."""
        past = episode.past()
        delay = np.array([past.settle(episode.held, multiplier).delay for multiplier in GRID.tolist()])
        self._mean, self._deviation = np.minimum.accumulate(delay.mean(axis=1)), delay.std(axis=1)

    def of_slot(self, episode: Episode) -> float:
        """Multiplier of this slot and, by the forecast, of all that follow."""
        asked, held, after, left = episode.asked, episode.held, episode.after, episode.left
        return least_multiplier(lambda value: float(asked.settle(held, value).delay[0]) + self.delay(value, after) - left)

    def paid(self, episode: Episode, settled: Settled) -> None:
        """Nothing to learn before the interval ends."""

    def delay(self, multiplier: float, slots: int) -> float:
        """Delay of so many coming slots' requests together, and its margin [s]."""
        mean, deviation = (np.interp(np.log(multiplier), np.log(GRID), values) for values in (self._mean, self._deviation))
        return float(slots * mean + np.sqrt(slots) * self._margin * deviation)


class Subgradient:
    """The multiplier of the specification, by steps along the delay of each slot and of all so far."""

    def __init__(self, multiplier: float) -> None:
        self._multiplier = multiplier

    def of_interval(self, episode: Episode) -> float:
        """Multiplier of the next slot."""
        if episode.slot == 0:
            episode.load = episode.past(batch=TYPICAL_BATCH).settle(episode.held, self._multiplier).load
        return self._multiplier

    def deployed(self, episode: Episode) -> None:
        """Nothing to learn."""

    def of_slot(self, episode: Episode) -> float:
        """Multiplier that the slots so far have led to."""
        return self._multiplier

    def paid(self, episode: Episode, settled: Settled) -> None:
        """Step up where delay is above its limit, down where it is below."""
        limit, requests, paid = episode.world.delay_limit, episode.world.users, episode.slot
        of_slot = float(settled.delay[0]) / requests - limit
        so_far = limit * (episode.slots - paid) / paid - episode.left / (paid * requests)
        self._multiplier = max(0.05, self._multiplier + 0.3 / np.sqrt(paid) * of_slot + 0.05 * so_far)


def linear_deployment(episode: Episode, multiplier: float) -> np.ndarray:
    """Deployment by the facility location of the linearised bound on the expected demand, bool, shape [I, J].

    Requests of all users for all services, weighted by the estimated demand, are priced at the mean loads of the last
    interval; what storage is left is filled by counts.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, eye_array, hstack, kron, vstack

    from mecbench.problems.p.pricing import prices

    world, options = episode.world, episode.expected().options
    band, compute = (np.repeat(load[None], options.slots, axis=0) for load in episode.load.mean(axis=0))
    price, _ = prices(world, options, multiplier, band, compute)
    fail = (options.failure + multiplier * world.failure_delay)[..., None]
    saved = demand(episode.counts)[:, None, None] * np.minimum(price - fail, 0.0)[world.service_model]
    # x[i, j], then y[i, k, j]: a user is served at most once, by servers that hold the service, which storage limits.
    services, users, servers = saved.shape
    stored = services * servers
    once = kron(eye_array(services * users), np.ones((1, servers)))
    held_by = kron(eye_array(services), kron(np.ones((users, 1)), eye_array(servers)))
    size = kron(world.service_bytes[None].astype(float), eye_array(servers))
    rows = vstack(
        (
            hstack((csr_array((services * users, stored)), once)),
            hstack((-held_by, eye_array(saved.size))),
            hstack((size, csr_array((servers, saved.size)))),
        ),
        format="csr",
    )
    most = np.concatenate((np.ones(services * users), np.zeros(saved.size), world.storage))
    answer = milp(
        np.concatenate((np.zeros(stored), saved.ravel())),
        integrality=np.repeat((1, 0), (stored, saved.size)),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(rows, -np.inf, most),
        options={"mip_rel_gap": MILP_GAP},
    )
    assert answer.x is not None, answer.message
    held: np.ndarray = answer.x[:stored].reshape(services, servers) > 0.5
    free = world.storage - world.service_bytes @ held
    for service in np.argsort(-episode.counts, kind="stable"):
        added = ~held[service] & (world.service_bytes[service] <= free)
        held[service] |= added
        free -= world.service_bytes[service] * added
    return held


algorithms = (CausalReference,)
