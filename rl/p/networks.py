"""The networks of an agent's three layers, and PyTorch's modules around their weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mecbench.problems.p.layout import Layout
from mecbench.rl import mlp
from mecbench.rl.p.allocation import SPREAD, Servers, log_density
from mecbench.rl.p.association import OptionUsers, PaperUsers, UserNetwork
from mecbench.rl.p.deployment import HOME, PREFERENCE, PaperServers, PointerServers, ServerNetwork, unroll
from mecbench.rl.p.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

__all__ = ["LAYERS", "Networks", "Variant", "actors", "critics", "networks"]

LAYERS = ("deployment", "users", "allocation")
"""The layers, slowest first; prefixes of the weights in a checkpoint."""


@dataclass(frozen=True)
class Variant:
    """What tells the agents of the family apart.

    Attributes
    ----------
    constrained
        Whether a cost critic and a multiplier hold the delay limit, or users learn from their reward alone.
    central
        Whether critics see what all agents see, or each what its own agent does.
    resources
        Whether deployment and allocation are learned, or LRU and equal shares.
    """

    constrained: bool
    central: bool
    resources: bool = True


@dataclass(frozen=True)
class Networks:
    """One network per layer; those of deployment and allocation are not used where these are not learned."""

    deployment: ServerNetwork
    users: UserNetwork
    allocation: Servers


def networks(layout: Layout, hyperparameters: Hyperparameters, variant: Variant) -> Networks:
    """Networks for a layout of the task."""
    chosen, central = hyperparameters, variant.central
    text, width = chosen.network == "paper", chosen.user_width
    urgency = chosen.urgency if variant.constrained else 0.0
    return Networks(
        deployment=(PaperServers if text else PointerServers)(layout, chosen.deployment_width, central),
        users=PaperUsers(layout, width, chosen.embedding, central) if text else OptionUsers(layout, width, central, urgency),
        allocation=Servers(
            layout,
            "requests" if chosen.observation == "paper" else "needs",
            chosen.allocation_width,
            chosen.embedding,
            central,
            chosen.spread,
        ),
    )


def actors(made: Networks, generator: Generator) -> dict[str, nn.Module]:
    """Fresh actors by layer, each with ``evaluate`` as `PPO` asks for."""
    deployment, users, allocation = _modules()["actors"]
    return {
        "deployment": deployment(made.deployment, made.deployment.shapes(), made.deployment.gains(), generator),
        "users": users(made.users, made.users.shapes(), made.users.gains(), generator),
        "allocation": allocation(made.allocation, made.allocation.shapes(), made.allocation.gains(), generator),
    }


def critics(made: Networks, learned: dict[str, nn.Module], variant: Variant, generator: Generator) -> dict[str, nn.Module]:
    """Fresh critics by layer, each with ``value`` as `PPO` asks for; that of deployment may use its actor's encoder."""
    deployment, users, allocation = _modules()["critics"]
    return {
        "deployment": deployment(made.deployment, made.deployment.critic_shapes(), {}, generator, learned["deployment"]),
        "users": users(made.users, made.users.critic_shapes(1 + variant.constrained), {}, generator),
        "allocation": allocation(made.allocation, made.allocation.critic_shapes(), {}, generator),
    }


@cache
def _modules() -> dict[str, Any]:
    """The classes, made at their first use: their base class comes with PyTorch, which is needed to train only."""
    import torch

    class Network(torch.nn.Module):
        """Weights of a network by name."""

        def __init__(self, network: Any, shapes: dict[str, tuple[int, ...]], gains: dict[str, float], generator: Generator) -> None:
            super().__init__()
            self.network = network
            self.weights = torch.nn.ParameterDict(mlp.initial(shapes, generator, gains))

        def arrays(self) -> dict[str, np.ndarray]:
            """The weights as NumPy's own arrays."""
            return {name: weight.detach().cpu().numpy().copy() for name, weight in self.weights.items()}

    class DeploymentActor(Network):
        def __init__(self, network: Any, shapes: dict[str, tuple[int, ...]], gains: dict[str, float], generator: Generator) -> None:
            super().__init__(network, shapes, gains, generator)
            if HOME in self.weights:
                torch.nn.init.constant_(self.weights[HOME], PREFERENCE)

        def sample(self, seen: dict[str, Tensor], generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
            """Sequences [n, J, I], their log-probabilities and lengths, each [n, J]."""
            chosen = unroll(torch, self.network, dict(self.weights), seen, lambda step, logs: _draw(logs, generator))
            return chosen.order, chosen.log_prob.float(), chosen.length.float()

        def evaluate(self, observation: dict[str, Tensor], action: Tensor) -> tuple[Tensor, Tensor]:
            """Log-probability and mean entropy of given sequences, each [n, J]."""
            chosen = unroll(torch, self.network, dict(self.weights), observation, lambda step, logs: action[..., step])
            return chosen.log_prob.float(), chosen.entropy.float()

    class UserActor(Network):
        def sample(self, seen: dict[str, Tensor], generator: Generator) -> tuple[Tensor, Tensor]:
            """Choices [n, K, heads] and their log-probabilities [n, K]."""
            logs = self._log_probabilities(seen)
            choice = torch.stack([_draw(each, generator) for each in logs], -1)
            return choice, self._of(logs, choice)

        def evaluate(self, observation: dict[str, Tensor], action: Tensor) -> tuple[Tensor, Tensor]:
            """Log-probability and entropy of each user's choices, each [n, K]."""
            logs = self._log_probabilities(observation)
            entropy = torch.stack([-(each.exp() * each).sum(-1) for each in logs], -1)
            return self._of(logs, action), entropy.sum(-1)

        def _log_probabilities(self, seen: dict[str, Tensor]) -> list[Tensor]:
            return [mlp.log_probabilities(torch, *head) for head in self.network.heads(torch, self.weights, seen)]

        @staticmethod
        def _of(logs: list[Tensor], choice: Tensor) -> Tensor:
            each = [logs[head].gather(-1, choice[..., head, None])[..., 0] for head in range(len(logs))]
            return torch.stack(each, -1).sum(-1)

    class AllocationActor(Network):
        def __init__(self, network: Servers, shapes: dict[str, tuple[int, ...]], gains: dict[str, float], generator: Generator) -> None:
            super().__init__(network, shapes, gains, generator)
            torch.nn.init.constant_(self.weights[SPREAD], float(np.log(network.spread)))

        def sample(self, seen: dict[str, Tensor], generator: Generator) -> tuple[Tensor, Tensor]:
            """Scores of the users [n, K, 2] and the log-density of each server's [n, J]."""
            means, spread = self.network.scores(torch, self.weights, seen), self.weights[SPREAD]
            scores = means + torch.randn(means.shape, generator=generator).to(means.device) * spread.exp()
            return scores, log_density(torch, scores - means, spread, seen["group"])

        def evaluate(self, observation: dict[str, Tensor], action: Tensor) -> tuple[Tensor, Tensor]:
            """Log-density and entropy of each server's scores, each [n, J]; the latter per score, up to a constant."""
            means, spread = self.network.scores(torch, self.weights, observation), self.weights[SPREAD]
            density = log_density(torch, action - means, spread, observation["group"])
            return density, spread.mean() + 0.0 * density

    class Critic(Network):
        def value(self, observation: dict[str, Tensor], action: Tensor | None) -> Tensor:
            """Values of what is seen, of all agents or of each."""
            return self.network.value(torch, self.weights, observation)

    class DeploymentCritic(Network):
        def __init__(self, network: Any, shapes: dict[str, Any], gains: dict[str, float], generator: Generator, actor: Any) -> None:
            super().__init__(network, shapes, gains, generator)
            self._actor = [actor]  # in a list, so that its weights are not also this module's

        def value(self, observation: dict[str, Tensor], action: Tensor | None) -> Tensor:
            """Values of what is seen and, where the encoder is the actor's, of what is chosen."""
            encoder = {name: weight.detach() for name, weight in self._actor[0].weights.items()}
            return self.network.value(torch, self.weights, encoder, observation, action)

    def _draw(logs: Tensor, generator: Generator) -> Tensor:
        """A choice along the last axis: the largest of the log-probabilities and Gumbel noise."""
        noise = torch.rand(logs.shape, generator=generator).to(logs.device).clamp_min(1e-20)
        return (logs - (-noise.log()).log()).argmax(-1)

    return {"actors": (DeploymentActor, UserActor, AllocationActor), "critics": (DeploymentCritic, Critic, Critic)}
