"""Instances side by side as one flat world, in which the task finds what a slot needs in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mecbench.problems.p import physics
from mecbench.problems.p.instance import Instance

__all__ = ["Chosen", "Outcome", "Worlds", "known"]

_TRACE = ("service", "batch")
_ALIKE = ("slots", "servers", "services", "interval")


@dataclass(frozen=True, eq=False)
class Chosen:
    """Requests of one slot at the servers and cuts chosen for them, shape [B K] each.

    Attributes
    ----------
    server, cut
        sigma, numbered over all worlds, and z.
    hit
        Whether the server holds the service.
    device_flop, work
        D Omega^U and W = D Omega^E [FLOP].
    upload, traffic
        U, and A = U and the download over its efficiency [Hz s].
    """

    server: np.ndarray
    cut: np.ndarray
    hit: np.ndarray
    device_flop: np.ndarray
    work: np.ndarray
    upload: np.ndarray
    traffic: np.ndarray


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of the requests of one slot, shape [B K] each; 0 where there is no user.

    Attributes
    ----------
    delay, energy, privacy
        tau_r [s], e_r [J] and C^priv_r; of a failure tau_fail and what it is charged for.
    cost
        Their weighted cost (12).
    """

    delay: np.ndarray
    energy: np.ndarray
    privacy: np.ndarray
    cost: np.ndarray


class Worlds:
    """B instances of J servers and K users as one world of B J servers and B K users, numbered instance by instance.

    The instances must agree in everything but their numbers of users; the smaller ones are padded with users that
    are not `present`. Arrays of users have the shape [B K], those of servers [B J].

    Parameters
    ----------
    instances
        At least one.
    users
        Pads each instance to at least this many users.

    Raises
    ------
    ValueError
        If the instances differ in slots, servers, services, interval, layers or in whether their gains change.
    """

    def __init__(self, instances: Sequence[Instance], users: int = 0) -> None:
        for what in (*_ALIKE, "layer_bytes", "gain"):
            found = sorted({str(self._extent(instance, what)) for instance in instances})
            if len(found) != 1:
                raise ValueError(
                    f"expected instances that agree in {what}, so that they can be stepped together, found {' and '.join(found)}"
                )
        first = instances[0]
        self.instances = list(instances)
        self.count = len(self.instances)
        self.slots, self.interval, self.services = first.slots, first.interval, first.services
        self.servers_each, self.cuts_each = first.servers, first.layer_bytes.shape[1] + 1
        self.users_each = max(users, *(instance.users for instance in self.instances))
        self.servers = self.count * self.servers_each
        self.requests = np.array([instance.requests for instance in self.instances])
        self.world = np.repeat(np.arange(self.count), self.users_each)
        self.user = np.tile(np.arange(self.users_each), self.count)
        self.first_server = self.world * self.servers_each
        self.present = self.user < (self.requests // self.slots)[self.world]
        self.padded = not self.present.all()

        self.storage, self.service_bytes = self.stacked("storage"), self.stacked("service_bytes")
        self.bandwidth, self.server_flops = self.stacked("bandwidth").ravel(), self.stacked("server_flops").ravel()
        self.wholes = np.stack((self.bandwidth, self.server_flops))
        self.cloud_rate = self.stacked("cloud_rate").ravel()
        self.user_flops, self.user_watts = self.stacked("user_flops").ravel(), self.stacked("user_watts").ravel()
        self.energy_per_flop = self.stacked("energy_per_flop").ravel()
        self.privacy_preference = self.stacked("privacy_preference").ravel()
        self.privacy_weight, self.energy_weight = self._per_user("privacy_weight"), self._per_user("energy_weight")
        self.delay_limit, self.failure_delay = self._per_user("delay_limit"), self._per_user("failure_delay")
        self.downlink, self.uplink = (self.stacked(f"{link}_efficiency").swapaxes(0, 1).copy() for link in ("downlink", "uplink"))

        # Options by instance, model and cut, flat: one number finds a row.
        names = ("device_flop", "edge_flop", "sent_bytes", "device_bytes")
        self._table = np.stack([(8.0 if "bytes" in name else 1.0) * self.stacked(name).ravel() for name in names], axis=1)
        self._leakage = self.stacked("leakage_at_cut").ravel()

        # The trace, [T, B K] each; none of it may be shown before its slot.
        self.service, self.batch = self._trace("service"), self._trace("batch")
        self.last_cut = self.stacked("cuts")[self.world, self.service]
        model = self.stacked("service_model")[self.world, self.service]
        self._option = (self.world * first.layers.size + model) * self.cuts_each
        self._price = self.stacked("privacy_price")[self.world, self.user, model] * self.batch
        self._alone = self.energy_per_flop * (self.batch * self._table[self._option + self.last_cut, 0])

    def stacked(self, name: str) -> np.ndarray:
        """One field of all instances, shape [B, ...]; its users padded with copies of the last one."""
        arrays = [np.asarray(getattr(instance, name)) for instance in self.instances]
        if name in _USER_AXIS:
            axis = _USER_AXIS[name]
            kept = [np.minimum(np.arange(self.users_each), instance.users - 1) for instance in self.instances]
            arrays = [array if users[-1] == users.size - 1 else array.take(users, axis) for array, users in zip(arrays, kept, strict=True)]
        return np.stack(arrays)

    def static(self) -> dict[str, np.ndarray]:
        """All fields but the trace, shape [B, ...], and the number of slots; gains only where they hold for the whole horizon."""
        hidden = set(_TRACE) | ({"gain"} if self.uplink.shape[0] > 1 else set())
        fields = {name: self.stacked(name) for name in Instance.model_fields if name not in hidden}
        return fields | {"slots": np.full(self.count, self.slots), "users": self.requests // self.slots}

    def warmup_counts(self) -> np.ndarray:
        """Requests of the warm-up at the server of strongest gain, shape [B, J, I]."""
        server = self.first_server + self.stacked("gain")[:, 0].argmax(axis=1).ravel()
        service = self.stacked("warmup_service").swapaxes(0, 1).reshape(-1, server.size)
        return self.counts(server, service)

    def counts(self, server: np.ndarray, service: np.ndarray) -> np.ndarray:
        """Number of requests of each service at each server, shape [B, J, I]; the arguments broadcast to [S, B K]."""
        place = server * self.services + service
        kept = place[:, self.present] if self.padded else place
        return np.bincount(kept.ravel(), minlength=self.servers * self.services).reshape(self.count, self.servers_each, self.services)

    def links(self, slot: int) -> tuple[np.ndarray, np.ndarray]:
        """Eta^dl and eta^ul of a slot, shape [B, J, K] each."""
        row = slot % self.uplink.shape[0]
        return self.downlink[row], self.uplink[row]

    def choose(self, slot: int, choice: np.ndarray, held: np.ndarray) -> Chosen:
        """Read what the users of a slot choose and look it up.

        Parameters
        ----------
        choice
            sigma and z, shape [B, K, at least 2]; rounded, and a cut beyond the last is the last.
        held
            X, shape [B, I, J].

        Raises
        ------
        ValueError
            If a server does not exist, or a cut is negative or not a number.
        """
        from mecbench.problems.p.task_compiled import choose

        asked = self.service[slot], self.batch[slot], self.last_cut[slot]
        valid, server, cut, hit, needs = choose(choice, self.present, *asked, held, self._option[slot], self._table, *self.links(slot))
        if not valid:
            raise ValueError(
                f"expected servers from 0 to {self.servers_each - 1} and cuts of at least 0 in the action of the association phase"
            )
        device_flop, work, upload, traffic = needs
        return Chosen(server=server, cut=cut, hit=hit, device_flop=device_flop, work=work, upload=upload, traffic=traffic)

    def outcome(self, slot: int, chosen: Chosen, bandwidth: np.ndarray, compute: np.ndarray) -> Outcome:
        """Delay, energy, privacy and cost of a slot's requests by eqs. (4) to (12), given B_r [Hz] and f_r [FLOP/s]."""
        option = self._option[slot]
        hit, price = chosen.hit, self._price[slot]
        delay = physics.delay(chosen.device_flop / self.user_flops, chosen.traffic, bandwidth, chosen.work, compute)
        energy = physics.energy(chosen.device_flop, self.energy_per_flop, self.user_watts, chosen.upload, bandwidth)
        delay = np.where(hit, delay, self.failure_delay)
        energy = np.where(hit, energy, self._alone[slot])
        privacy = np.where(hit, price * self._leakage[option + chosen.cut], price)
        cost = self.privacy_weight * privacy + self.energy_weight * energy
        if self.padded:
            delay, energy, privacy, cost = (np.where(self.present, values, 0.0) for values in (delay, energy, privacy, cost))
        return Outcome(delay, energy, privacy, cost)

    @staticmethod
    def _extent(instance: Instance, what: str) -> object:
        value = getattr(instance, what)
        return value if isinstance(value, int) else value.shape[: 1 if what == "gain" else None]

    def _per_user(self, name: str) -> np.ndarray:
        """A number of each instance, at each of its users, shape [B K]."""
        return self.stacked(name)[self.world]

    def _trace(self, name: str) -> np.ndarray:
        return self.stacked(name).swapaxes(0, 1).reshape(self.slots, -1)


def known(static: dict[str, np.ndarray]) -> list[Instance]:
    """What a policy knows of each episode, as an instance whose trace is its warm-up.

    So a controller prices options of requests it has seen with `options.options`. Where gains change from slot to slot
    they are 0 here; observations have the efficiencies.

    Parameters
    ----------
    static
        What `Task.static` gives.
    """
    worlds = []
    for row, users in enumerate(static["users"].tolist()):
        fields = {name: static[name][row] for name in Instance.model_fields if name in static}
        fields |= {name: fields[name].take(np.arange(users), axis) for name, axis in _USER_AXIS.items() if name in fields}
        fields = {name: value.tolist() if np.ndim(value) == 0 or name == "models" else value for name, value in fields.items()}
        fields.setdefault("gain", np.zeros((1, fields["server_flops"].size, users)))
        worlds.append(Instance(**fields, service=fields["warmup_service"], batch=fields["warmup_batch"]))
    return worlds


_USER_AXIS = {
    "user_position": 0,
    "user_flops": 0,
    "user_power": 0,
    "user_watts": 0,
    "energy_per_flop": 0,
    "privacy_preference": 0,
    "privacy_price": 0,
    "gain": 2,
    "uplink_efficiency": 2,
    "downlink_efficiency": 2,
    "warmup_service": 1,
    "warmup_batch": 1,
    "service": 1,
    "batch": 1,
}
"""Axis of the users in each field that has one."""
