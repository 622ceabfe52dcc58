"""What all learned policies share: they run in NumPy from the checkpoint in the package that fits best, or from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import TypeAdapter

from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint
from mecbench.solvers.outcome import Kind

__all__ = ["DATA", "LearnedPolicy", "flat", "layers_of", "shipped"]

T = TypeVar("T")

DATA = Path(__file__).parent / "data"
"""Folder of the checkpoints that ship, ``<problem>-<agent>-<size>.npz``."""


@dataclass
class LearnedPolicy:
    """Base of the policies of learned agents; `reset`, `act` and `train` are theirs.

    Parameters
    ----------
    checkpoint
        File of another checkpoint, as ``mecbench train`` leaves it.

    Attributes
    ----------
    scale
        What a checkpoint is for: entries of its header that instances have as attributes, such as numbers of devices.
    presets, devices
        See `mecbench.rl.trainables.Trainable`.
    """

    name: ClassVar[str]
    problem: ClassVar[str]
    scale: ClassVar[tuple[str, ...]]
    presets: ClassVar[Mapping[str, Any]]
    kind: ClassVar[Kind] = "learned"
    version: ClassVar[int | str] = 1
    requires: ClassVar[tuple[str, ...]] = ()
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    checkpoint: str = ""

    _available: list[Checkpoint] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.checkpoint:
            loaded, digest = load_checkpoint(Path(self.checkpoint), self.agent)
            self._available = [loaded]
            self.version = f"sha256:{digest}"  # type: ignore[misc]  # another file under the same name is another algorithm
        else:
            self._available = _all_shipped(self.agent)

    @property
    def agent(self) -> str:
        """Name on the command line and in checkpoints."""
        return f"{self.problem}/{self.name}"

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Of all checkpoints that can be run."""
        return [loaded.header for loaded in self._available]

    def header_for(self, instance: Any) -> dict[str, Any]:
        """Of the checkpoint that is run on an instance; empty if there is none."""
        return self.fitting(*(getattr(instance, name) for name in self.scale)).header if self._available else {}

    def fitting(self, *sizes: float) -> Checkpoint:
        """Choose the checkpoint whose scale is nearest by ratio.

        Parameters
        ----------
        sizes
            Of the instances, in the order of `scale`.

        Raises
        ------
        InputError
            If none ships.
        """
        if not self._available:
            raise InputError(
                f"algorithm {self.agent}: expected a checkpoint, as `mecbench train {self.agent}` leaves it, found none shipped"
            )
        wanted = dict(zip(self.scale, sizes, strict=True))
        return min(self._available, key=lambda one: sum(abs(math.log(one.header[name] / size)) for name, size in wanted.items()))

    def expect_shapes(self, loaded: Checkpoint, shapes: Mapping[str, tuple[int, ...]], *sizes: float) -> None:
        """Refuse a checkpoint whose weights are for instances of another scale.

        Parameters
        ----------
        loaded
            The checkpoint.
        shapes
            Of the weights that instances of these sizes take, by name.
        sizes
            Of the instances, in the order of `scale`.

        Raises
        ------
        InputError
            If its weights have other names or shapes.
        """
        if {name: array.shape for name, array in loaded.weights.items()} != dict(shapes):
            expected, found = (
                " and ".join(f"{number} {name}" for name, number in zip(self.scale, numbers, strict=True))
                for numbers in (sizes, [loaded.header.get(name) for name in self.scale])
            )
            raise InputError(f"algorithm {self.agent}: expected a checkpoint for {expected}, found one whose weights are for {found}")

    @classmethod
    def hyperparameters_of(cls, loaded: Checkpoint) -> Any:
        """What a checkpoint was trained with, of the type of the presets."""
        return TypeAdapter(type(cls.presets["default"])).validate_python(loaded.header["hyperparameters"])


def layers_of(weights: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Weights ``layer/name`` of a checkpoint by layer and name."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in weights.items():
        layer, _, rest = name.partition("/")
        found.setdefault(layer, {})[rest] = array
    return found


def flat(layers: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    """What stands by layer and name, under ``layer/name`` as in a checkpoint."""
    return {f"{layer}/{name}": value for layer, named in layers.items() for name, value in named.items()}


def shipped(agent: str, size: str) -> Checkpoint:
    """Load the checkpoint that ships for a size.

    Raises
    ------
    InputError
        If there is none.
    """
    path = DATA / f"{agent.replace('/', '-')}-{size}.npz"
    if not path.is_file():
        raise InputError(f"hyper-parameter start of {agent}: expected a size with a shipped checkpoint, found {size!r}")
    return load_checkpoint(path, agent)[0]


@cache
def _all_shipped(agent: str) -> list[Checkpoint]:
    """Checkpoints in the package, whatever their sizes."""
    return [load_checkpoint(path, agent)[0] for path in sorted(DATA.glob(f"{agent.replace('/', '-')}-*.npz"))]
