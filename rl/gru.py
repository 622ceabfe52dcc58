"""The gated recurrent unit (Cho et al., 2014), for NumPy and PyTorch alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["gru", "shapes"]


def gru(array: Any, weights: Mapping[str, Any], name: str, inputs: Any, hidden: Any) -> Any:
    """Hidden state after one more input, shape [..., H].

    The reset gate acts after the product with the hidden state, as in PyTorch's ``GRUCell``.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    weights
        Arrays of that module by name, among them those that `shapes` lists.
    name
        Prefix of the unit's weights.
    inputs, hidden
        Shapes [..., F] and [..., H].
    """
    width = hidden.shape[-1]
    seen = inputs @ weights[f"{name}/input"] + weights[f"{name}/input_bias"]
    kept = hidden @ weights[f"{name}/hidden"] + weights[f"{name}/hidden_bias"]
    gates = 0.5 + 0.5 * array.tanh(0.5 * (seen[..., : 2 * width] + kept[..., : 2 * width]))  # the logistic function
    reset, update = gates[..., :width], gates[..., width:]
    candidate = array.tanh(seen[..., 2 * width :] + reset * kept[..., 2 * width :])
    return candidate + update * (hidden - candidate)


def shapes(name: str, features: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the unit's weights by name: F features in, H = `width` units; gates in the order reset, update, candidate."""
    return {
        f"{name}/input": (features, 3 * width),
        f"{name}/input_bias": (3 * width,),
        f"{name}/hidden": (width, 3 * width),
        f"{name}/hidden_bias": (3 * width,),
    }
