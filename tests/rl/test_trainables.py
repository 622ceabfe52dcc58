"""What can be trained is asked for by names that exist, on devices that are there."""

from __future__ import annotations

import importlib.util

import pytest

from mecbench.problems.errors import InputError
from mecbench.rl.trainables import expect_device, expect_packages, hyperparameters

torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")

AGENT = "ring/walker"


def test_hyperparameters_are_a_preset_with_changes(ring):
    """Names reach into what an agent is made of; whatever is wrong is one sentence."""
    presets = ring.Walker.presets
    changed = hyperparameters(AGENT, presets, "long", {"validations": "8", "users.clip": "0.3", "users.anneal": "false"})
    assert (changed.transitions, changed.validations) == (presets["long"].transitions, 8)
    assert (changed.users.clip, changed.users.anneal, changed.users.epochs) == (0.3, False, 6)
    for preset, settings, sentence in (
        ("papr", {}, "unknown preset of ring/walker 'papr': the nearest"),
        ("long", {"users.clop": "1"}, "unknown hyper-parameter of ring/walker 'users.clop': the nearest .* users.clip"),
        ("long", {"users": "1"}, "unknown hyper-parameter of ring/walker 'users'"),
        ("long", {"users.clip": "-1"}, "hyper-parameter users.clip of ring/walker: expected greater than 0, found '-1'"),
        ("long", {"transitions": "many"}, "hyper-parameter transitions of ring/walker: expected a valid integer"),
    ):
        with pytest.raises(InputError, match=sentence):
            hyperparameters(AGENT, presets, preset, settings)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    """Also one that this agent has no use for; both in one sentence."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    expect_device(AGENT, ("cpu", "cuda"), "cpu")
    with pytest.raises(
        InputError, match=r"^option --device: expected cpu, since PyTorch finds no CUDA device on this machine, found 'cuda'$"
    ):
        expect_device(AGENT, ("cpu", "cuda"), "cuda")
    with pytest.raises(InputError, match=r"^option --device: expected cpu for ring/walker, found 'cuda'$"):
        expect_device(AGENT, ("cpu",), "cuda")


def test_missing_packages_are_named(monkeypatch):
    """The sentence says which one, and how to install it."""
    expect_packages(AGENT)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "stable_baselines3" else object())
    with pytest.raises(InputError, match=r"pip install 'mecbench\[rl\]'\), found no stable_baselines3$"):
        expect_packages(AGENT)
