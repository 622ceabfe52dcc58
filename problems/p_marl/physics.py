"""The equations of P-ORIG and P-MARL beyond those of one edge: pure, batched float64, one function each.

The paper's reward R is stored as the cost c = -R >= 0. What concerns a device and its edge alone (latencies, energies, rates and
the cost of eq. 11) stands in `mecbench.problems.p_edge.physics`.
"""

from __future__ import annotations

import numpy as np

__all__ = ["LATENCY_TOLERANCE", "drained", "edge_records", "epoch_weights", "latency", "mean_worst", "switches", "worst_mean"]

LATENCY_TOLERANCE = 1e-9  # of the constraint D <= D_st [ms], absolute
MILLIJOULES = 3.6e6  # of a watt-hour


def latency(own_latency: np.ndarray, tail_work: np.ndarray, allocation: np.ndarray) -> np.ndarray:
    """D = D^lo + D^tr + w / l of an attached device [ms] (section 3); a device without a multiprocessor counts as having one."""
    total: np.ndarray = own_latency + tail_work / np.maximum(allocation, 1)
    return total


def switches(edge: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """Whether each device attaches to an edge that it did not have in the epoch before; any shape.

    Parameters
    ----------
    edge
        u in 0..N, 0 for a local device.
    previous
        u of the epoch before; -1 where there was none, from which nobody switches. To attach again after a local epoch is a
        switch, otherwise a local epoch between would make it free.
    """
    changed: np.ndarray = (edge != 0) & (edge != previous) & (previous >= 0)
    return changed


def drained(battery: np.ndarray, energy: np.ndarray, frames: float) -> np.ndarray:
    """Charge after an epoch [Wh], from the charge before it [Wh], the energy of a frame [mJ] and the frames; any shape."""
    return np.maximum(battery - frames * energy / MILLIJOULES, 0.0)


def edge_records(edge: np.ndarray, cut: np.ndarray, devices: np.ndarray, edges: int, groups: int) -> np.ndarray:
    """F^n (section 4.2): how many devices each edge served at each cut, as a part of all devices.

    Parameters
    ----------
    edge, cut
        u and k of every device, shape [B, A]; 0 and anything where there is none.
    devices
        M of each episode, shape [B].
    edges, groups
        N and K.

    Returns
    -------
    np.ndarray
        Shape [B, N, K].
    """
    batch, attached = len(edge), edge > 0
    row = np.broadcast_to(np.arange(batch)[:, None], edge.shape)
    counts = np.bincount(((row * edges + edge - 1) * groups + cut)[attached], minlength=batch * edges * groups)
    return counts.reshape(batch, edges, groups) / devices[:, None, None]


def epoch_weights(epochs: int, discount: float) -> np.ndarray:
    """Weight gamma^t of each epoch in eq. (3), normalised to sum 1, shape [T]."""
    weights = discount ** np.arange(epochs)
    return weights / weights.sum()


def mean_worst(cost: np.ndarray, weights: np.ndarray) -> float:
    """W, mean over the epochs of the worst device's cost: eq. (2) in every epoch.

    Parameters
    ----------
    cost
        c of each device in each epoch, shape [T, M].
    weights
        Of the epochs, shape [T].
    """
    return float((weights * cost.max(axis=1)).sum())


def worst_mean(cost: np.ndarray, weights: np.ndarray) -> float:
    """J, largest mean cost of a device over the epochs: eq. (3); arguments as of `mean_worst`."""
    return float((weights[:, None] * cost).sum(axis=0).max())
