from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

MICRO = (
    "transitions=512",
    "instances=16",
    "repeats=4",
    "minibatch=64",
    "epochs=1",
    "width=8",
    "validations=2",
    "validation_instances=4",
)
SETTINGS = tuple(word for setting in MICRO for word in ("--set", setting))


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("p-edge/pop", "--size", "tiny"), "algorithm p-edge/pop: expected one that can be trained, one of p-edge/ppo"),
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
