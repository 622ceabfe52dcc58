"""Deep Sets: one network for any number of agents in any order (Zaheer et al., 2017).

Every agent passes through the same layers and sees the others only through their mean and maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["deep_sets", "shapes"]


def deep_sets(array: Any, weights: Mapping[str, Any], features: Any, mask: Any) -> Any:
    """One number per agent, shape [B, M].

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``: what is trained is what is run.
    weights
        Arrays of that module by name, as `shapes` lists them.
    features
        Shape [B, M, F]; rows without an agent are ignored.
    mask
        True where there is an agent, shape [B, M].
    """
    there = mask[..., None]
    number = there.sum(1)
    hidden = array.tanh(features @ weights["embed"] + weights["embed_bias"])
    for turn in range(sum(name.startswith("own_") for name in weights)):
        mean = array.where(there, hidden, 0.0).sum(1) / number
        most = array.amax(array.where(there, hidden, -1.0), 1)  # tanh is above -1
        seen = array.concatenate((mean, most), 1) @ weights[f"seen_{turn}"] + weights[f"bias_{turn}"]
        hidden = array.tanh(hidden @ weights[f"own_{turn}"] + seen[:, None])
    return (hidden @ weights["head"])[..., 0] + weights["head_bias"]


def shapes(features: int, width: int, rounds: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the network's weights by name.

    Parameters
    ----------
    features
        F, inputs per agent.
    width
        Units per layer.
    rounds
        Times that agents see their mean and maximum.
    """
    weights: dict[str, tuple[int, ...]] = {"embed": (features, width), "embed_bias": (width,)}
    for turn in range(rounds):
        weights |= {f"own_{turn}": (width, width), f"seen_{turn}": (2 * width, width), f"bias_{turn}": (width,)}
    return weights | {"head": (width, 1), "head_bias": (1,)}
