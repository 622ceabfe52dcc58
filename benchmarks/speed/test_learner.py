"""Transitions per second that the learner alone, without any environment, learns from at P's paper size.

Fifty users who choose one of ten servers and of seventeen cuts, two layers of 256, the paper's observation with the deployment
of 450 bits once per unit: one central value and cost per unit beside values of every user's own, and the latter with the
deployment repeated for every user, which is what views for other libraries have to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mecbench.rl.ppo import PPO, Constraint, Rollout, Settings
from mecbench.rl.training import private_randomness

if TYPE_CHECKING:
    from torch import Tensor

STEPS, COUNT, USERS, OWN, SHARED, WIDTH = 50, 8, 50, 62, 450, 256
HEADS = (10, 17)
SETTINGS = Settings(epochs=3, minibatches=8)


def modules() -> tuple[type, type]:
    """Actor and critic, whose first layer adds what a user sees of its own to what all see."""
    import torch

    class Trunk(torch.nn.Module):
        def __init__(self, outputs: int) -> None:
            super().__init__()
            self.own, self.shared = torch.nn.Linear(OWN, WIDTH), torch.nn.Linear(SHARED, WIDTH, bias=False)
            self.rest = torch.nn.Sequential(
                torch.nn.Tanh(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh(), torch.nn.Linear(WIDTH, outputs)
            )

        def forward(self, observation: dict[str, Tensor]) -> Tensor:
            shared = self.shared(observation["shared"])
            return self.rest(self.own(observation["own"]) + (shared if shared.dim() == 3 else shared[:, None]))

    class Actor(Trunk):
        def evaluate(self, observation: dict[str, Tensor], action: Tensor) -> tuple[Tensor, Tensor]:
            parts = [logits.log_softmax(-1) for logits in self(observation).split(HEADS, -1)]
            taken = [part.gather(-1, action[..., [place]])[..., 0] for place, part in enumerate(parts)]
            return sum(taken), -sum((part.exp() * part).sum(-1) for part in parts)  # type: ignore[return-value]

    class Critic(Trunk):
        def __init__(self, *, central: bool) -> None:
            super().__init__(2)
            self.central = central

        def value(self, observation: dict[str, Tensor], action: Any) -> Tensor:
            if not self.central:
                return self(observation)
            return self(observation | {"own": observation["own"].mean(1, keepdim=True)})[:, 0]

    return Actor, Critic


@pytest.mark.parametrize("critic", ["central", "local", "local, deployment repeated"])
def test_update(benchmark, critic):
    """One update of actor, critic, cost critic and multiplier from 20,000 transitions."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")
    benchmark.group = "learn from 20,000 user-transitions of p's paper size"
    with private_randomness():
        torch.manual_seed(0)
        actor, kind = modules()
        agent = PPO(actor(sum(HEADS)), kind(central=critic == "central"), SETTINGS, seed=0, constraint=Constraint(limit=3.0))
        shape = (STEPS, COUNT, USERS)
        shared = torch.rand(STEPS, COUNT, SHARED).round()
        observation = {"own": torch.rand(*shape, OWN), "shared": shared}
        if critic.endswith("repeated"):
            observation["shared"] = shared[:, :, None].expand(-1, -1, USERS, -1).contiguous()
        action = torch.stack([torch.randint(0, size, shape) for size in HEADS], dim=-1)
        terminated = torch.zeros(STEPS, COUNT, dtype=torch.bool)
        terminated[-1] = True
        with torch.no_grad():
            flat = {name: tensor.flatten(0, 1) for name, tensor in observation.items()}
            log_prob = agent.actor.evaluate(flat, action.flatten(0, 1))[0].reshape(shape)
        present = torch.ones(shape, dtype=torch.bool)
        rollout = Rollout(observation, action, log_prob, -torch.rand(shape), present, terminated, cost=6.0 * torch.rand(shape))
        benchmark.pedantic(agent.update, args=(rollout,), rounds=3, warmup_rounds=1)
    benchmark.extra_info["transitions_per_second"] = round(STEPS * COUNT * USERS / benchmark.stats["median"])
