"""What can be trained, with what, and where."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

from pydantic import TypeAdapter, ValidationError

from mecbench.problems.errors import InputError, unknown
from mecbench.rl.checkpoints import Checkpoint
from mecbench.rl.training import Run, dotted

__all__ = ["Trainable", "expect_device", "expect_packages", "hyperparameters"]


class Trainable(Protocol):
    """An algorithm that ``mecbench train`` can train.

    Attributes
    ----------
    presets
        Named hyper-parameters, one dataclass for all, which may hold others; ``"default"`` is among them. The field
        ``transitions`` is the budget.
    devices
        Where it can be trained.
    """

    presets: ClassVar[Mapping[str, Any]]
    devices: ClassVar[tuple[str, ...]]

    @classmethod
    def train(cls, run: Run) -> Checkpoint:
        """Train and leave checkpoint, curve and summary in the folder."""


def hyperparameters(agent: str, presets: Mapping[str, Any], preset: str, settings: Mapping[str, str]) -> Any:
    """Hyper-parameters of an agent: a preset with some of them set by name, as ``clip`` or ``users.clip``.

    Raises
    ------
    InputError
        If there is no such preset or hyper-parameter, or it has no such value.
    """
    if preset not in presets:
        raise unknown(f"preset of {agent}", preset, presets)
    chosen = presets[preset]
    values = asdict(chosen)
    names = list(dotted(values))
    for name, value in settings.items():
        if name not in names:
            raise unknown(f"hyper-parameter of {agent}", name, names)
        *folders, last = name.split(".")
        place = values
        for folder in folders:
            place = place[folder]
        place[last] = value
    try:
        return TypeAdapter(type(chosen)).validate_python(values)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        name = ".".join(map(str, finding["loc"]))
        message = finding["msg"].replace("Input should be", "expected")
        raise InputError(f"hyper-parameter {name} of {agent}: {message}, found {finding['input']!r}") from None


def expect_packages(agent: str) -> None:
    """Refuse to train where the packages of the extra `rl` are missing."""
    missing = [package for package in ("torch", "stable_baselines3") if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(
            f"algorithm {agent}: expected the packages that training needs (pip install 'mecbench[rl]'), found no {missing[0]}"
        )


def expect_device(agent: str, devices: tuple[str, ...], device: str) -> None:
    """Refuse a device that the agent cannot be trained on or that is not there."""
    if device not in devices:
        raise InputError(f"option --device: expected {' or '.join(devices)} for {agent}, found {device!r}")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError("option --device: expected cpu, since PyTorch finds no CUDA device on this machine, found 'cuda'")
