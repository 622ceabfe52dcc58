"""Layer profiles of networks as data; `derive` computes the file from the architecture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mecbench.problems.errors import unknown

__all__ = ["Profile", "load", "names"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Profile:
    """A network as a chain of L layers that can be cut between any two of them.

    Attributes
    ----------
    layers
        Names of the layers.
    input_bits
        O^0, raw input [bit].
    layer_bits
        O, output of each layer [bit].
    layer_cycles
        C, work of each layer [cycle].
    """

    layers: tuple[str, ...]
    input_bits: int
    layer_bits: tuple[int, ...]
    layer_cycles: tuple[int, ...]


def names() -> list[str]:
    """Names of all profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@lru_cache
def load(name: str) -> Profile:
    """Profile by its name.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    if name not in names():
        raise unknown("profile", name, names())
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Profile(tuple(data["layers"]), data["input_bits"], tuple(data["layer_bits"]), tuple(data["layer_cycles"]))
