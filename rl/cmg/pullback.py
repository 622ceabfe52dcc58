"""What actors say, and the gradients of several quantities by their weights at once.

Automatic differentiation runs through all devices layer by layer, and once more for each further channel. Separate actors are
differentiated here one device after the other, all channels together, so that what is at hand stays within the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mecbench.rl.cmg.networks import WIDTHS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Pass", "passing"]

LAYERS = len(WIDTHS) + 1


class Pass(Protocol):
    """An actor's way forth and back; what one call returns the next may overwrite."""

    def forward(self, seen: Tensor) -> Tensor:
        """What the devices say, without a graph, shape [n, A, M]."""

    def backward(self, slopes: Sequence[Tensor]) -> list[list[Tensor]]:
        """Gradients of quantities by the weights, a list for each quantity in the order of the actor's parameters.

        Parameters
        ----------
        slopes
            Of each quantity along what was said last, shape [n, A, M] each.
        """


class _ByGraph:
    """Automatic differentiation."""

    def __init__(self, trained: Any) -> None:
        self._trained, self._parameters = trained, list(trained.parameters())

    def forward(self, seen: Tensor) -> Tensor:
        self._said: Tensor = self._trained(seen)
        return self._said.detach()

    def backward(self, slopes: Sequence[Tensor]) -> list[list[Tensor]]:
        import torch

        last = len(slopes) - 1
        return [
            list(torch.autograd.grad(self._said, self._parameters, slope, retain_graph=turn < last)) for turn, slope in enumerate(slopes)
        ]


class _ByDevice:
    """One separate actor after the other, into memory that is used again and again."""

    def __init__(self, trained: Any, channels: int) -> None:
        import torch

        weights = {name: weight.detach() for name, weight in trained.weights.items()}  # they share the memory of what is trained
        self._layers = [(weights[f"weight_{layer}"].unbind(0), weights[f"bias_{layer}"].unbind(0)) for layer in range(LAYERS)]
        self._gradients = [{name: torch.zeros_like(weight) for name, weight in weights.items()} for _ in range(channels)]
        self._held: list[Tensor] = []

    def forward(self, seen: Tensor) -> Tensor:
        import torch

        self._rows = rows = seen.swapaxes(0, 1).contiguous()
        if not self._held or self._held[0].shape[1] != rows.shape[1]:
            self._held = [rows.new_empty((*rows.shape[:2], biases[0].shape[1])) for _, biases in self._layers]
        for device, hidden in enumerate(rows.unbind(0)):
            for layer, (weights, biases) in enumerate(self._layers):
                made = self._held[layer][device]
                torch.addmm(biases[device], hidden, weights[device], out=made)
                hidden = made.relu_() if layer < LAYERS - 1 else made.tanh_()
        return self._held[-1].swapaxes(0, 1).contiguous()

    def backward(self, slopes: Sequence[Tensor]) -> list[list[Tensor]]:
        import torch

        found = self._gradients[: len(slopes)]
        # The slopes by what is said before its tanh, shape [A, C, n, M].
        inward = torch.stack(list(slopes)).permute(2, 0, 1, 3) * (1.0 - self._held[-1] ** 2)[:, None]
        for device, slope in enumerate(inward.unbind(0)):
            for layer in reversed(range(LAYERS)):
                before = self._held[layer - 1][device] if layer else self._rows[device]
                for gradient, of_channel in zip(found, slope.unbind(0), strict=True):
                    torch.mm(before.T, of_channel, out=gradient[f"weight_{layer}"][device])
                    torch.sum(of_channel, 0, keepdim=True, out=gradient[f"bias_{layer}"][device])
                if layer:
                    back = slope.reshape(-1, slope.shape[-1]) @ self._layers[layer][0][device].T
                    slope = back.view(len(slopes), *before.shape)
                    torch.ops.aten.threshold_backward.grad_input(slope, before.expand_as(slope), 0.0, grad_input=slope)
        return [list(gradient.values()) for gradient in found]


def passing(trained: Any, channels: int) -> Pass:
    """The way forth and back of an actor, see `mecbench.rl.cmg.networks.actor`, for at most so many quantities."""
    return _ByGraph(trained) if trained.network.interface.by_chunk else _ByDevice(trained, channels)
