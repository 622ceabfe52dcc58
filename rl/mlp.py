"""Multi-layer perceptrons and masked categorical choices, for NumPy and PyTorch alike.

What is trained is what is run: every function takes the module ``numpy`` or ``torch`` and arrays of that module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["initial", "log_probabilities", "mlp", "shapes"]

FAINT = -80.0  # logits that far below the largest add nothing to a sum, and where exp underflows PyTorch is fifty times as slow
IMPOSSIBLE = -1e9  # logit of what the mask forbids: its probability is 0 in float32, and no difference is infinite


def mlp(array: Any, weights: Mapping[str, Any], name: str, inputs: Any) -> Any:
    """Tanh layers and a linear one at the end; the last axis is that of the features.

    Parameters
    ----------
    array
        The module ``numpy`` or ``torch``.
    weights
        Arrays of that module by name, among them those that `shapes` lists.
    name
        Prefix of the network's weights.
    inputs
        Shape [..., F].
    """
    depth = sum(key.startswith(f"{name}/weight_") for key in weights)
    hidden = inputs
    for layer in range(depth):
        hidden = hidden @ weights[f"{name}/weight_{layer}"] + weights[f"{name}/bias_{layer}"]
        if layer < depth - 1:
            hidden = array.tanh(hidden)
    return hidden


def shapes(name: str, widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of a network by name; `widths` from the inputs to the outputs."""
    found: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        found |= {f"{name}/weight_{layer}": (inputs, outputs), f"{name}/bias_{layer}": (outputs,)}
    return found


def log_probabilities(array: Any, logits: Any, mask: Any) -> Any:
    """Logarithms of the probabilities of a masked categorical choice along the last axis; shape of `logits`."""
    allowed = array.where(mask, logits, IMPOSSIBLE)
    centred = allowed - array.amax(allowed, -1)[..., None]
    return centred - array.log(array.exp(array.clip(centred, FAINT, None)).sum(-1))[..., None]


def probabilities(array: Any, logits: Any, mask: Any) -> Any:
    """Probabilities of a masked categorical choice along the last axis, exactly 0 where the mask forbids; shape of `logits`."""
    return array.where(mask, array.exp(array.clip(log_probabilities(array, logits, mask), FAINT, None)), 0.0)


def initial(shapes: Mapping[str, tuple[int, ...]], generator: Any, gains: Mapping[str, float]) -> dict[str, Any]:
    """Orthogonal matrices and zero vectors as PyTorch tensors.

    Parameters
    ----------
    shapes
        Of the weights by name.
    generator
        ``torch.Generator`` that draws them.
    gains
        Factor of the weights whose names it has; 1 for the others.
    """
    import torch

    weights = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for name, weight in weights.items():
        if weight.dim() > 1:
            torch.nn.init.orthogonal_(weight, gains.get(name, 1.0), generator=generator)
    return weights
