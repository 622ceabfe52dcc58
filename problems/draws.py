"""Random draws that give the same instance on any platform and release.

NumPy freezes the streams of `RandomState` for good, those of `Generator` not. The last bits of a draw may still
differ between mathematical libraries, so generators round every draw to nine significant digits before they use it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["SPLITS", "Split", "quantise", "split_of", "stream"]

Split = Literal["train", "valid", "test", "shift"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test", "shift")


def split_of(seed: int) -> Split:
    """Split to which a generator's seed belongs: test < 10,000 <= valid < 20,000 <= train.

    Raises
    ------
    ValueError
        If the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"expected a seed of at least 0, found {seed}")
    return "test" if seed < 10_000 else "valid" if seed < 20_000 else "train"


def stream(*path: str | int) -> np.random.RandomState:
    """Frozen random stream of one node in the tree of seeds.

    Parameters
    ----------
    path
        The way down the tree, e.g. ``("p-edge", "test", "instance", 7)``; other paths give independent streams.
    """
    entropy = [part if isinstance(part, int) else int.from_bytes(part.encode(), "big") for part in path]
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(entropy)))


def quantise(values: np.ndarray) -> np.ndarray:
    """Round to nine significant decimal digits, correctly on every platform; any shape."""
    flat = np.asarray(values, dtype=float)
    return np.array([float(f"{value:.9g}") for value in flat.ravel().tolist()]).reshape(flat.shape)
