"""State of an unfinished training run on disk: PyTorch's own format, read back as data only."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.random import RandomState

from mecbench.problems.errors import InputError

__all__ = ["load_state", "save_state"]

_ARRAY, _RANDOM = "numpy array", "numpy random state"  # what PyTorch does not read as data is marked and rebuilt


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a state at once or not at all.

    Parameters
    ----------
    state
        Mappings and lists of numbers, words, tensors, arrays and ``RandomState``.
    path
        Where to; what is there is replaced.
    """
    import torch

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(_written(state), temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_state(path: Path) -> dict[str, Any]:
    """Read a state; nothing in the file is executed.

    Raises
    ------
    InputError
        If there is no such file or it holds something else.
    """
    import torch

    expected = f"{path}: expected the state of an interrupted training run"
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # PyTorch would take it for the format of its first releases, a bare pickle
                raise InputError(f"{expected}, found something else")
            file.seek(0)
            return cast("dict[str, Any]", _read(torch.load(file, map_location="cpu", weights_only=True)))
    except OSError as error:
        raise InputError(f"{expected}, found {error.strerror or error}") from None
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        raise InputError(f"{expected}, found something else") from None


def _written(value: Any) -> Any:
    import torch

    if isinstance(value, Mapping):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, RandomState):
        _, keys, *rest = value.get_state(legacy=True)
        return {_RANDOM: [torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest]}
    if isinstance(value, np.generic):
        return value.item()
    return {_ARRAY: torch.from_numpy(np.array(value))} if isinstance(value, np.ndarray) else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_ARRAY}:
        return value[_ARRAY].numpy()
    if set(value) == {_RANDOM}:
        keys, *rest = value[_RANDOM]
        random = RandomState()
        random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
        return random
    return {name: _read(item) for name, item in value.items()}
