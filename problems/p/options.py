"""The constants of every option of every request, from which solvers, controllers and certificates price them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mecbench.problems.p.instance import Instance

__all__ = ["Options", "of_trace", "options"]


@dataclass(frozen=True, eq=False)
class Options:
    """S slots of requests of the K users; an option is a server j in 0..J-1 and a cut z in 0..L_i, Z = L + 1 columns.

    The symbols are those of the model: a request served at (j, z) costs ``cost + energy_weight * power * U / B_r`` and
    takes ``delay + A / B_r + W / f_r`` with U = upload / uplink and A = U + download / downlink.

    Attributes
    ----------
    cuts
        L_i of each request, int64, shape [S, K]; columns beyond are infinite in `cost` and 0 elsewhere.
    cost
        c_rz, weighted privacy and device energy, shape [S, K, Z].
    delay
        d_rz, time on the device [s], shape [S, K, Z].
    work
        W_rz, left to the server [FLOP], shape [S, K, Z].
    upload
        What the user sends [bit], shape [S, K, Z].
    download
        What the user receives, its part of the model [bit], shape [S, K, Z].
    failure
        C^fail_r, cost of failing, shape [S, K].
    service, batch
        i_r and D_r, int64, shape [S, K].
    uplink, downlink
        Spectral efficiencies [bit/s/Hz], shape [S, J, K].
    """

    cuts: np.ndarray
    cost: np.ndarray
    delay: np.ndarray
    work: np.ndarray
    upload: np.ndarray
    download: np.ndarray
    failure: np.ndarray
    service: np.ndarray
    batch: np.ndarray
    uplink: np.ndarray
    downlink: np.ndarray

    @property
    def slots(self) -> int:
        """S, number of slots."""
        return int(self.service.shape[0])


def options(instance: Instance, service: np.ndarray, batch: np.ndarray, slot: int = 0) -> Options:
    """Options of requests in a world.

    Parameters
    ----------
    instance
        The world; its own trace is not read.
    service, batch
        Requested services and samples, int64, shape [S, K].
    slot
        Slot of the first row, which matters where gains change over time; slots before 0 have the gains of slot 0.
    """
    model = instance.service_model[service]
    samples = batch[..., None].astype(float)
    user = np.arange(instance.users)
    device_flop = samples * instance.device_flop[model]
    privacy = instance.privacy_price[user, model] * batch
    spent = instance.energy_weight * instance.energy_per_flop[:, None]
    cost = instance.privacy_weight * privacy[..., None] * instance.leakage_at_cut[model] + spent * device_flop
    valid = np.arange(cost.shape[-1]) <= instance.layers[model][..., None]
    total = instance.device_flop[instance.service_model[service], instance.cuts[service]]
    rows = np.clip(np.arange(slot, slot + service.shape[0]), 0, instance.gain.shape[0] - 1)
    return Options(
        cuts=instance.cuts[service],
        cost=np.where(valid, cost, np.inf),
        delay=np.where(valid, device_flop / instance.user_flops[:, None], 0.0),
        work=np.where(valid, samples * instance.edge_flop[model], 0.0),
        upload=np.where(valid, 8.0 * samples * instance.sent_bytes[model], 0.0),
        download=np.where(valid, 8.0 * instance.device_bytes[model], 0.0),
        failure=instance.privacy_weight * privacy + spent[:, 0] * batch * total,
        service=service,
        batch=batch,
        uplink=instance.uplink_efficiency[rows],
        downlink=instance.downlink_efficiency[rows],
    )


def of_trace(instance: Instance) -> Options:
    """Options of the instance's own requests, S = T."""
    return options(instance, instance.service, instance.batch)
