"""Training runs of a few seconds: again and resumed the same to the bit, chosen by validation, with what tells the agents apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.p1 import SIZES
from mecbench.rl.p1.hyperparameters import CERL_PRESETS, D2QN_PRESETS, DDQN_PRESETS, Shape
from mecbench.rl.p1.learning import Draws, width_of
from mecbench.rl.p1.policy import CERL, D2QN, DDQN
from mecbench.rl.p1.rows import RowNetwork
from mecbench.rl.training import Run

NARROW = Shape(widths=(8,), head_widths=(8,))
COMMON = {"transitions": 90, "network": NARROW, "validations": 2, "validation_instances": 3}
SHORT = {"updates": 1, "batch": 8, "warmup": 20, "replay": 400}
QUICK = replace(DDQN_PRESETS["default"].dqn, batch=16, replay=400, warmup=40, every=10)
MICRO = {
    CERL: replace(
        CERL_PRESETS["default"],
        population=4,
        elites=2,
        interacting=1,
        sample=8,
        instances=1,
        episodes=1,
        correlated_instances=1,
        **SHORT,
        **COMMON | {"transitions": 240},
    ),
    DDQN: replace(DDQN_PRESETS["default"], episodes=2, dqn=QUICK, **COMMON),
    D2QN: replace(D2QN_PRESETS["default"], episodes=2, dqn=replace(QUICK, exploration="noise"), **COMMON),
}


class KilledError(Exception):
    """The run was interrupted."""


def left(checkpoint):
    """What a run left, without seconds."""
    curve = {name: str(column) for name, column in checkpoint.header["curve"].items() if name != "seconds"}
    return {name: array.tobytes() for name, array in checkpoint.weights.items()}, curve, checkpoint.header["chosen_at_transitions"]


@pytest.mark.parametrize("agent", MICRO, ids=lambda agent: agent.name)
def test_a_run_again_and_a_run_resumed_are_the_run(agent, tmp_path):
    """One seed, one result; killed after a point and resumed, bit by bit the same. The header says which devices, and validation chose."""
    pytest.importorskip("stable_baselines3", reason="needs stable-baselines3: pip install 'mecbench[rl]'")
    chosen = MICRO[agent]

    def killed(done, point=None):
        if point is not None and done > 0:
            raise KilledError

    whole = agent.train(Run("n5", 3, tmp_path / "whole", chosen))
    with pytest.raises(KilledError):
        agent.train(Run("n5", 3, tmp_path / "again", chosen, progress=killed))
    resumed = agent.train(Run("n5", 3, tmp_path / "again", chosen, resume=True))
    assert left(resumed) == left(whole)
    header, curve = whole.header, whole.header["curve"]
    assert (header["agent"], header["devices"], len(curve["transitions"]) > 2) == (f"p1/{agent.name}", 5, True)
    assert header["validation_score"] == min(curve["validation_score"])
    correlations = [number for number in curve["fitness_correlation"] if number is not None]
    assert (len(correlations) > 0) == (agent is CERL)
    assert all(-1 <= number <= 1 for number in correlations)


def test_what_tells_the_agents_apart():
    """CERL evolves a population; DDQN and D2QN have none. D2QN alone is dueling and explores by noise on its parameters."""
    for name in ("default", "paper"):
        assert not hasattr(DDQN.presets[name], "population")
        assert CERL.presets[name].population > 1
        plain, noisy = DDQN.presets[name].dqn, D2QN.presets[name].dqn
        assert plain == replace(noisy, exploration="epsilon", noise=plain.noise, decay=plain.decay)
        assert (DDQN.presets[name].dqn.exploration, D2QN.presets[name].dqn.exploration) == ("epsilon", "noise")
        assert DDQN.presets[name].network == D2QN.presets[name].network
    assert (CERL.dueling, DDQN.dueling, D2QN.dueling) == (False, False, True)


def test_rows_are_what_the_learner_takes(worlds, layout, shape, start, filled, torch):
    """Over packed rows, masks and values are the network's own, in NumPy and PyTorch; a row that is over admits nothing."""
    shape = replace(shape, norm="layer")
    network, packing, episodes, _ = start(worlds, layout, shape)
    rows = packing.pack(episodes.seen, np.arange(len(worlds)) > 0)
    taken, weights = RowNetwork(network, packing), filled(network)
    encoded = taken.encode(np, rows)
    mask = encoded.mask
    assert not mask[0].any()
    assert mask[1:].any(axis=1).all()
    ours = taken.values(np, weights, encoded)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    again = taken.encode(torch, torch.from_numpy(rows))
    theirs = taken.values(torch, tensors, again).numpy()
    assert np.array_equal(again.mask.numpy(), mask)
    assert ours[mask] == pytest.approx(theirs[mask], rel=1e-5, abs=1e-5)


def test_instances_never_come_twice():
    """Of two draws, and of two runs, all instances differ; there is room for the tasks of any of them."""
    draws = [Draws(SIZES["n5"], seed) for seed in (0, 1)]
    drawn = [instance for draw in draws for _ in range(2) for instance in draw(3)]
    assert len({instance.frequency.tobytes() for instance in drawn}) == 12
    assert max(instance.tasks for instance in drawn) <= width_of(SIZES["n5"]) == 12
    assert width_of(SIZES["n10"]) >= 45


def test_sizes_that_vary_are_refused(tmp_path):
    """Episodes side by side have equally many devices; one sentence says so before anything is trained."""
    with pytest.raises(InputError, match="size of p1 with one number of devices and slots"):
        CERL.train(Run("tiny", 0, tmp_path, MICRO[CERL]))
