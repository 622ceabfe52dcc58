"""What every training run has: randomness of its own, a learning curve, the checkpoint that validation chose, a way back after a kill."""

from __future__ import annotations

import csv
import fcntl
import json
import math
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import Checkpoint, save_checkpoint
from mecbench.rl.states import load_state, save_state

__all__ = [
    "CHECKPOINT",
    "CURVE",
    "STATE",
    "SUMMARY",
    "Point",
    "Progress",
    "Record",
    "Run",
    "alone",
    "dotted",
    "expect_fresh",
    "private_randomness",
    "rank",
]

CHECKPOINT = "checkpoint.npz"
CURVE = "curve.csv"
STATE = "state.pt"
SUMMARY = "training.json"


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a learning curve; what an algorithm does not have is NaN.

    Attributes
    ----------
    transitions
        Decisions that the agent has learned from so far.
    seconds
        Wall clock spent on them, validation included [s]; the pause after an interruption is not.
    train_reward
        Mean reward of the training episodes since the last point, in the agent's own scale.
    cost, cost_limit
        Mean cost of those episodes in its own unit, and what it is held against.
    multiplier
        Lagrange multiplier of the cost.
    entropy
        Mean entropy of a decision [nat].
    validation_score
        Mean on the validation split, deciding without chance, of what is to be small.
    validation_cost
        Mean cost there.
    fitness_correlation
        Rank correlation of fitness and return over the individuals of a population.
    """

    transitions: int
    seconds: float
    train_reward: float
    cost: float
    cost_limit: float
    multiplier: float
    entropy: float
    validation_score: float
    validation_cost: float
    fitness_correlation: float = math.nan


class Progress(Protocol):
    """Receiver of progress: how many transitions are done, and a point of the curve when there is a new one."""

    def __call__(self, done: int, point: Point | None = None) -> None:
        """Take note."""


def _silent(done: int, point: Point | None = None) -> None:
    """Take no note."""


@dataclass(frozen=True)
class Run:
    """A training run as it was ordered.

    Attributes
    ----------
    size
        Size of the problem to train for.
    seed
        Of everything random in the run.
    out
        Folder for checkpoint, curve, summary and state.
    hyperparameters
        Of the agent's own type.
    preset
        Name of those that they were derived from.
    device
        ``"cpu"`` or ``"cuda"``.
    resume
        Go on where a run with the same settings was interrupted in this folder.
    progress
        Receiver of progress.
    """

    size: str
    seed: int
    out: Path
    hyperparameters: Any
    preset: str = "default"
    device: str = "cpu"
    resume: bool = False
    progress: Progress = _silent


def expect_fresh(out: Path) -> None:
    """Refuse a folder that holds a training run already.

    Raises
    ------
    InputError
        If it does; the sentence says which run, and how to go on with it if it was interrupted.
    """
    if (out / SUMMARY).exists():
        try:
            held = json.loads((out / SUMMARY).read_text())
            found = f"the finished run of {held['agent']} for size {held['size']} with seed {held['seed']}"
        except (OSError, ValueError, KeyError, TypeError):
            found = f"its {SUMMARY}"
    elif (out / STATE).exists():
        found = "an interrupted one, which --resume goes on with"
    elif left := [name for name in (CHECKPOINT, CURVE) if (out / name).exists()]:
        found = f"its {left[0]}"
    else:
        return
    raise InputError(f"{out}: expected a folder without a training run, found {found}")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold a folder, so that no second process trains into it; made if it is not there.

    Raises
    ------
    InputError
        If another process holds it, or it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{out}: expected a folder that can be written to, found {error.strerror or error}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(f"{out}: expected a folder that no other process trains into, found one at work") from None
    finally:
        os.close(descriptor)


class Record:
    """Curve, best checkpoint and state of one training run, on disk as they come, so that an interrupted run can go on.

    Parameters
    ----------
    run
        The run as it was ordered.
    header
        What else is known of it before it begins: agent and problem at least.
    validation
        What the validation score is, in words; smaller is better.
    limit
        Of the mean cost, if there is one.
    price
        What validation adds to the score for each unit of mean cost above the limit, well above what holding it takes, so that
        weights that miss the limit are chosen only if they miss it by little or all others score far worse. At 0 the limit is only
        drawn.

    Attributes
    ----------
    resumed
        The agent's state at the last point of the run that is resumed; None where a run begins.

    Raises
    ------
    InputError
        If the folder cannot be written to; holds a run and none is to be resumed; has none to be resumed; or one
        with other settings or versions.
    """

    def __init__(self, run: Run, header: Mapping[str, Any], *, validation: str, limit: float | None = None, price: float = 0.0) -> None:
        self._out, self._progress = run.out, run.progress
        ordered = {"size": run.size, "seed": run.seed, "preset": run.preset, "device": run.device}
        stated = {"validation": validation, "cost_limit": limit, "excess_price": price}
        versions = {package: version(package) for package in ("mecbench", "numpy", "torch")}
        tuned = {"hyperparameters": asdict(run.hyperparameters), "versions": versions | header.get("versions", {})}
        self._header = {**header, **ordered, **tuned, **stated}
        self._points: list[Point] = []
        self._best: Checkpoint | None = None
        self._spent = {"training_seconds": 0.0, "training_cpu_seconds": 0.0, "interruptions": 0}
        self.resumed: dict[str, Any] | None = None
        if run.resume:
            self._restore()
        else:
            expect_fresh(run.out)
            try:
                run.out.mkdir(parents=True, exist_ok=True)
                self._write_curve()
            except OSError as error:
                raise InputError(f"{run.out}: expected a folder that can be written to, found {error.strerror or error}") from None
        self._base = self._spent | {"interruptions": self._spent["interruptions"] + run.resume}
        self._started = time.perf_counter()
        self._processor_started = time.process_time()

    @property
    def last(self) -> int | None:
        """Transitions at the last point, None before the first."""
        return self._points[-1].transitions if self._points else None

    def tick(self, done: int) -> None:
        """Pass on how far the run is."""
        self._progress(done)

    def add(
        self,
        *,
        transitions: int,
        train_reward: float,
        entropy: float,
        validation_score: float,
        weights: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
        cost: float = math.nan,
        multiplier: float = math.nan,
        validation_cost: float = math.nan,
        fitness_correlation: float = math.nan,
    ) -> None:
        """Add a point to the curve, keep the weights if validation finds none better, and note the state to go on from.

        Parameters
        ----------
        transitions, train_reward, entropy, validation_score, cost, multiplier, validation_cost, fitness_correlation
            See `Point`.
        weights
            The actor's.
        state
            Everything that the rest of the run depends on, at the boundary of an episode; see `save_state`.
        """
        base, wall = self._base, time.perf_counter() - self._started
        self._spent = {
            "training_seconds": round(base["training_seconds"] + wall, 3),
            "training_cpu_seconds": round(base["training_cpu_seconds"] + time.process_time() - self._processor_started, 3),
            "interruptions": base["interruptions"],
        }
        seconds = self._spent["training_seconds"]
        drawn = math.nan if self._header["cost_limit"] is None else self._header["cost_limit"]
        told = train_reward, cost, drawn, multiplier, entropy, validation_score, validation_cost, fitness_correlation
        point = Point(transitions, seconds, *told)
        better = all(self._rank(point) < self._rank(earlier) for earlier in self._points)
        self._points.append(point)
        if better:
            chosen = {"validation_score": _number(validation_score), "validation_cost": _number(validation_cost)}
            header = self._header | {"chosen_at_transitions": transitions} | chosen
            self._best = Checkpoint(header, {name: np.array(array) for name, array in weights.items()})
        assert self._best is not None
        held = {
            "header": self._header,
            "points": [asdict(point) for point in self._points],
            "spent": self._spent,
            "best": {"header": self._best.header, "weights": self._best.weights},
            "agent": state,
        }
        save_state(held, self._out / STATE)  # first, since the other files can be had from it
        if better:
            self._write_checkpoint()
        self._write_curve()
        self._progress(transitions, point)

    def finish(self) -> Checkpoint:
        """Write the whole curve and what it cost into the checkpoint and the summary beside it."""
        checkpoint = self._write_checkpoint()
        (self._out / SUMMARY).write_text(json.dumps(checkpoint.header, indent=2) + "\n")
        return checkpoint

    def _rank(self, point: Point) -> float:
        return rank(point.validation_score, point.validation_cost, self._header["cost_limit"], self._header["excess_price"])

    def _restore(self) -> None:
        held = load_state(self._out / STATE)
        _expect_same(self._out, held["header"], self._header)
        self._points = [Point(**point) for point in held["points"]]
        self._best = Checkpoint(**held["best"])
        self._spent = held["spent"]
        self.resumed = held["agent"]
        self._write_checkpoint()
        self._write_curve()
        for point in self._points:
            self._progress(point.transitions, point)

    def _write_checkpoint(self) -> Checkpoint:
        assert self._best is not None
        columns = {field.name: [_number(getattr(point, field.name)) for point in self._points] for field in fields(Point)}
        spent = self._spent | {"transitions": self._points[-1].transitions, "curve": columns}
        checkpoint = Checkpoint(self._best.header | spent, self._best.weights)
        save_checkpoint(checkpoint, self._out / CHECKPOINT)
        return checkpoint

    def _write_curve(self) -> None:
        with (self._out / CURVE).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([field.name for field in fields(Point)])
            rows.writerows(asdict(point).values() for point in self._points)


def rank(score: float | None, cost: float | None, limit: float | None, price: float) -> float:
    """By what validation prefers weights, the least first: the score, and a price for each unit of mean cost above the limit.

    At a price well above the multiplier of the limit this is an exact penalty: what holds the limit wins over what is better by
    missing it, and yet weights that miss it by a hair are not behind ones that hold it by being of no use.
    """
    excess = 0.0 if limit is None else max(0.0, _last_if_unknown(cost) - limit)
    return _last_if_unknown(score) + (price * excess if price else 0.0)


def _last_if_unknown(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else value


def dotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of nested mappings under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= {f"{name}.{inner}": item for inner, item in dotted(value).items()} if isinstance(value, dict) else {name: value}
    return flat


def _number(value: float) -> float | None:
    """The value, or None where it is no number, for which JSON has no word."""
    return value if math.isfinite(value) else None


def _expect_same(out: Path, begun: Mapping[str, Any], ordered: Mapping[str, Any]) -> None:
    """Refuse to go on with a run in another way than it was begun, which would be neither of the two."""
    before, now = (dotted(json.loads(json.dumps(header))) for header in (begun, ordered))
    for name in before | now:
        if before.get(name) != now.get(name):
            found = f"{now.get(name)!r} instead of {before.get(name)!r}"
            raise InputError(f"{out}: expected the settings and versions that the run to be resumed was begun with, found {name} {found}")


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
