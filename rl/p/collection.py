"""Episodes side by side: the actors act, and what every layer saw, did and earned becomes its rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mecbench.problems.p import Instance, Task
from mecbench.problems.p.layout import ALLOCATION, ASSOCIATION, DEPLOYMENT, Layout
from mecbench.rl.p.allocation import shares
from mecbench.rl.p.association import dense
from mecbench.rl.p.deployment import priority
from mecbench.rl.p.hyperparameters import Hyperparameters
from mecbench.rl.p.networks import LAYERS, Networks, Variant
from mecbench.rl.p.urgency import urgency
from mecbench.rl.ppo import Rollout
from mecbench.solvers.p.heuristics import Lru

if TYPE_CHECKING:
    from torch import Generator, nn

__all__ = ["Collector", "Needs", "charges", "relative_loss"]

NEEDS = slice(6, 9)  # columns of the allocation phase: transfer time, work time and upload cost of a user that has all to itself


@dataclass(frozen=True)
class Needs:
    """What the users of servers need and get in one slot; users that miss need nothing.

    Attributes
    ----------
    transfer, work, sending
        Time of transfers and of work [s], and cost of sending, if a user had its server to itself; shape [B, K].
    bandwidth, compute
        Its fractions, shape [B, K].
    group
        1 where a user hits at a server, shape [B, K, J].
    """

    transfer: np.ndarray
    work: np.ndarray
    sending: np.ndarray
    bandwidth: np.ndarray
    compute: np.ndarray
    group: np.ndarray

    def others(self, amount: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        """What the others on a user's server spend of an amount, times the user's fraction: what they would save without it."""
        spent = np.divide(amount, fraction, out=np.zeros_like(amount), where=fraction > 0)
        together = (self.group @ self.group.swapaxes(1, 2) @ spent[..., None])[..., 0]
        charge: np.ndarray = fraction * (together - spent)
        return charge


def charges(needs: Needs) -> tuple[np.ndarray, np.ndarray]:
    """Cost and delay [s] that a user adds to others on its server, shape [B, K] each.

    Without the user, the others' fractions would grow in proportion to fill the server. To charge the difference makes
    what is best for a user best for all (Pigou); the paper's users do not pay it.
    """
    delay = needs.others(needs.transfer, needs.bandwidth) + needs.others(needs.work, needs.compute)
    return needs.others(needs.sending, needs.bandwidth), delay


def relative_loss(needs: Needs, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Cost of sending and priced delay of each server's users, over what equal shares would cost; and whether there are two to share.

    Parameters
    ----------
    needs
        What users need and get.
    price
        Of delay [1/s].

    Returns
    -------
    tuple
        Shape [B, J] each; 1 where nobody is served.
    """
    spent = (needs.sending + price * needs.transfer, needs.bandwidth), (price * needs.work, needs.compute)
    amounts, fractions = np.stack([amount for amount, _ in spent]), np.stack([fraction for _, fraction in spent])
    paid = np.divide(amounts, fractions, out=np.zeros_like(amounts), where=fractions > 0).sum(axis=0)
    found, single = ((needs.group * values[..., None]).sum(axis=1) for values in (paid, amounts.sum(axis=0)))
    number = needs.group.sum(axis=1)
    equal = number * single
    return np.divide(found, equal, out=np.ones_like(equal), where=equal > 0), number >= 2


class Collector:
    """Plays batches of episodes with the actors of the layers.

    Parameters
    ----------
    networks, hyperparameters, variant
        Of the agent.
    layout
        Of the task, wide enough for all instances.
    """

    def __init__(self, networks: Networks, hyperparameters: Hyperparameters, variant: Variant, layout: Layout) -> None:
        self._networks, self._chosen, self._variant, self._layout = networks, hyperparameters, variant, layout
        self._task = Task("paper" if hyperparameters.reward == "paper" else "objective", layout.agents, shows=hyperparameters.observation)

    def play(
        self, instances: Sequence[Instance], actors: Mapping[str, nn.Module], generators: Mapping[str, Generator], multiplier: float
    ) -> dict[str, Rollout]:
        """Play an episode of each instance, and give every layer that learns its rollout.

        Parameters
        ----------
        instances
            Those of a group of repeats one after the other.
        actors, generators
            By layer.
        multiplier
            lambda at which deployment and allocation weigh delay in ``dense`` rewards [1/s].
        """
        import torch

        task, layout, chosen = self._task, self._layout, self._chosen
        observation = task.reset(instances)
        static = task.static()
        worlds = self._networks.users.prepare(static)
        rules = Lru()
        if not self._variant.resources:
            rules.reset(static, len(instances), 0)
        traces: dict[str, list[dict[str, Any]]] = {layer: [] for layer in LAYERS}
        paid: list[dict[str, np.ndarray]] = []
        present = np.zeros(0)
        over = False
        with torch.no_grad():
            while not over:
                phase = observation["phase"][0]
                if phase == ASSOCIATION:
                    seen = dense(self._networks.users.encode(worlds, observation))
                    present = seen["present"]
                    traces["users"].append(_act("users", seen, actors, generators))
                    action = layout.associate(*self._networks.users.decode(traces["users"][-1]["action"].numpy()))
                elif not self._variant.resources:
                    action = rules.act(observation)
                elif phase == DEPLOYMENT:
                    seen = self._networks.deployment.encode(static, observation)
                    traces["deployment"].append(_act("deployment", seen, actors, generators))
                    action = layout.deploy(priority(traces["deployment"][-1]["action"].numpy()))
                else:
                    seen = self._networks.allocation.encode(observation)
                    traces["allocation"].append(_act("allocation", seen, actors, generators))
                    action = layout.allocate(*shares(traces["allocation"][-1]["action"].numpy(), seen["group"]))
                before, step = observation, task.step(action)
                if phase == ALLOCATION:
                    paid.append(self._pay(before, action, step.reward, step.cost, present, multiplier))
                    if self._variant.constrained and chosen.urgency:
                        paid[-1]["cost"] = urgency(before, static["delay_limit"], chosen.urgency)[:, None] * paid[-1]["cost"]
                observation, over = step.observation, bool(step.terminated.all())
        interval = int(static["interval"][0])
        ends = [min(start + interval, len(paid)) - 1 for start in range(0, len(paid), interval)]
        earned = {
            "users": {name: np.stack([slot[name] for slot in paid]) for name in ("reward", "cost", "present")},
            "allocation": {name: np.stack([slot[f"server_{name}"] for slot in paid]) for name in ("reward", "present")},
            "deployment": self._deployed(paid, ends, interval),
        }
        delay = np.stack([slot["delay"] for slot in paid])
        mean = float(delay[earned["users"]["present"]].mean())
        learned = LAYERS if self._variant.resources else ("users",)
        if not chosen.normalise_length:
            for entry in traces["deployment"]:
                del entry["length"]
        return {layer: _rollout(traces[layer], earned[layer], mean if layer == "users" else None) for layer in learned}

    def _pay(
        self,
        observation: dict[str, np.ndarray],
        action: np.ndarray,
        reward: np.ndarray,
        cost: np.ndarray,
        present: np.ndarray,
        multiplier: float,
    ) -> dict[str, np.ndarray]:
        """What a slot earns users and servers."""
        layout, chosen = self._layout, self._chosen
        delay = cost[:, layout.askers]
        _, server, hit = layout.chosen(observation)
        group = (hit[..., None] & (server[..., None] == np.arange(layout.servers))).astype(float)
        number = group.sum(axis=1)
        found = {"reward": reward[:, layout.askers], "cost": delay, "delay": delay, "present": present}
        if chosen.reward == "paper":
            return found | {
                "server_reward": reward[:, layout.allocators],
                "server_present": number > 0,
                "deployer_reward": reward[:, layout.deployers],
            }
        transfer, work, sending = observation["agents"][:, layout.askers, NEEDS].transpose(2, 0, 1) * hit
        bandwidth, compute = (action[:, layout.askers, column] * hit for column in range(2))
        needs = Needs(transfer, work, sending, bandwidth, compute, group)
        loss, shared = relative_loss(needs, multiplier + chosen.delay_weight)
        spent = (-found["reward"] + (multiplier + chosen.delay_weight) * delay).sum(axis=1) / present.sum(axis=1)
        if chosen.charge:
            charge, wait = charges(needs)
            found |= {"reward": found["reward"] - charge, "cost": delay + wait}
        return found | {"server_reward": -loss, "server_present": shared, "spent": spent}

    def _deployed(self, paid: list[dict[str, np.ndarray]], ends: list[int], interval: int) -> dict[str, np.ndarray]:
        """What deployments earn when their intervals end, shape [n, B, J]."""
        if self._chosen.reward == "paper":
            reward = np.stack([paid[end]["deployer_reward"] for end in ends])
            return {"reward": reward, "present": np.ones(reward.shape, dtype=bool)}
        spent = np.stack([np.mean([slot["spent"] for slot in paid[max(0, end + 1 - interval) : end + 1]], axis=0) for end in ends])
        repeats = self._chosen.repeats
        if repeats > 1:  # a baseline that no other can be as good as: others with the same requests
            groups = spent.reshape(len(spent), -1, repeats)
            mean = groups.mean(axis=2, keepdims=True)
            spent = (repeats / (repeats - 1) * (groups - mean) / mean).reshape(spent.shape)
        reward = np.repeat(-spent[..., None], self._layout.servers, axis=2)
        return {"reward": reward, "present": np.ones(reward.shape, dtype=bool)}


def _act(
    layer: str, seen: Mapping[str, np.ndarray], actors: Mapping[str, nn.Module], generators: Mapping[str, Generator]
) -> dict[str, Any]:
    """What a layer sees, and what it does by chance."""
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in seen.items()}
    sampled = actors[layer].sample(tensors, generators[layer])  # type: ignore[operator]
    return {"seen": tensors} | dict(zip(("action", "log_prob", "length"), sampled, strict=False))


def _rollout(trace: list[dict[str, Any]], earned: Mapping[str, np.ndarray], mean_cost: float | None) -> Rollout:
    """Join the steps of a layer."""
    import torch

    reward = torch.from_numpy(earned["reward"].astype(np.float32))
    terminated = torch.zeros(reward.shape[:2], dtype=torch.bool)
    terminated[-1] = True
    return Rollout(
        observation={name: torch.stack([step["seen"][name] for step in trace]) for name in trace[0]["seen"]},
        action=torch.stack([step["action"] for step in trace]),
        log_prob=torch.stack([step["log_prob"] for step in trace]),
        length=torch.stack([step["length"] for step in trace]) if "length" in trace[0] else None,
        reward=reward,
        present=torch.from_numpy(earned["present"]),
        terminated=terminated,
        cost=torch.from_numpy(earned["cost"].astype(np.float32)) if "cost" in earned else None,
        mean_cost=mean_cost,
    )
