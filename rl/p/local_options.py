"""What a user can tell of its own options: each server and cut, priced from its request, its device and its channels.

Nothing here comes from another user. How many others will share a server is unknown; where the services are deployed
tells how many it would be if all services were asked for alike.
"""

from __future__ import annotations

import numpy as np

from mecbench.problems.p import physics
from mecbench.problems.p.layout import Layout
from mecbench.problems.task import Observation
from mecbench.rl.p.urgency import urgency

__all__ = ["FEATURES", "SUMMARY", "URGENT", "LocalOptions"]

FEATURES, URGENT = 13, 2
"""Numbers that describe an option, and how many more where the urgency of delay is told."""

USUAL = 3.0  # price of delay whose urgency is told [1/s]

PRICES = (0.0, 0.3, 1.0, 3.0, 10.0)  # of delay, at which a summary tells the cheapest option [1/s]
SUMMARY = 4 + len(PRICES)
"""Numbers that describe a user's options as a whole."""

NANO, GIGA = 1e-9, 1e9


class LocalOptions:
    """Prices of the options of all users of a batch of episodes.

    Parameters
    ----------
    static
        What `Task.static` gives.
    layout
        Of the task, with its extended observation.
    exponent
        Of the urgency; at 0 none is told.
    """

    def __init__(self, static: dict[str, np.ndarray], layout: Layout, exponent: float = 0.0) -> None:
        self._layout, self._exponent = layout, exponent
        self._limit = static["delay_limit"]
        self._model = static["service_model"]
        self._bandwidth, self._server_flops = static["bandwidth"], static["server_flops"]
        self._watts = physics.watts(static["user_power"])
        self._weights = static["privacy_weight"], static["energy_weight"]
        price = (static[name][:, None, None] for name in ("privacy_base", "privacy_slope", "privacy_scale"))
        self._privacy = tuple(price)
        self._input_bytes = static["input_bytes"]
        shape = static["layer_bytes"].shape
        macs, sizes = (
            physics.head(static[name].reshape(-1, shape[2])).reshape(*shape[:2], -1).astype(float) for name in ("layer_macs", "layer_bytes")
        )
        device = static["flops_per_mac"][:, None, None] * macs
        sent = np.concatenate((static["input_bytes"][..., None], static["output_bytes"]), axis=2).astype(float)
        sent[np.arange(sent.shape[2]) >= static["layers"][..., None]] = 0.0
        leakage = np.concatenate((np.ones((*shape[:2], 1)), static["leakage"]), axis=2)
        # Device FLOP, server FLOP, bits sent and bits received of one sample, and leakage, of each model and cut.
        self._table = np.stack((device, device[..., -1:] - device, 8.0 * sent, 8.0 * sizes, leakage), axis=-1)
        self._last = static["layers"]

    def admissible(self, observation: Observation) -> np.ndarray:
        """Whether the mask admits each option, server by server, bool, shape [B, K, J Z]."""
        layout = self._layout
        mask = observation["mask"][:, layout.askers]
        servers, cuts = mask[..., : layout.servers], mask[..., layout.servers : layout.servers + layout.cuts]
        joint: np.ndarray = (servers[..., :, None] & cuts[..., None, :]).reshape(*mask.shape[:2], -1)
        return joint

    def describe(self, observation: Observation, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of what the mask admits.

        Parameters
        ----------
        observation
            Of the association phase.
        mask
            What `admissible` gives.

        Returns
        -------
        features
            Of the N admitted options in the order of the mask, float32, shape [N, 13], or [N, 15] with urgency.
        summary
            Of each user's options, float32, shape [B, K, 9]; 0 where there is no user.
        """
        layout = self._layout
        world, user, option = np.nonzero(mask)
        server, cut = option // layout.cuts, option % layout.cuts
        rows = observation["agents"][:, layout.askers]
        service, samples = rows[world, user, 0].astype(np.int64), rows[world, user, 1]
        model = self._model[world, service]
        flops, nanojoule, preference = (rows[world, user, 2 + 2 * layout.servers + column] for column in range(3))
        device, work, sent, received, leakage = self._table[world, model, cut].T
        held, crowd = self._crowd(observation)
        band, compute = self._bandwidth[world, server], self._server_flops[world, server]
        expected = crowd[world, server]

        base, slope, scale = (part[world, 0, 0] for part in self._privacy)
        risk = samples * physics.privacy(base, slope, preference, scale, self._input_bytes[world, model])
        private, spending = (weight[world] for weight in self._weights)
        privacy = private * risk * leakage
        computing = spending * nanojoule * NANO * samples * device
        busy = samples * device / (flops * GIGA)
        uplink = samples * sent / rows[world, user, 2 + layout.servers + server] / band
        transfer = expected * (uplink + received / rows[world, user, 2 + server] / band)
        sending = spending * self._watts[world, user] * expected * uplink
        working = expected * samples * work / compute
        cost, delay = privacy + computing + sending, busy + transfer + working

        starts = np.flatnonzero(np.diff(world * layout.users + user, prepend=-1))
        own = np.cumsum(np.isin(np.arange(world.size), starts)) - 1
        least_cost, least_delay = (np.minimum.reduceat(values, starts) if values.size else values for values in (cost, delay))
        served = held[world, server, service]
        over, late = observation["shared"][world, -2], observation["shared"][world, -1] / self._limit[world]
        columns = [
            *(np.log1p(values) for values in (privacy, computing, sending, busy, transfer, working, cost, delay)),
            np.log1p(cost) - np.log1p(least_cost)[own],
            np.log1p(delay) - np.log1p(least_delay)[own],
            cut / self._last[world, model],
            expected / layout.present(observation).sum(axis=1)[world],
            served,
        ]
        if self._exponent:
            urgent = urgency(observation, self._limit, self._exponent)[world]
            priced = np.log1p(cost + USUAL * urgent * delay)
            columns += [np.log(urgent), priced - (np.minimum.reduceat(priced, starts) if priced.size else priced)[own]]
        features = np.stack(columns, axis=1)
        summary = np.zeros((*mask.shape[:2], SUMMARY), dtype=np.float32)
        first = world[starts], user[starts]
        best = [np.log1p(np.minimum.reduceat(cost + price * delay, starts)) for price in PRICES]
        summary[first] = np.stack((*best, np.log1p(least_delay), served[starts], over[starts], late[starts]), axis=1)
        return features.astype(np.float32), summary

    def _crowd(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """Deployment, bool, shape [B, J, I], and how many users to expect at each server beside oneself and with it, shape [B, J]."""
        layout = self._layout
        held = layout.deployment(observation)
        holders = held.sum(axis=1)
        share = (held / np.maximum(holders, 1)[:, None]).sum(axis=2) / layout.services
        users = layout.present(observation).sum(axis=1)
        return held, 1.0 + (users[:, None] - 1.0) * share
