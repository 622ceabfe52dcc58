"""A training run keeps its curve, its best weights and its state, says what it cost, and is never mixed with another."""

from __future__ import annotations

import csv
import json
import math
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from mecbench.problems.errors import InputError
from mecbench.rl.checkpoints import load_checkpoint
from mecbench.rl.ppo import Settings
from mecbench.rl.trainables import hyperparameters
from mecbench.rl.training import (
    CHECKPOINT,
    CURVE,
    STATE,
    SUMMARY,
    Record,
    Run,
    alone,
    expect_fresh,
    private_randomness,
    rank,
)

torch = pytest.importorskip("torch", reason="needs torch: pip install 'mecbench[rl]'")

AGENT = "ring/walker"
NO_REWARD = {"train_reward": math.nan, "entropy": 0.0}


def content(folder):
    """What a run left, without seconds: weights as bytes, header, curve."""
    checkpoint, _ = load_checkpoint(folder / CHECKPOINT, AGENT)
    curve = {name: str(column) for name, column in checkpoint.header["curve"].items() if name != "seconds"}
    timed = ("training_seconds", "training_cpu_seconds", "interruptions", "curve")
    header = {name: value for name, value in checkpoint.header.items() if name not in timed}
    return {name: array.tobytes() for name, array in checkpoint.weights.items()}, header, curve


@pytest.fixture(scope="module")
def trained(ring, tmp_path_factory):
    """Folder of a finished run."""
    out = tmp_path_factory.mktemp("trained")
    ring.Walker.train(Run("any", 3, out, ring.Hyperparameters()))
    return out


def test_a_killed_run_goes_on_to_the_same_result_bit_for_bit(ring, trained, tmp_path):
    """After SIGKILL between two points the weights, the curve and the choice are those of the run that nobody killed."""
    script = [sys.executable, ring.__file__, str(tmp_path), "3", "4000"]
    assert subprocess.run(script, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / SUMMARY).exists()
    assert [row["transitions"] for row in csv.DictReader((tmp_path / CURVE).read_text().splitlines())] == ["0", "1536", "3072"]
    told = []
    run = Run("any", 3, tmp_path, ring.Hyperparameters(), resume=True, progress=lambda done, point=None: told.append((done, point)))
    header = ring.Walker.train(run).header
    assert content(tmp_path) == content(trained)
    assert [done for done, point in told if point] == [0, 1536, 3072, 4608, 6144]
    assert (header["interruptions"], header["transitions"]) == (1, 6144)
    whole = load_checkpoint(trained / CHECKPOINT, AGENT)[0].header
    assert whole["interruptions"] == 0
    assert header["training_cpu_seconds"] > 0
    assert header["curve"]["seconds"] == sorted(header["curve"]["seconds"])


def test_a_finished_run_that_is_resumed_stays_as_it_is(ring, trained, tmp_path):
    """The same command again costs nothing and changes nothing, not even the time that was spent."""
    before = (trained / SUMMARY).read_bytes(), (trained / CHECKPOINT).read_bytes(), (trained / CURVE).read_bytes()
    ring.Walker.train(Run("any", 3, trained, ring.Hyperparameters(), resume=True))
    assert before == ((trained / SUMMARY).read_bytes(), (trained / CHECKPOINT).read_bytes(), (trained / CURVE).read_bytes())


def test_training_learns_within_the_limit(ring, tmp_path):
    """The weights that are kept beat walking always, whose cost is 0, and hold the limit that running always breaks twice over."""
    run = Run("any", 0, tmp_path, ring.Walker.presets["long"], "long")
    header = ring.Walker.train(run).header
    walking = 4.5  # steps to a goal that is 1 to 8 away
    assert header["validation_cost"] <= ring.LIMIT == header["cost_limit"]
    assert header["validation_score"] < 0.8 * walking
    assert max(header["curve"]["multiplier"]) > 0.1
    assert max(number for number in header["curve"]["cost"] if number is not None) > ring.LIMIT


def test_the_header_holds_the_whole_curve(trained):
    """A checkpoint alone can be drawn: columns of one length, JSON without NaN, the same as in the file beside it."""
    header = load_checkpoint(trained / CHECKPOINT, AGENT)[0].header
    rows = list(csv.DictReader((trained / CURVE).read_text().splitlines()))
    assert list(header["curve"]) == list(rows[0])
    for name, column in header["curve"].items():
        assert [math.nan if value is None else value for value in column] == pytest.approx([float(row[name]) for row in rows], nan_ok=True)
    assert header["curve"]["train_reward"][0] is None
    assert set(header["curve"]["cost_limit"]) == {0.5}
    assert json.loads((trained / SUMMARY).read_text()) == header
    assert (header["preset"], header["device"], header["seed"], header["size"]) == ("default", "cpu", 3, "any")
    assert header["hyperparameters"]["users"]["epochs"] == 6
    assert {"mecbench", "numpy", "torch"} <= set(header["versions"])


@pytest.mark.parametrize(("price", "expected"), [(20.0, 3), (0.0, 1), (0.5, 1)])
def test_validation_chooses_by_score_and_priced_excess(tmp_path, price, expected):
    """Weights that hold the limit come before better ones that miss it, unless it is missed by a hair; unpriced, the score decides."""
    record = Record(Run("any", 0, tmp_path, Settings()), {"agent": AGENT}, validation="score", limit=1.0, price=price)
    scores, costs = (90.0, 2.0, 10.0, 3.0, 3.0), (1.0, 1.5, 0.5, 1.01, 1.02)
    for turn, (score, cost) in enumerate(zip(scores, costs, strict=True)):
        found = {"validation_score": score, "validation_cost": cost, "weights": {"turn": np.array(turn)}}
        record.add(transitions=turn, **NO_REWARD, **found, state={})
        kept = load_checkpoint(tmp_path / CHECKPOINT, AGENT)[0]
        assert kept.header["chosen_at_transitions"] == kept.weights["turn"]
    assert record.finish().weights["turn"] == expected


def test_unknown_values_come_last():
    """A score or a cost that is no number is never better than one that is."""
    assert rank(1.0, None, None, 20.0) == rank(1.0, None, 5.0, 0.0) == 1.0
    assert rank(1.0, 5.0, None, 20.0) < rank(2.0, 0.0, None, 20.0) < rank(math.nan, 0.0, None, 20.0)
    assert rank(9.0, 1.0, 1.0, 20.0) < rank(1.0, 1.5, 1.0, 20.0) < rank(1.0, math.nan, 1.0, 20.0)


def test_weights_are_copied(tmp_path):
    """An agent that goes on changing its arrays in place does not change what was kept."""
    record = Record(Run("any", 0, tmp_path, Settings()), {"agent": AGENT}, validation="score")
    weights = {"w": np.zeros(2)}
    record.add(transitions=0, **NO_REWARD, validation_score=1.0, weights=weights, state={})
    weights["w"] += 1.0
    record.add(transitions=1, **NO_REWARD, validation_score=2.0, weights=weights, state={})
    assert (record.finish().weights["w"] == 0.0).all()


def test_a_folder_with_a_run_is_never_written_over(ring, trained, tmp_path):
    """Finished, interrupted or half deleted: each is named, and nothing in the folder changes."""
    sentence = f"^{trained}: expected a folder without a training run, found the finished run of ring/walker for size any with seed 3$"
    before = (trained / CHECKPOINT).read_bytes()
    with pytest.raises(InputError, match=sentence):
        ring.Walker.train(Run("any", 4, trained, ring.Hyperparameters()))
    assert (trained / CHECKPOINT).read_bytes() == before
    for name, words in (
        (CURVE, "its curve.csv"),
        (CHECKPOINT, "its checkpoint.npz"),
        (STATE, "an interrupted one, which --resume goes on with"),
    ):
        (tmp_path / name).write_text("")
        with pytest.raises(InputError, match=f"found {words}$"):
            expect_fresh(tmp_path)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"seed": 4}, "seed 4 instead of 3"),
        ({"size": "other"}, "size 'other' instead of 'any'"),
        ({"preset": "long"}, "preset 'long' instead of 'default'"),
        ({"hyperparameters": 7}, "hyperparameters.users.clip 0.7 instead of 0.2"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(ring, trained, change, found):
    """What would be neither of two runs is refused, and the first difference named."""
    if "hyperparameters" in change:
        change = {"hyperparameters": hyperparameters(AGENT, ring.Walker.presets, "default", {"users.clip": "0.7"})}
    ordered = {"size": "any", "seed": 3, "out": trained, "hyperparameters": ring.Hyperparameters(), "resume": True} | change
    with pytest.raises(InputError, match=f"expected the settings and versions .* begun with, found {found}$"):
        ring.Walker.train(Run(**ordered))


def test_nothing_is_resumed_from_nothing(ring, tmp_path):
    """Without a state there is nothing to go on with; a file that is none is said to be none and never executed."""
    run = Run("any", 3, tmp_path, ring.Hyperparameters(), resume=True)
    with pytest.raises(InputError, match=f"^{tmp_path / STATE}: expected the state of an interrupted training run, found No such file"):
        ring.Walker.train(run)
    for content in (b"", b"no state", b"cos\nsystem\n(S'false'\ntR."):
        (tmp_path / STATE).write_bytes(content)
        with pytest.raises(InputError, match="expected the state of an interrupted training run, found something else"):
            ring.Walker.train(run)


def test_one_process_at_a_time_trains_into_a_folder(tmp_path):
    """A second one is refused while the first is at work, and welcome afterwards."""
    with alone(tmp_path / "out"), pytest.raises(InputError, match="no other process trains into"), alone(tmp_path / "out"):
        pass
    with alone(tmp_path / "out"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder that can be written to"), alone(tmp_path / "file" / "out"):
        pass


def test_training_gives_global_generators_back():
    """Whatever is drawn inside, outside nothing has happened, and threads are as many as before."""
    before = random.getstate(), np.random.get_state()[2], torch.get_rng_state(), torch.get_num_threads()
    with private_randomness():
        random.random(), np.random.random(), torch.rand(1)
        assert torch.get_num_threads() == 1
    after = random.getstate(), np.random.get_state()[2], torch.get_rng_state(), torch.get_num_threads()
    assert (before[0], before[1], before[3]) == (after[0], after[1], after[3])
    assert torch.equal(before[2], after[2])
