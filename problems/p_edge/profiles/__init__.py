"""Layer profiles of networks as data; `derive` computes the files from the architectures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mecbench.problems.errors import unknown

__all__ = ["Profile", "load", "names"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Profile:
    """A network as a chain of K layer groups that can be cut between any two of them.

    Attributes
    ----------
    name
        Network and number of groups.
    last_layer
        Name of the last layer of each group, length K.
    group_macs
        Multiply-accumulate operations of each group [MAC], int64, shape [K].
    cut_bytes
        Bytes sent when cutting after group k = 0..K-1, one byte per value, int64, shape [K]; k = 0 sends the raw
        image.
    """

    name: str
    last_layer: tuple[str, ...]
    group_macs: np.ndarray
    cut_bytes: np.ndarray

    @property
    def groups(self) -> int:
        """K, number of layer groups."""
        return len(self.last_layer)


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
    macs, sent = (np.array(data[key], dtype=np.int64) for key in ("group_macs", "cut_bytes"))
    macs.flags.writeable = sent.flags.writeable = False
    return Profile(name, tuple(data["last_layer"]), macs, sent)
