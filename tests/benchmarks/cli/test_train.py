from __future__ import annotations

import csv
import importlib.util
import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mecbench.benchmarks.training import Failed, side_by_side
from mecbench.problems.errors import InputError
from mecbench.rl.share_ppo import PPO
from mecbench.rl.trainables import hyperparameters
from mecbench.rl.training import Point, Record, Run

MICRO = {
    "transitions": "512",
    "instances": "16",
    "repeats": "4",
    "minibatch": "64",
    "epochs": "1",
    "width": "8",
    "validations": "2",
    "validation_instances": "4",
}
SETTINGS = tuple(word for name, value in MICRO.items() for word in ("--set", f"{name}={value}"))


@pytest.fixture
def rl() -> None:
    """Skip without the packages that training needs."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")


def test_train_leaves_what_run_needs(mecbench, rl, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Checkpoint, curve and summary are written, progress is told on the way, and the proposed next command runs."""
    answer = mecbench("train", "p-edge/ppo", "--size", "tiny", "--seed", "3", "--out", tmp_path / "agent", *SETTINGS)
    assert answer.code == 0
    lines = [line for line in answer.err.splitlines() if "transitions" in line]
    assert [line.split()[0] for line in lines] == ["0", "256", "512"]
    assert all("left" in line and "validation 0." in line for line in lines)
    assert "curve" in answer.out
    rows = list(csv.DictReader((tmp_path / "agent" / "curve.csv").read_text().splitlines()))
    assert [row["transitions"] for row in rows] == ["0", "256", "512"]
    summary = json.loads((tmp_path / "agent" / "training.json").read_text())
    assert (summary["agent"], summary["size"], summary["seed"], summary["transitions"]) == ("p-edge/ppo", "tiny", 3, 512)
    assert summary["hyperparameters"]["width"] == 8
    name = f"p-edge/ppo:checkpoint={tmp_path / 'agent' / 'checkpoint.npz'}"
    assert name in answer.out
    done = mecbench("run", workplace / "demo.toml", "--algorithms", name, "--out", tmp_path / "results", "--json").json
    assert done["statuses"] == {"ok": 2}


def test_train_prints_json_alone(mecbench, rl, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A script gets the summary, and nothing on stderr."""
    answer = mecbench("train", "p-edge/ppo", "--size", "tiny", "--out", tmp_path, *SETTINGS, "--json")
    assert answer.json == json.loads((tmp_path / "training.json").read_text()) | {
        "checkpoint": str(tmp_path / "checkpoint.npz"),
        "curve_file": str(tmp_path / "curve.csv"),
    }
    assert answer.err == ""


def test_an_interrupted_train_goes_on(mecbench, refused, rl, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Ctrl-C leaves a state and code 130; the folder is refused until --resume, which finishes; then both say that it is finished."""
    words = ("train", "p-edge/ppo", "--size", "tiny", "--out", tmp_path, *SETTINGS)
    tick = Record.tick

    def interrupt(self: Record, done: int) -> None:
        tick(self, done)
        if done >= 512:
            raise KeyboardInterrupt

    monkeypatch.setattr(Record, "tick", interrupt)
    assert mecbench(*words).code == 130
    monkeypatch.undo()
    assert refused(*words) == f"{tmp_path}: expected a folder without a training run, found an interrupted one, which --resume goes on with"
    assert "begun with, found hyperparameters.epochs 2 instead of 1" in refused(*words, "--set", "epochs=2", "--resume")
    answer = mecbench(*words, "--resume")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.err.splitlines()] == ["0", "256", "512"]
    assert "found the finished run of p-edge/ppo for size tiny with seed 0" in refused(*words)
    summary = mecbench(*words, "--resume", "--json").json
    assert (summary["interruptions"], summary["transitions"]) == (1, 512)


@pytest.mark.slow
def test_seeds_are_trained_side_by_side(mecbench, refused, rl, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Each in a folder and a process of its own, with the weights that it would have alone; the best is proposed."""
    words = ("train", "p-edge/ppo", "--size", "tiny", "--seeds", "2", "--jobs", "2", "--out", tmp_path, *SETTINGS)
    answer = mecbench(*words)
    assert answer.code == 0
    assert {line.split(":")[0] for line in answer.err.splitlines()} == {"seed 0", "seed 1"}
    headers = [json.loads((tmp_path / f"seed-{seed}" / "training.json").read_text()) for seed in (0, 1)]
    assert [header["seed"] for header in headers] == [0, 1]
    best = min(headers, key=lambda header: header["validation_score"])["seed"]
    assert f"checkpoint={tmp_path / f'seed-{best}' / 'checkpoint.npz'}" in answer.out
    assert f"of seed {best}" in answer.out
    alone = mecbench("train", "p-edge/ppo", "--size", "tiny", "--seed", "1", "--out", tmp_path / "alone", *SETTINGS, "--json")
    assert alone.json["curve"]["validation_score"] == headers[1]["curve"]["validation_score"]
    own, other = (np.load(folder / "checkpoint.npz") for folder in (tmp_path / "seed-1", tmp_path / "alone"))
    assert all((own[name] == other[name]).all() for name in own.files if name != "header")
    assert f"{tmp_path / 'seed-0'}: expected a folder without a training run" in refused(*words)


@pytest.mark.slow
def test_a_seed_whose_process_dies_takes_no_other_with_it(rl, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """What became of it is said, and the seed that waited for its place is trained."""
    runs = [Run("tiny", seed, tmp_path / str(seed), hyperparameters("p-edge/ppo", PPO.presets, "default", MICRO)) for seed in (0, 1)]

    def kill(place: int, done: int, point: Point | None) -> None:
        if place == 0:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGKILL)  # type: ignore[arg-type]

    lost, header = side_by_side(PPO, runs, 1, kill)
    assert isinstance(lost, Failed)
    assert str(lost) == "its process ended with signal SIGKILL"
    assert isinstance(header, dict)
    assert header["seed"] == 1
    with pytest.raises(InputError, match="expected a folder without a training run"):
        side_by_side(PPO, runs[1:], 1, kill)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("p-edge/ppo", "--size", "tiny", "--preset", "papr"), "unknown preset of p-edge/ppo 'papr': the nearest"),
        (("p-edge/ppo", "--size", "tiny", "--device", "cuda"), "option --device: expected cpu for p-edge/ppo, found 'cuda'"),
        (("p-edge/ppo", "--size", "tiny", "--resume"), "agent/state.pt: expected the state of an interrupted training run, which"),
        (("p-edge/ppo", "--size", "tiny", "--resume", "--seeds", "2"), "agent/seed-*/state.pt: expected the state of an interrupted"),
        (("p-edge/pop", "--size", "tiny"), "algorithm p-edge/pop: expected one that can be trained, one of cmg/cpo-maddpg"),
        (("p-edge/threshold", "--size", "tiny"), "algorithm p-edge/threshold: expected one that can be trained"),
        (("p-edge/ppo", "--size", "paper"), "option --size: expected a size with a number of devices, one of tiny, small, large"),
        (("p-edge/ppo", "--size", "tiny", "--set", "width"), "option --set: expected key=value, found 'width'"),
        (("p-edge/ppo", "--size", "tiny", "--set", "wdth=3"), "unknown hyper-parameter of p-edge/ppo 'wdth'"),
        (("p-edge/ppo", "--size", "tiny", "--set", "width=wide"), "hyper-parameter width of p-edge/ppo: expected a valid integer"),
        (("p-edge/ppo", "--size", "tiny", "--set", "transitions=0"), "hyper-parameter transitions of p-edge/ppo: expected"),
        (("p-edge/ppo", "--size", "tiny", "--seed", "-1"), "Invalid value for '--seed'"),
    ],
)
def test_bad_input_is_one_sentence(refused, rl, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:  # type: ignore[no-untyped-def]
    """Whatever is wrong is named before any training."""
    assert sentence in refused("train", *words, "--out", tmp_path / "agent")
    assert not (tmp_path / "agent" / "checkpoint.npz").exists()


def test_a_folder_that_cannot_be_is_refused(refused, rl, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Nobody trains for minutes to learn that the result has no place."""
    (tmp_path / "file").write_text("")
    assert "found the file" in refused("train", "p-edge/ppo", "--size", "tiny", "--out", tmp_path / "file" / "agent")


def test_missing_packages_are_named(refused, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Without the extra, the sentence says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'mecbench[rl]'" in refused("train", "p-edge/ppo", "--size", "tiny", "--out", tmp_path)


def test_a_bad_checkpoint_is_refused_by_run(refused, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A wrong path ends in one sentence before the first run."""
    name = f"p-edge/ppo:checkpoint={tmp_path / 'none.npz'}"
    assert "none.npz" in refused("run", workplace / "demo.toml", "--algorithms", name, "--out", tmp_path / "results")
