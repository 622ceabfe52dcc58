"""Actors for NumPy and PyTorch alike, and the critics that teach them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mecbench.rl import mlp
from mecbench.rl.cmg.hyperparameters import Common, Heads
from mecbench.rl.cmg.interface import PRICED, TURN, Interface, interface

if TYPE_CHECKING:
    from torch import Generator, nn

__all__ = ["WIDTHS", "ChunkNetwork", "Network", "SeparateNetwork", "actor", "central_value", "critic", "network"]

WIDTHS = (256, 128, 64)  # of the text's actors and critics, section 5.1
AT_FIRST = {"offload": -2.1, "price": -0.55, "claim": 0.0}  # before tanh: hardly ever, nothing, an equal part
TURN_AT_FIRST = 2.0  # of a chunk on its device's turn, beside that: whom else to let go first is what nobody can find out alone


class Network(Protocol):
    """An actor's network, written once for NumPy and PyTorch.

    Attributes
    ----------
    interface
        What it sees and says.
    devices
        A.
    """

    interface: Interface
    devices: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""

    def say(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """What the devices say to what they see, in [-1, 1], shape [n, A, M]; `array` is the module ``numpy`` or ``torch``."""


class SeparateNetwork:
    """The text's actors: a network for each device, which sees that device's row only; a layer of all is one batched product.

    Parameters
    ----------
    through
        The interface.
    devices
        A.
    """

    def __init__(self, through: Interface, devices: int) -> None:
        self.interface, self.devices = through, devices

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        found: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, outputs) in enumerate(pairwise((self.interface.features, *WIDTHS, self.interface.actions))):
            found |= {f"weight_{layer}": (self.devices, inputs, outputs), f"bias_{layer}": (self.devices, 1, outputs)}
        return found

    def say(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """What the devices say, shape [n, A, M]."""
        rectify = partial(np.maximum, 0.0) if array is np else array.relu_
        hidden = array.swapaxes(seen, 0, 1)
        for layer in range(len(WIDTHS)):
            hidden = rectify(self._affine(array, weights, hidden, layer))
        return array.swapaxes(array.tanh(self._affine(array, weights, hidden, len(WIDTHS))), 0, 1)

    @staticmethod
    def _affine(array: Any, weights: Mapping[str, Any], inputs: Any, layer: int) -> Any:
        weight, bias = weights[f"weight_{layer}"], weights[f"bias_{layer}"]
        return inputs @ weight + bias if array is np else array.baddbmm(bias, inputs, weight)  # in one pass over what is trained


class ChunkNetwork:
    """One actor for all chunks of all devices, which serves any number of either: two layers, and a straight way past them.

    Parameters
    ----------
    through
        The interface.
    devices
        A.
    width
        Units of its two layers.
    """

    def __init__(self, through: Interface, devices: int, width: int) -> None:
        self.interface, self.devices, self.width = through, devices, width

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights by name."""
        features = self.interface.features
        return {**mlp.shapes("chunk", (features, self.width, self.width, len(PRICED))), "straight": (features, len(PRICED))}

    def say(self, array: Any, weights: Mapping[str, Any], seen: Any) -> Any:
        """What the devices say, shape [n, A, 3 K]."""
        said = array.tanh(mlp.mlp(array, weights, "chunk", seen) + seen @ weights["straight"])
        return said.reshape(*said.shape[:2], -1)


def network(chosen: Common, devices: int, chunks: int) -> Network:
    """Network of an agent for instances of a size."""
    through = interface(chosen.interface, chunks)
    return ChunkNetwork(through, devices, chosen.width) if through.by_chunk else SeparateNetwork(through, devices)


def actor(made: Network, generator: Generator) -> nn.Module:
    """A fresh actor: its ``weights`` by name, ``forward`` and the weights as NumPy's ``arrays``."""
    fresh: nn.Module = _modules()["actor"](made, generator)
    return fresh


def critic(made: Network, chosen: Common, heads: Heads, channels: int, twins: int, generator: Generator) -> nn.Module:
    """A fresh action-value of all devices together or of each, for each channel of return.

    ``forward(seen, said)`` is of shape [E, n, D, C]: estimates by twins, transitions, 1 or A, channels.
    """
    fresh: nn.Module = _modules()["critic"](made, chosen, heads, channels, twins, generator)
    return fresh


def central_value(made: Network, chosen: Common, generator: Generator) -> nn.Module:
    """A fresh state-value of the same network with nothing said; ``value`` as `mecbench.rl.ppo.PPO` asks for."""
    fresh: nn.Module = _modules()["value"](made, chosen, generator)
    return fresh


@cache
def _modules() -> dict[str, Any]:
    """The classes, made at their first use: their base class comes with PyTorch, which is needed to train only."""
    import torch
    from torch import Tensor

    def linear(inputs: int, outputs: int, generator: Generator) -> nn.Linear:
        """A layer with PyTorch's own initialisation, drawn with a generator of ours."""
        made = torch.nn.Linear(inputs, outputs)
        for parameter in made.parameters():
            torch.nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator=generator)
        return made

    def layers(widths: tuple[int, ...], generator: Generator) -> nn.Sequential:
        """Linear layers, each with a ReLU behind it."""
        parts = [part for pair in pairwise(widths) for part in (linear(*pair, generator), torch.nn.ReLU())]
        return torch.nn.Sequential(*parts)

    class Actor(torch.nn.Module):
        def __init__(self, made: Network, generator: Generator) -> None:
            super().__init__()
            self.network = made
            if made.interface.by_chunk:
                weights = mlp.initial(made.shapes(), generator, {"chunk/weight_2": 0.01})
                weights["chunk/bias_2"] = torch.tensor([AT_FIRST[name] for name in PRICED])
                weights["straight"].zero_()[TURN, PRICED.index("offload")] = TURN_AT_FIRST
            else:
                weights = {name: torch.zeros(shape) for name, shape in made.shapes().items()}
                for name, weight in weights.items():
                    inputs = weights[name.replace("bias", "weight")].shape[1]
                    torch.nn.init.uniform_(weight, -(inputs**-0.5), inputs**-0.5, generator=generator)
            self.weights: Any = torch.nn.ParameterDict(weights)

        def forward(self, seen: Tensor) -> Tensor:
            said: Tensor = self.network.say(torch, self.weights, seen)
            return said

        def arrays(self) -> dict[str, np.ndarray]:
            """The weights as NumPy's arrays, which share their memory."""
            return {name: weight.detach().numpy() for name, weight in self.weights.items()}

    class JointTrunk(torch.nn.Module):
        """The text's: three layers on what all devices see and say."""

        def __init__(self, made: Network, chosen: Common, spoken: bool, generator: Generator) -> None:
            super().__init__()
            self.outputs = WIDTHS[-1]
            inputs = made.devices * (made.interface.features + spoken * made.interface.actions)
            self.body = layers((inputs, *WIDTHS), generator)

        def forward(self, seen: Tensor, said: Tensor | None) -> Tensor:
            parts = [seen.flatten(1)] if said is None else [seen.flatten(1), said.flatten(1)]
            hidden: Tensor = self.body(torch.cat(parts, 1))
            return hidden[:, None]

    class ChunkTrunk(torch.nn.Module):
        """What each chunk is worth computed, and offloaded beside the others that ask for its channel; then what each device is.

        A request weighs the two, so that the slope along it is their difference even where all requests that were seen are yes or no.
        """

        def __init__(self, made: Network, chosen: Common, spoken: bool, generator: Generator) -> None:
            super().__init__()
            self.outputs = width = chosen.width
            inputs = made.interface.features + len(PRICED) - 1
            self.rows = linear(inputs, 3 * width, generator)
            self.met = linear(width, width, generator)
            self.computed, self.sent, self.device = (linear(width, width, generator) for _ in range(3))

        def forward(self, seen: Tensor, said: Tensor | None) -> Tensor:
            each = seen.new_zeros((*seen.shape[:3], len(PRICED))) if said is None else said.reshape(*seen.shape[:3], -1)
            asks = (1.0 + each[..., :1]) / 2.0 * seen[..., :1]  # an absent device asks for nothing
            computed, sent, heard = self.rows(torch.cat((seen, each[..., 1:]), -1)).chunk(3, -1)
            heard = asks * torch.relu(heard)
            others = heard.sum(1, keepdim=True) - heard
            sent = torch.relu(self.sent(torch.relu(sent + self.met(others))))
            chunks = (1.0 - asks) * torch.relu(self.computed(torch.relu(computed))) + asks * sent
            device = chunks.sum(2)
            return torch.relu(self.device(device)) + device

    def trunk(made: Network, chosen: Common, spoken: bool, generator: Generator) -> Any:
        return (ChunkTrunk if made.interface.by_chunk else JointTrunk)(made, chosen, spoken, generator)

    class Judge(torch.nn.Module):
        """A trunk with one linear output for all channels, or with a head for each: a layer of 64 units and a linear output."""

        def __init__(self, made: Network, chosen: Common, channels: int, headed: bool, generator: Generator) -> None:
            super().__init__()
            self.trunk = body = trunk(made, chosen, True, generator)
            inputs, units = body.outputs, WIDTHS[-1]
            self.heads = torch.nn.ModuleList(
                torch.nn.Sequential(*layers((inputs, units), generator), linear(units, 1, generator)) for _ in range(channels)
            )
            if not headed:
                self.heads = torch.nn.ModuleList([linear(inputs, channels, generator)])

        def forward(self, seen: Tensor, said: Tensor) -> Tensor:
            hidden = self.trunk(seen, said)
            return torch.cat([head(hidden) for head in self.heads], -1)

    class Critic(torch.nn.Module):
        def __init__(self, made: Network, chosen: Common, heads: Heads, channels: int, twins: int, generator: Generator) -> None:
            super().__init__()
            apart, headed = heads == "separate", heads == "two-headed" and channels > 1
            self.twins = twins
            self.judges = torch.nn.ModuleList(
                Judge(made, chosen, 1 if apart else channels, headed, generator) for _ in range(twins * (channels if apart else 1))
            )

        def forward(self, seen: Tensor, said: Tensor) -> Tensor:
            """Estimates, shape [E, n, D, C]."""
            found = [judge(seen, said) for judge in self.judges]
            each = len(found) // self.twins
            return torch.stack([torch.cat(found[first : first + each], -1) for first in range(0, len(found), each)])

    class Value(torch.nn.Module):
        def __init__(self, made: Network, chosen: Common, generator: Generator) -> None:
            super().__init__()
            self.trunk = body = trunk(made, chosen, False, generator)
            self.head = linear(body.outputs, 1, generator)
            self.together = not made.interface.by_chunk

        def value(self, observation: dict[str, Tensor], action: Tensor | None) -> Tensor:
            """Of all devices together [n, 1], or of each [n, A, 1]."""
            found: Tensor = self.head(self.trunk(observation["seen"], None))
            return found[:, 0] if self.together else found

    return {"actor": Actor, "critic": Critic, "value": Value}
