"""Local search on the polished objective of small instances (`exact_compiled`), with NumPy's arrays laid out for it."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p import Instance
from mecbench.problems.p.options import Options

__all__ = ["Exact"]


class Exact:
    """The polished objective of an instance's discrete choices.

    Parameters
    ----------
    instance, options
        The instance and the options of its trace.
    """

    def __init__(self, instance: Instance, options: Options) -> None:
        requests, servers = instance.requests, instance.servers
        slot = np.repeat(np.arange(instance.slots), instance.users)
        user = np.tile(np.arange(instance.users), instance.slots)
        upload = options.upload.reshape(requests, 1, -1) / options.uplink[slot, :, user][..., None]
        download = options.download.reshape(requests, 1, -1) / options.downlink[slot, :, user][..., None]
        power = instance.energy_weight * instance.user_watts[user]
        self._instance = instance
        self._cuts = options.cuts.reshape(-1)
        self._model = (
            options.cost.reshape(requests, -1),
            options.delay.reshape(requests, -1),
            options.work.reshape(requests, -1),
            upload + download,
            power[:, None, None] * upload,
            options.failure.reshape(-1),
            instance.failure_delay,
            instance.delay_limit * requests,
            slot * servers,
            np.tile(instance.bandwidth, instance.slots),
            np.tile(instance.server_flops, instance.slots),
        )

    def cost(self, server: np.ndarray, cut: np.ndarray, guess: float = 1.0) -> tuple[float, float]:
        """Objective of choices at their best split and its multiplier; infinite if none meets C8.

        Parameters
        ----------
        server, cut
            sigma, -1 for failing, and z, int64, shape [T, K].
        guess
            Where to look for the multiplier first.
        """
        from mecbench.solvers.p.exact_compiled import polished_cost

        total, multiplier = polished_cost(server.reshape(-1), cut.reshape(-1), *self._model, guess)
        return total / self._instance.requests, multiplier

    def descend(
        self, held: np.ndarray, server: np.ndarray, cut: np.ndarray, guess: float, trials: int
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Improve choices by single moves and pairs of moves.

        Parameters
        ----------
        held
            x, bool, shape [n, I, J].
        server, cut, guess
            As of `cost`.
        trials
            Most moves to polish.

        Returns
        -------
        tuple[float, float, np.ndarray, np.ndarray]
            Objective, multiplier, sigma and z.
        """
        from mecbench.solvers.p.exact_compiled import descend_exactly

        instance = self._instance
        allowed = held[np.arange(instance.slots)[:, None] // instance.interval, instance.service].reshape(instance.requests, -1)
        server, cut = server.flatten(), cut.flatten()
        total, multiplier = descend_exactly(server, cut, allowed, self._cuts, *self._model, guess, trials)
        shape = instance.service.shape
        return total / instance.requests, multiplier, server.reshape(shape), cut.reshape(shape)
