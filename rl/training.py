"""What every training run has: randomness of its own, a learning curve, the checkpoint that validation chose."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mecbench.problems.errors import InputError, unknown
from mecbench.rl.checkpoints import Checkpoint, save_checkpoint

__all__ = [
    "CHECKPOINT",
    "CURVE",
    "SUMMARY",
    "Point",
    "Progress",
    "Record",
    "Trainable",
    "expect_packages",
    "hyperparameters",
    "private_randomness",
]

CHECKPOINT = "checkpoint.npz"
CURVE = "curve.csv"
SUMMARY = "training.json"


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a learning curve.

    Attributes
    ----------
    transitions
        Decisions that the agent has learned from so far.
    seconds
        Wall clock since the start, validation included [s].
    train_reward
        Mean reward of the training episodes since the last point, in the agent's own scale.
    spread
        Standard deviation of the sampled actions.
    validation_gap
        Mean gap to the optimum on the validation split, deciding without chance.
    """

    transitions: int
    seconds: float
    train_reward: float
    spread: float
    validation_gap: float


class Progress(Protocol):
    """Receiver of progress: how many transitions are done, and a point of the curve when there is a new one."""

    def __call__(self, done: int, point: Point | None = None) -> None:
        """Take note."""


class Trainable(Protocol):
    """An algorithm that ``mecbench train`` can train.

    Attributes
    ----------
    settings
        Dataclass of what a run is tuned with; its field ``transitions`` is the budget.
    """

    settings: ClassVar[type]

    @classmethod
    def train(cls, size: str, seed: int, out: Path, hyperparameters: Any, progress: Progress) -> Checkpoint:
        """Train for a size of the problem and leave checkpoint, curve and summary in a folder."""


def hyperparameters(agent: str, kind: type, settings: Mapping[str, str]) -> Any:
    """Hyper-parameters of an agent with some of them set by name.

    Raises
    ------
    InputError
        If there is no such hyper-parameter or it has no such value.
    """
    names = [field.name for field in fields(kind)]
    for name in settings:
        if name not in names:
            raise unknown(f"hyper-parameter of {agent}", name, names)
    try:
        return TypeAdapter(kind).validate_strings(settings)
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


class Record:
    """Curve and best checkpoint of one training run, on disk as they come, so that an interrupted run leaves both.

    Parameters
    ----------
    out
        Folder; made if it is not there.
    header
        What is known of the run before it begins.
    progress
        Receiver of progress.
    """

    def __init__(self, out: Path, header: Mapping[str, Any], progress: Progress) -> None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._write_row(out / CURVE, [field.name for field in fields(Point)], "w")
        except OSError as error:
            raise InputError(f"{out}: expected a folder that can be written to, found {error.strerror or error}") from None
        self._out = out
        self._header = dict(header)
        self._progress = progress
        self._started = time.perf_counter()
        self._processor_started = time.process_time()
        self._points: list[Point] = []
        self.best: Checkpoint | None = None

    def tick(self, done: int) -> None:
        """Pass on how far the run is."""
        self._progress(done)

    def add(self, transitions: int, train_reward: float, spread: float, gap: float, weights: Mapping[str, np.ndarray]) -> None:
        """Add a point to the curve, and keep the weights if no earlier ones did better on the validation split."""
        point = Point(transitions, round(time.perf_counter() - self._started, 3), train_reward, spread, gap)
        self._write_row(self._out / CURVE, list(asdict(point).values()), "a")
        if all(gap < earlier.validation_gap for earlier in self._points):
            chosen = {"chosen_at_transitions": transitions, "validation_gap": gap}
            self.best = Checkpoint(self._header | chosen, {name: array.copy() for name, array in weights.items()})
            save_checkpoint(self.best, self._out / CHECKPOINT)
        self._points.append(point)
        self._progress(transitions, point)

    def finish(self) -> Checkpoint:
        """Write the budget that was spent into the checkpoint and the summary beside it."""
        assert self.best is not None
        last = self._points[-1]
        processor = round(time.process_time() - self._processor_started, 3)
        budget = {"transitions": last.transitions, "training_seconds": last.seconds, "training_cpu_seconds": processor}
        self.best = Checkpoint(self.best.header | budget, self.best.weights)
        save_checkpoint(self.best, self._out / CHECKPOINT)
        (self._out / SUMMARY).write_text(json.dumps(self.best.header, indent=2) + "\n")
        return self.best

    @staticmethod
    def _write_row(path: Path, row: list[Any], mode: str) -> None:
        with path.open(mode, newline="") as file:
            csv.writer(file).writerow(row)


@contextmanager
def private_randomness() -> Iterator[None]:
    """Give back the state of all global generators, which Stable-Baselines3 seeds and draws from; one thread inside.

    More threads would add up in another order, and two runs with one seed would differ.
    """
    import torch

    python, numpy, threads = random.getstate(), np.random.get_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_num_threads(threads)
