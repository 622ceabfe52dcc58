"""Layer profiles of nine networks as data; `derive` computes the files from the architectures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mecbench.problems.errors import unknown

__all__ = ["MODELS", "Profile", "load"]

FOLDER = Path(__file__).parent
# In the order in which services are numbered.
MODELS = ("lenet-7", "lenet-9", "lenet-12", "resnet-18", "resnet-34", "resnet-50", "vgg-13", "vgg-16", "vgg-19")


@dataclass(frozen=True, eq=False)
class Profile:
    """A network as a chain of L layers that can be cut before the first and after any of them.

    Attributes
    ----------
    name
        Family and depth.
    layers
        Names of the layers, length L.
    input_bytes
        Raw input of one sample [byte].
    layer_bytes
        Parameters of each layer [byte], int64, shape [L].
    layer_macs
        Operations of each layer for one sample [MAC], int64, shape [L].
    output_bytes, pooled_bytes
        Output of each layer for one sample before and after the pooling that follows it [byte], int64, shape [L].
    leakage
        Lea after each layer, non-increasing to 0, shape [L].
    """

    name: str
    layers: tuple[str, ...]
    input_bytes: int
    layer_bytes: np.ndarray
    layer_macs: np.ndarray
    output_bytes: np.ndarray
    pooled_bytes: np.ndarray
    leakage: np.ndarray


@lru_cache
def load(name: str) -> Profile:
    """Profile by its name, one of `MODELS`.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    if name not in MODELS:
        raise unknown("profile", name, MODELS)
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    columns = [np.array(data[key], dtype=np.int64) for key in ("layer_bytes", "layer_macs", "output_bytes", "pooled_bytes")]
    columns.append(np.array(data["leakage"]))
    for column in columns:
        column.flags.writeable = False
    return Profile(name, tuple(data["layers"]), data["input_bytes"], *columns)
