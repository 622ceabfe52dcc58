"""P-EDGE's edge shared out by one network over its devices, trained with Stable-Baselines3's PPO.

The actor is a Deep Sets network: every device passes through the same layers and sees the others only through
their mean and maximum, so that it serves any number of devices in any order. It gives each device a logit; the
exponentials of the logits are the shares. PPO explores with Gaussian noise on the logits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence
from pydantic import Field

from mecbench.problems import p_edge
from mecbench.problems.errors import InputError
from mecbench.problems.p_edge import physics
from mecbench.problems.p_edge.allocation import allocate_batch
from mecbench.problems.task import Observation
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint
from mecbench.rl.deep_sets import deep_sets, shapes
from mecbench.rl.training import Record, Run, private_randomness
from mecbench.rl.views import vector_view
from mecbench.solvers.outcome import Kind, Sees

if TYPE_CHECKING:
    import stable_baselines3

__all__ = ["PPO", "Draws", "Hyperparameters", "actor_weights", "algorithms", "build", "mixture"]

AGENT = "p-edge/ppo"
SHIPPED = Path(__file__).parent / "data" / "p-edge-ppo.npz"
LOGIT_LIMIT = 8.0  # of a logit; shares differ by less than e^16, so that exponentials neither overflow nor vanish
FEATURES = 6
GAUSSIAN_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)  # of one logit, less the logarithm of its spread [nat]
TINY = 1e-300  # in place of a scale of zero, where nothing costs anything
VALIDATION_SEED, TRAIN_SEED = 10_000, 20_000
TRAIN_STRIDE = 10**9  # seeds of training instances per run: runs with different seeds see different instances
FAMILIES = ("nsg-cuts", "random-cuts")


@dataclass(frozen=True)
class Hyperparameters:
    """What training is tuned with; chosen on the validation split.

    Attributes
    ----------
    transitions
        Budget: allocations that are tried; rounded up to whole rollouts.
    instances, repeats, steps
        A rollout is `steps` draws of `instances` fresh instances, each tried `repeats` times side by side.
    epochs, minibatch
        Passes over a rollout, and transitions per gradient step.
    learning_rate
        Of Adam, at the start; it falls to zero in a straight line.
    clip, value_weight, max_gradient_norm
        PPO's. Rewards are relative to what sharing equally costs, so that one norm serves actor and critic.
    width, rounds
        Units per layer, and rounds in which devices see their mean and maximum.
    log_spread
        Logarithm of the noise's standard deviation at the start.
    validations, validation_instances
        Points of the learning curve, and validation instances of every size and family.
    """

    transitions: Annotated[int, Field(ge=1)] = 400_000
    instances: Annotated[int, Field(ge=1)] = 64
    repeats: Annotated[int, Field(ge=1)] = 8
    steps: Annotated[int, Field(ge=1)] = 4
    epochs: Annotated[int, Field(ge=1)] = 4
    minibatch: Annotated[int, Field(ge=2)] = 512
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    clip: Annotated[float, Field(gt=0)] = 0.2
    value_weight: Annotated[float, Field(ge=0)] = 0.5
    max_gradient_norm: Annotated[float, Field(gt=0)] = 0.5
    width: Annotated[int, Field(ge=1)] = 48
    rounds: Annotated[int, Field(ge=1)] = 2
    log_spread: float = -1.0
    validations: Annotated[int, Field(ge=1)] = 25
    validation_instances: Annotated[int, Field(ge=1)] = 64


def inputs(observation: Observation) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees: costs relative to the worst that sharing equally, L / M each, would leave.

    Returns
    -------
    features
        float32, shape [B, M, 6], zero where there is no device.
    scale
        That worst cost, shape [B].
    """
    fixed, shared = observation["agents"][..., 0], observation["agents"][..., 1]
    _, devices, each = observation["shared"].T[:, :, None]
    mask = observation["mask"].astype(bool)
    scale = np.maximum(np.where(mask, physics.cost(fixed, shared, each), 0.0).max(axis=1, keepdims=True), TINY)
    own, part = fixed / scale, shared / each / scale
    rows = [own, part, np.log(np.maximum(part, 1e-6)), own + part, np.log(each) - 1.0, np.log(devices) - 2.0]
    features = np.stack(np.broadcast_arrays(*rows), axis=-1)
    return np.where(mask[..., None], features, 0.0).astype(np.float32), scale[:, 0]


@dataclass
class PPO:
    """Shares from a network trained with PPO; runs in NumPy from the checkpoint that ships with the package.

    Parameters
    ----------
    checkpoint
        File of another checkpoint, as ``mecbench train`` leaves it.
    sampled
        Add the noise that training explored with.
    """

    name: ClassVar[str] = "ppo"
    problem: ClassVar[str] = "p-edge"
    kind: ClassVar[Kind] = "learned"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int | str] = 1
    requires: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[Mapping[str, Hyperparameters]] = {"default": Hyperparameters()}
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    checkpoint: str = ""
    sampled: bool = False

    headers: list[dict[str, Any]] = field(init=False, repr=False, compare=False)
    _weights: dict[str, np.ndarray] = field(init=False, repr=False, compare=False)
    _random: RandomState = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        loaded, digest = load_checkpoint(Path(self.checkpoint) if self.checkpoint else SHIPPED, AGENT)
        width, rounds = (loaded.header.get("hyperparameters", {}).get(name, 0) for name in ("width", "rounds"))
        if {name: array.shape for name, array in loaded.weights.items()} != shapes(FEATURES, width, rounds) | {"log_spread": ()}:
            raise InputError(f"checkpoint {self.checkpoint}: expected the weights of agent {AGENT} that its header describes, found others")
        self.headers, self._weights = [loaded.header], loaded.weights
        if self.checkpoint:  # another file under the same name is another algorithm
            self.version = f"sha256:{digest}"  # type: ignore[misc]

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Seed the noise."""
        self._random = RandomState(MT19937(SeedSequence(seed)))

    def act(self, observation: Observation) -> np.ndarray:
        """Ask for the exponential of each device's logit, shape [B, M]."""
        mask = observation["mask"].astype(bool)
        logits = _logits(np, self._weights, inputs(observation)[0], mask)
        if self.sampled:
            logits = logits + np.exp(self._weights["log_spread"]) * self._random.standard_normal(logits.shape)
        return np.where(mask, np.exp(np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)), 0.0)

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh instances of the size and all smaller ones, of both families; see `Trainable`.

        Raises
        ------
        InputError
            If the size is unknown or does not say how many devices there are, or as `Record` says.
        """
        hyperparameters: Hyperparameters = run.hyperparameters
        validation = _Validation(mixture(run.size), hyperparameters.validation_instances)
        versions = {package: version(package) for package in ("stable-baselines3", "gymnasium")}
        header = {"agent": AGENT, "problem": cls.problem, "versions": versions}
        record = Record(run, header, validation="mean gap to the optimum")
        with private_randomness():
            draws = Draws(mixture(run.size), run.seed, hyperparameters)
            if record.resumed is not None:
                draws.number = record.resumed["drawn"] - draws.each  # the last ones are drawn again when the view is made
            agent = build(draws, run.seed, hyperparameters)
            if record.resumed is not None:
                _restore(agent, record.resumed)
            # Stable-Baselines3 adds the transitions that it begins with to what it is asked for
            rest = hyperparameters.transitions - agent.num_timesteps
            agent.learn(rest, callback=_callback()(validation, record, draws, hyperparameters), reset_num_timesteps=False)
        return record.finish()


def _logits(array: Any, weights: Mapping[str, Any], features: Any, mask: Any) -> Any:
    """Logits within their limit, shape [B, M]; `array` is the module ``numpy`` or ``torch``."""
    return LOGIT_LIMIT * array.tanh(deep_sets(array, weights, features, mask) / LOGIT_LIMIT)


def mixture(size: str) -> list[p_edge.Parameters]:
    """Parameters of the size and the smaller ones, in both families."""
    numbered = {name: parameters.devices for name, parameters in p_edge.SIZES.items() if parameters.devices}
    if size not in numbered:
        raise InputError(f"option --size: expected a size with a number of devices, one of {', '.join(numbered)}, found {size!r}")
    chosen = [p_edge.SIZES[name] for name, devices in numbered.items() if devices <= numbered[size]]
    return [parameters.model_copy(update={"family": family}) for parameters in chosen for family in FAMILIES]


class Draws:
    """Draws of train instances that never come twice, sizes and families in turn.

    Attributes
    ----------
    number
        Instances drawn so far.
    each
        Instances of a draw, before they are repeated.
    width
        Devices of the widest.
    """

    def __init__(self, sizes: Sequence[p_edge.Parameters], seed: int, hyperparameters: Hyperparameters) -> None:
        self._sizes, self._first = sizes, TRAIN_SEED + seed * TRAIN_STRIDE
        self._repeats, self.each = hyperparameters.repeats, hyperparameters.instances
        self.number = 0
        self.width = max(parameters.devices[1] for parameters in sizes if parameters.devices)

    def __call__(self) -> list[p_edge.Instance]:
        """Draw."""
        numbers = range(self.number, self.number + self.each)
        self.number += self.each
        fresh = [p_edge.generate(self._sizes[number % len(self._sizes)], self._first + number) for number in numbers]
        return [instance for instance in fresh for _ in range(self._repeats)]


def build(draws: Draws, seed: int, hyperparameters: Hyperparameters) -> stable_baselines3.PPO:
    """Stable-Baselines3's PPO on fresh instances, before its first rollout."""
    import stable_baselines3

    return stable_baselines3.PPO(
        _policy(),
        _logit_view()(vector_view("p-edge", draws, draws.width)),
        n_steps=hyperparameters.steps,
        batch_size=hyperparameters.minibatch,
        n_epochs=hyperparameters.epochs,
        learning_rate=lambda remaining: hyperparameters.learning_rate * remaining,
        clip_range=hyperparameters.clip,
        vf_coef=hyperparameters.value_weight,
        max_grad_norm=hyperparameters.max_gradient_norm,
        gamma=1.0,
        gae_lambda=1.0,
        policy_kwargs={"hyperparameters": hyperparameters},
        seed=seed,
        device="cpu",
    )


def actor_weights(agent: stable_baselines3.PPO) -> dict[str, np.ndarray]:
    """The actor's weights and the spread of its noise, as NumPy's own arrays."""
    weights = dict(agent.policy.actor) | {"log_spread": agent.policy.log_spread}
    return {name: parameter.detach().numpy().copy() for name, parameter in weights.items()}


def _state(agent: stable_baselines3.PPO, draws: Draws) -> dict[str, Any]:
    """What the next rollout depends on; episodes have one step, so that between rollouts all are about to begin."""
    import torch

    shuffle = RandomState()
    shuffle.set_state(np.random.get_state())
    return {
        "policy": agent.policy.state_dict(),
        "optimizer": agent.policy.optimizer.state_dict(),
        "transitions": agent.num_timesteps,
        "drawn": draws.number,
        "torch": torch.get_rng_state(),  # of the noise
        "numpy": shuffle,  # of the order of minibatches
    }


def _restore(agent: stable_baselines3.PPO, state: Mapping[str, Any]) -> None:
    """Go on where another was, global generators included, from which Stable-Baselines3 draws."""
    import torch

    agent.policy.load_state_dict(state["policy"])
    agent.policy.optimizer.load_state_dict(state["optimizer"])
    agent.num_timesteps = state["transitions"]
    torch.set_rng_state(state["torch"])
    np.random.set_state(state["numpy"].get_state())


class _Validation:
    """Instances of the validation split with their optima."""

    def __init__(self, sizes: Sequence[p_edge.Parameters], number: int) -> None:
        self._task = p_edge.Task()
        instances = [p_edge.generate(parameters, VALIDATION_SEED + turn) for parameters in sizes for turn in range(number)]
        observation = self._task.reset(instances)
        self._mask, self._features = observation["mask"], inputs(observation)[0]
        fixed, shared = observation["agents"][..., 0], observation["agents"][..., 1]
        optimal = allocate_batch(fixed, shared, observation["shared"][:, 0], self._mask)
        self._optimum = np.where(self._mask, physics.cost(fixed, shared, np.maximum(optimal, 1)), 0.0).max(axis=1)

    def gap(self, weights: Mapping[str, np.ndarray]) -> float:
        """Mean gap to the optimum of the shares that the weights ask for."""
        shares = np.exp(_logits(np, weights, self._features, self._mask))
        objective = self._task.step(shares).metrics["objective"]
        return float(np.mean(1.0 - self._optimum / objective))


@cache
def _logit_view() -> type:
    """The class, made at its first use, since its base class comes with PyTorch."""
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class LogitView(VecEnvWrapper):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """The task as the network sees it: features in, logits out, rewards relative to sharing equally."""

        def __init__(self, view: Any) -> None:
            (width,) = view.action_space.shape
            seen = {"mask": spaces.MultiBinary(width), "features": spaces.Box(-np.inf, np.inf, (width, FEATURES), np.float32)}
            super().__init__(view, spaces.Dict(seen), spaces.Box(-LOGIT_LIMIT, LOGIT_LIMIT, (width,), np.float32))

        def reset(self) -> dict[str, np.ndarray]:
            return self._seen(self.venv.reset())

        def step_async(self, actions: np.ndarray) -> None:
            self.venv.step_async(np.exp(actions.astype(np.float64)))

        def step_wait(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, Any]:
            observation, rewards, done, infos = self.venv.step_wait()
            relative = rewards / self._scale
            return self._seen(observation), relative, done, infos

        def _seen(self, observation: Observation) -> dict[str, np.ndarray]:
            features, self._scale = inputs(observation)
            return {"mask": observation["mask"], "features": features}

    return LogitView


@cache
def _policy() -> type:
    """The class, made at its first use, since its base class comes with PyTorch."""
    import torch
    from stable_baselines3.common.policies import ActorCriticPolicy
    from stable_baselines3.common.torch_layers import CombinedExtractor

    class DeepSetsPolicy(ActorCriticPolicy):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """Actor and critic of their own weights; probabilities are of the logits of real devices only."""

        def __init__(self, *arguments: Any, hyperparameters: Hyperparameters, **keywords: Any) -> None:
            self._shapes = shapes(FEATURES, hyperparameters.width, hyperparameters.rounds)
            self._initial_log_spread = hyperparameters.log_spread
            super().__init__(*arguments, features_extractor_class=CombinedExtractor, **keywords)

        def _build(self, lr_schedule: Callable[[float], float]) -> None:
            self.actor = self._network()
            self.critic = self._network()
            self.log_spread = torch.nn.Parameter(torch.tensor(self._initial_log_spread))
            self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1.0), eps=1e-5)

        def _network(self) -> Any:
            weights = {name: torch.zeros(shape) for name, shape in self._shapes.items()}
            for name, weight in weights.items():
                if weight.dim() > 1:
                    torch.nn.init.orthogonal_(weight, 0.01 if name == "head" else 1.0)
            return torch.nn.ParameterDict(weights)

        def forward(self, obs: Any, deterministic: bool = False) -> tuple[Any, Any, Any]:
            """Actions [B, M], values [B, 1] and log-probabilities [B]."""
            mean = self._mean(obs)
            noise = 0.0 if deterministic else torch.randn(mean.shape) * self.log_spread.exp()
            actions = mean + noise
            return actions, self.predict_values(obs), self._log_probability(mean, actions, obs)

        def evaluate_actions(self, obs: Any, actions: Any) -> tuple[Any, Any, Any]:
            """Values [B, 1], log-probabilities [B] and entropies [B] of actions taken before."""
            mean = self._mean(obs)
            entropy = (self.log_spread + GAUSSIAN_ENTROPY) * obs["mask"].sum(1)
            return self.predict_values(obs), self._log_probability(mean, actions, obs), entropy

        def predict_values(self, obs: Any) -> Any:
            """Value of the whole edge, shape [B, 1]: the mean over its devices."""
            mask = obs["mask"].bool()
            values = deep_sets(torch, self.critic, obs["features"], mask)
            return (torch.where(mask, values, 0.0).sum(1) / mask.sum(1))[:, None]

        def _predict(self, observation: Any, deterministic: bool = False) -> Any:
            return self.forward(observation, deterministic)[0]

        def _mean(self, obs: Any) -> Any:
            return _logits(torch, self.actor, obs["features"], obs["mask"].bool())

        def _log_probability(self, mean: Any, actions: Any, obs: Any) -> Any:
            distance = (actions - mean) / self.log_spread.exp()
            each = -0.5 * distance**2 - self.log_spread - 0.5 * math.log(2 * math.pi)
            return torch.where(obs["mask"].bool(), each, 0.0).sum(1)

    return DeepSetsPolicy


@cache
def _callback() -> type:
    """The class, made at its first use, since its base class comes with PyTorch."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Validate(BaseCallback):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """Adds a point to the learning curve every so many transitions, the first before training."""

        def __init__(self, validation: _Validation, record: Record, draws: Draws, hyperparameters: Hyperparameters) -> None:
            super().__init__()
            self._validation = validation
            self._record = record
            self._draws = draws
            self._every = hyperparameters.transitions / hyperparameters.validations
            self._due = 0.0
            self._rewards: list[float] = []

        def _on_training_start(self) -> None:
            if self._record.resumed is not None:  # its last point is there already
                self._pass()

        def _on_step(self) -> bool:
            self._rewards.append(float(self.locals["rewards"].mean()))
            return True

        def _on_rollout_start(self) -> None:
            if self.num_timesteps >= self._due:
                self._validate()

        def _on_rollout_end(self) -> None:
            self._record.tick(self.num_timesteps)

        def _on_training_end(self) -> None:
            if self._record.last != self.num_timesteps:
                self._validate()

        def _validate(self) -> None:
            weights = actor_weights(self.model)
            self._record.add(
                transitions=self.num_timesteps,
                train_reward=float(np.mean(self._rewards)) if self._rewards else math.nan,
                entropy=float(weights["log_spread"]) + GAUSSIAN_ENTROPY,
                validation_score=self._validation.gap(weights),
                weights=weights,
                state=_state(self.model, self._draws),
            )
            self._rewards.clear()
            self._pass()

        def _pass(self) -> None:
            while self._due <= self.num_timesteps:
                self._due += self._every

    return Validate


algorithms = (PPO,)
