"""Query-key attention of groups over their members, with a branch for each of several purposes (HC-MAPPO-L, section IV-B3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mecbench.rl import mlp

__all__ = ["attention", "shapes"]


def attention(array: Any, weights: Mapping[str, Any], name: str, members: Any, group: Any) -> Any:
    """Scores of the members in their groups before any softmax, one per branch, shape [n, K, branches].

    A group's context is the mean of its members' encodings; each branch makes a query of the context and a key of
    every member, and scores their product over the root of the width.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    weights
        Arrays of that module by name, among them those that `shapes` lists.
    name
        Prefix of the network's weights.
    members
        Features, shape [n, K, F].
    group
        1 where a member belongs to a group, else 0, shape [n, K, J]; a member of no group scores by a context of zeros.
    """
    width = weights[f"{name}/embed/weight_0"].shape[1]
    encoded = array.tanh(mlp.mlp(array, weights, f"{name}/embed", members))
    size = group.sum(1)[..., None]
    context = (group.swapaxes(1, 2) @ encoded) / array.where(size > 0, size, 1.0)
    queries = group @ mlp.mlp(array, weights, f"{name}/query", context)
    keys = mlp.mlp(array, weights, f"{name}/key", encoded)
    products = (queries * keys).reshape(*keys.shape[:-1], -1, width)
    return products.sum(-1) / width**0.5


def shapes(name: str, features: int, width: int, branches: int = 2) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights by name: F features per member, `width` units of a query and of a key."""
    return {
        **mlp.shapes(f"{name}/embed", (features, width)),
        **mlp.shapes(f"{name}/query", (width, branches * width)),
        **mlp.shapes(f"{name}/key", (width, branches * width)),
    }
