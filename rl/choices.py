"""What values of actions come to: which one is taken, and what a state is worth that leaves the choice."""

from __future__ import annotations

from typing import Any

import numpy as np

from mecbench.rl import mlp

__all__ = ["double_value", "drawn", "greedy", "soft_value"]


def greedy(array: Any, values: Any, mask: Any) -> Any:
    """Best admitted action, the lowest of equals, shape [n]; 0 where nothing is admitted."""
    return array.where(mask, values, mlp.IMPOSSIBLE).argmax(-1)


def drawn(weights: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Draw an action of each row in proportion to weights [n, A], given numbers [n] drawn evenly between 0 and 1; shape [n]."""
    sums = weights.cumsum(axis=1, dtype=np.float64)
    action: np.ndarray = (sums > chance[:, None] * sums[:, -1:]).argmax(axis=1)
    return action


def double_value(online: Any, target: Any, mask: Any) -> Any:
    """The target network's value of the action that the network itself takes, shape [n]; PyTorch tensors.

    Parameters
    ----------
    online, target
        Values by the network and by the target network, shape [n, A].
    mask
        What is admitted, shape [n, A]; where that is nothing, the value is 0.
    """
    import torch

    best = greedy(torch, online, mask)
    return torch.where(mask.any(-1), target.gather(-1, best[..., None])[..., 0], 0.0)


def soft_value(online: Any, target: Any, mask: Any, temperature: float) -> Any:
    """The target network's value of what is drawn from the softmax of the network's values, in the mean; as `double_value` otherwise."""
    import torch

    return (mlp.probabilities(torch, online / temperature, mask) * target).sum(-1)
