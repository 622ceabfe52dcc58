"""Checkpoints: the weights of an actor and how it came about, in one ``.npz`` without pickle."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mecbench.problems.errors import InputError

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

FORMAT = 1
_HEADER = "header"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained actor.

    Attributes
    ----------
    header
        Plain data: agent, problem, size, seed, hyper-parameters, budget, library versions, validation score.
    weights
        Arrays by name; of the actor only, since a critic is of no use after training.
    """

    header: dict[str, Any]
    weights: dict[str, np.ndarray]


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint at once or not at all."""
    header = json.dumps({"format": FORMAT, **checkpoint.header}, allow_nan=False)
    arrays: dict[str, Any] = {_HEADER: np.frombuffer(header.encode(), dtype=np.uint8), **checkpoint.weights}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path, agent: str) -> tuple[Checkpoint, str]:
    """Read a checkpoint and its SHA-256; nothing in the file is executed.

    Parameters
    ----------
    path
        The ``.npz`` file.
    agent
        Name of the agent that it must be of, e.g. ``"p-edge/ppo"``.

    Raises
    ------
    InputError
        If the file cannot be read, is no checkpoint, or is one of another agent or format.
    """
    expected = f"checkpoint {path}: expected an .npz file of agent {agent}"
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        header = json.loads(weights.pop(_HEADER).tobytes())
    except OSError as error:
        raise InputError(f"{expected}, found {error.strerror or error}") from None
    except KeyError:
        raise InputError(f"{expected}, found one without a header") from None
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile):  # TypeError: a lone array, an .npy file
        raise InputError(f"{expected}, found something else") from None
    if not isinstance(header, dict) or header.get("agent") != agent:
        raise InputError(f"{expected}, found one of {header.get('agent') if isinstance(header, dict) else header!r}")
    if header.pop("format", None) != FORMAT:
        raise InputError(f"{expected} in format {FORMAT}, found another format")
    return Checkpoint(header, weights), hashlib.sha256(content).hexdigest()
