"""HC-MAPPO-L and its ablations as policies in NumPy, from the checkpoints that ship with the package or others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.random import MT19937, RandomState, SeedSequence
from pydantic import TypeAdapter

from mecbench.problems.errors import InputError
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.layout import ASSOCIATION, DEPLOYMENT, Layout
from mecbench.problems.task import Observation
from mecbench.rl import mlp
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint
from mecbench.rl.p.allocation import SPREAD, shares
from mecbench.rl.p.deployment import priority, unroll
from mecbench.rl.p.hyperparameters import PRESETS, Hyperparameters
from mecbench.rl.p.networks import LAYERS, Networks, Variant, networks
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p.heuristics import Lru

if TYPE_CHECKING:
    from mecbench.rl.training import Run

__all__ = ["HCIPPOL", "HCMAPPOL", "HIPPO", "HMAPPO", "Actors", "HeuristicMAPPOL", "algorithms", "layers_of", "shipped"]

DATA = Path(__file__).parent.parent / "data"

Weights = Mapping[str, Mapping[str, np.ndarray]]
"""Arrays by layer and name."""


class Actors:
    """The actors of an agent at work on a batch of episodes.

    Parameters
    ----------
    made
        Networks for the layout of these episodes.
    weights
        Of the layers that are learned.
    static
        What `Task.static` gives.
    random
        What choices are drawn with; the most probable ones are taken if there is none.
    """

    def __init__(self, made: Networks, weights: Weights, static: dict[str, np.ndarray], random: RandomState | None) -> None:
        self._made, self._weights, self._static, self._random = made, weights, static, random
        self._layout: Layout = made.allocation.layout
        self._worlds = made.users.prepare(static)
        self._rules = Lru()
        self._rules.reset(static, len(static["users"]), 0)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        phase = observation["phase"][0]
        if phase == ASSOCIATION:
            return self._associate(observation)
        if "allocation" not in self._weights:
            return self._rules.act(observation)
        return self._deploy(observation) if phase == DEPLOYMENT else self._allocate(observation)

    def _deploy(self, observation: Observation) -> np.ndarray:
        network = self._made.deployment
        seen = network.encode(self._static, observation)
        chosen = unroll(np, network, self._weights["deployment"], seen, lambda step, logs: self._choice(logs))
        return self._layout.deploy(priority(chosen.order))

    def _associate(self, observation: Observation) -> np.ndarray:
        network = self._made.users
        seen = network.encode(self._worlds, observation)
        heads = network.heads(np, self._weights["users"], seen)
        choices = [self._choice(np.where(mask, logits, mlp.IMPOSSIBLE)) for logits, mask in heads]
        return self._layout.associate(*network.decode(np.stack(choices, axis=-1)))

    def _allocate(self, observation: Observation) -> np.ndarray:
        network = self._made.allocation
        seen = network.encode(observation)
        scores = network.scores(np, self._weights["allocation"], seen)
        if self._random is not None:
            scores = scores + np.exp(self._weights["allocation"][SPREAD]) * self._random.standard_normal(scores.shape)
        return self._layout.allocate(*shares(scores, seen["group"]))

    def _choice(self, logits: np.ndarray) -> np.ndarray:
        if self._random is None:
            return logits.argmax(axis=-1)
        return (logits + self._random.gumbel(size=logits.shape)).argmax(axis=-1)


@dataclass
class _Learned:
    """What the agents share: each runs from the checkpoint that fits the instance best, or from another file.

    Parameters
    ----------
    checkpoint
        File of another checkpoint, as ``mecbench train`` leaves it.
    sampled
        Draw every choice as training did, instead of the most probable one.
    """

    name: ClassVar[str]
    variant: ClassVar[Variant]
    problem: ClassVar[str] = "p"
    kind: ClassVar[Kind] = "learned"
    sees: ClassVar[Sees] = "local"
    version: ClassVar[int | str] = 1
    requires: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[Mapping[str, Hyperparameters]] = PRESETS
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    checkpoint: str = ""
    sampled: bool = False

    task_options: dict[str, Any] = field(init=False, repr=False, compare=False)
    _available: list[Checkpoint] = field(init=False, repr=False, compare=False)
    _actors: Actors = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        agent = f"{self.problem}/{self.name}"
        if self.checkpoint:
            loaded, digest = load_checkpoint(Path(self.checkpoint), agent)
            self._available = [loaded]
            self.version = f"sha256:{digest}"  # type: ignore[misc]  # another file under the same name is another algorithm
        else:
            self._available = _shipped(agent)
        shows = {_hyperparameters(loaded).observation for loaded in self._available}
        self.task_options = {"shows": shows.pop() if len(shows) == 1 else "extended"}

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Of all checkpoints that can be run."""
        return [loaded.header for loaded in self._available]

    def header_for(self, instance: Instance) -> dict[str, Any]:
        """Of the checkpoint that is run on an instance; empty if there is none."""
        return self._fitting(instance.servers, instance.services).header if self._available else {}

    def _fitting(self, servers: int, services: int) -> Checkpoint:
        return min(self._available, key=lambda one: abs(math.log(one.header["servers"] * one.header["services"] / (servers * services))))

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Choose the checkpoint by the size of the instances, and seed the draws."""
        layout = Layout.of(static, self.task_options["shows"])
        agent = f"{self.problem}/{self.name}"
        if not self._available:
            raise InputError(f"algorithm {agent}: expected a checkpoint, as `mecbench train {agent}` leaves it, found none shipped")
        loaded = self._fitting(layout.servers, layout.services)
        made = networks(layout, _hyperparameters(loaded), self.variant)
        weights = layers_of(loaded.weights)
        for layer in LAYERS if self.variant.resources else ("users",):
            found = {name: array.shape for name, array in weights.get(layer, {}).items()}
            if found != getattr(made, layer).shapes():
                trained = f"{loaded.header.get('servers')} servers and {loaded.header.get('services')} services"
                raise InputError(
                    f"algorithm {agent}: expected a checkpoint for {layout.servers} servers and {layout.services} services, "
                    f"found one whose weights of {layer} are for {trained}"
                )
        random = RandomState(MT19937(SeedSequence(seed))) if self.sampled else None
        self._actors = Actors(made, weights, static, random)

    def act(self, observation: Observation) -> np.ndarray:
        """Decide the phase at hand."""
        return self._actors.act(observation)

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train on fresh traces of train worlds; see `Trainable`."""
        from mecbench.rl.p.learning import learn

        return learn(f"{cls.problem}/{cls.name}", cls.variant, run)


@dataclass
class HCMAPPOL(_Learned):
    """The paper's agent: learned deployment and allocation, users with central value and cost critics and a multiplier."""

    name: ClassVar[str] = "hc-mappo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=True)


@dataclass
class HMAPPO(_Learned):
    """Without the multiplier: users learn from their reward alone."""

    name: ClassVar[str] = "h-mappo"
    variant: ClassVar[Variant] = Variant(constrained=False, central=True)


@dataclass
class HCIPPOL(_Learned):
    """Without central critics: each sees what its own agent sees."""

    name: ClassVar[str] = "hc-ippo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=False)


@dataclass
class HIPPO(_Learned):
    """Without central critics and without the multiplier."""

    name: ClassVar[str] = "h-ippo"
    variant: ClassVar[Variant] = Variant(constrained=False, central=False)


@dataclass
class HeuristicMAPPOL(_Learned):
    """Users as in HC-MAPPO-L over LRU deployment and equal shares."""

    name: ClassVar[str] = "heuristic-mappo-l"
    variant: ClassVar[Variant] = Variant(constrained=True, central=True, resources=False)
    # LRU leaves so many requests without their service that the others must be fast, which takes a higher price of delay.
    presets: ClassVar[Mapping[str, Hyperparameters]] = {
        **PRESETS,
        "default": replace(PRESETS["default"], multiplier=3.0, multiplier_step=0.1),
    }


def layers_of(weights: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Weights of a checkpoint by layer."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in weights.items():
        layer, _, rest = name.partition("/")
        found.setdefault(layer, {})[rest] = array
    return found


def shipped(agent: str, size: str) -> dict[str, dict[str, np.ndarray]]:
    """Weights by layer of the checkpoint that ships for a size.

    Raises
    ------
    InputError
        If there is none.
    """
    path = DATA / f"{agent.replace('/', '-')}-{size}.npz"
    if not path.is_file():
        raise InputError(f"hyper-parameter start of {agent}: expected a size with a shipped checkpoint, found {size!r}")
    return layers_of(load_checkpoint(path, agent)[0].weights)


@cache
def _shipped(agent: str) -> list[Checkpoint]:
    """Checkpoints in the package, whatever their sizes."""
    return [load_checkpoint(path, agent)[0] for path in sorted(DATA.glob(f"{agent.replace('/', '-')}-*.npz"))]


def _hyperparameters(loaded: Checkpoint) -> Hyperparameters:
    return TypeAdapter(Hyperparameters).validate_python(loaded.header["hyperparameters"])


algorithms = (HCMAPPOL, HMAPPO, HCIPPOL, HIPPO, HeuristicMAPPOL)
