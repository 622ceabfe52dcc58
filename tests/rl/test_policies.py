"""What learned policies share: the checkpoint that fits, another file, and errors in one sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.rl import policies
from mecbench.rl.checkpoints import Checkpoint, save_checkpoint
from mecbench.rl.policies import LearnedPolicy, flat, layers_of, shipped


@dataclass(frozen=True)
class Hyperparameters:
    """Of nobody."""

    width: int = 4


@dataclass
class Nobody(LearnedPolicy):
    """An agent without decisions."""

    name: ClassVar[str] = "nobody"
    problem: ClassVar[str] = "none"
    scale: ClassVar[tuple[str, ...]] = ("devices", "edges")
    presets: ClassVar[dict[str, Hyperparameters]] = {"default": Hyperparameters()}


def checkpoint(devices, edges, width=4):
    """One for instances of a scale."""
    header = {"agent": "none/nobody", "devices": devices, "edges": edges, "hyperparameters": asdict(Hyperparameters(width))}
    return Checkpoint(header, {"trunk/weight": np.zeros((devices, width), dtype=np.float32)})


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Folder of what ships: checkpoints for two scales."""
    monkeypatch.setattr(policies, "DATA", tmp_path)
    policies._all_shipped.cache_clear()
    for devices, edges in ((10, 2), (60, 5)):
        save_checkpoint(checkpoint(devices, edges), tmp_path / f"none-nobody-{devices}x{edges}.npz")
    yield tmp_path
    policies._all_shipped.cache_clear()


def test_the_nearest_scale_is_run(data):
    """By ratio, so that 24 devices are nearer to 10 than to 60 where edges say so too; the header tells what is run."""
    policy = Nobody()
    assert len(policy.headers) == 2
    for (devices, edges), expected in {(10, 2): 10, (24, 3): 10, (40, 4): 60, (240, 11): 60}.items():
        assert policy.fitting(devices, edges).header["devices"] == expected
        assert policy.header_for(SimpleNamespace(devices=devices, edges=edges))["devices"] == expected
    assert policy.version == 1
    assert policy.hyperparameters_of(policy.fitting(10, 2)) == Hyperparameters()


def test_a_file_of_ones_own_is_another_algorithm(data, tmp_path):
    """It is run whatever the scale, and told apart by its content."""
    save_checkpoint(checkpoint(7, 1, width=3), tmp_path / "own.npz")
    policy = Nobody(checkpoint=str(tmp_path / "own.npz"))
    assert policy.fitting(60, 5).header["devices"] == 7
    assert str(policy.version).startswith("sha256:")
    assert Nobody().version == 1


def test_weights_for_another_scale_are_refused_in_one_sentence(data):
    """The message says for which scale they are, not only that they differ."""
    policy = Nobody()
    loaded = policy.fitting(10, 2)
    policy.expect_shapes(loaded, {"trunk/weight": (10, 4)}, 10, 2)
    with pytest.raises(
        InputError, match=r"^algorithm none/nobody: expected .* 12 devices and 2 edges, found .* for 10 devices and 2 edges$"
    ):
        policy.expect_shapes(loaded, {"trunk/weight": (12, 4)}, 12, 2)


def test_an_agent_of_which_none_ships_says_how_to_come_by_one(data):
    """It can be listed, has no header, and is not run."""
    for path in data.glob("*.npz"):
        path.unlink()
    policies._all_shipped.cache_clear()
    policy = Nobody()
    assert policy.headers == []
    assert policy.header_for(SimpleNamespace(devices=1, edges=1)) == {}
    with pytest.raises(InputError, match="expected a checkpoint, as `mecbench train none/nobody` leaves it, found none shipped"):
        policy.fitting(1, 1)


def test_training_can_begin_from_what_ships(data):
    """By the name of a size; another one is refused."""
    assert shipped("none/nobody", "60x5").header["edges"] == 5
    with pytest.raises(InputError, match="expected a size with a shipped checkpoint, found '7x1'"):
        shipped("none/nobody", "7x1")


def test_layers_are_flattened_and_found_again():
    """The names of weights in a checkpoint hold their layer; only the first part of a name is one."""
    layers = {"users": {"head/weight_0": 1, "bias": 2}, "servers": {"weight": 3}}
    assert flat(layers) == {"users/head/weight_0": 1, "users/bias": 2, "servers/weight": 3}
    assert layers_of(flat(layers)) == layers
