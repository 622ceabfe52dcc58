"""A page has the learning curves of the checkpoints that ran."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.frame import to_frame
from mecbench.benchmarks.page import write_page
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.store import Store
from mecbench.instances import library
from mecbench.rl.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mecbench.rl.share_ppo import AGENT, SHIPPED
from mecbench.solvers.catalogue import resolve

CURVE = {"transitions": [0, 1000, 2000], "train_reward": [None, -3.0, -2.0], "cost": [9.0, 4.0, 2.5], "multiplier": [0.0, 0.5, 0.4]}


def _checkpoint(path: Path, seed: int) -> Path:
    shipped, _ = load_checkpoint(SHIPPED, AGENT)
    header = shipped.header | {"seed": seed, "curve": CURVE, "cost_limit": 3.0, "chosen_at_transitions": 1000}
    save_checkpoint(Checkpoint(header, shipped.weights), path)
    return path


def _drawn(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    plots: dict[str, Any] = json.loads(found.group(1))[0]["plots"]
    return plots


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of two training seeds of one agent, the first also sampled, and of the shipped checkpoint, of which no curve is known."""
    texts = [f"{AGENT}:checkpoint={_checkpoint(tmp_path / f'{seed}.npz', seed)}" for seed in (1, 2)]
    job = plan([library.load("p-edge-tiny-nsg-0000")], [resolve(text) for text in (*texts, f"{texts[0]},sampled=1", AGENT)], time_limit=5.0)
    with Store(tmp_path / "store") as own:
        harness.run(job, own)
    return tmp_path / "store"


def test_curves_come_from_the_checkpoints_that_ran(store: Path, tmp_path: Path) -> None:
    """Seeds of one agent are drawn as what they are; a checkpoint that was trained anew since is not passed off as the one that ran."""
    with Store(store, create=False) as own:
        runs = to_frame(own)
    plots = _drawn(write_page(runs, [], tmp_path / "site"))
    curves = plots["learning_curves"]["data"]["curves"]
    assert [(curve["agent"], curve["seed"]) for curve in curves] == [("p-edge/ppo [small]", 1), ("p-edge/ppo [small]", 2)]
    assert curves[0]["reward"] == [None, -3.0, -2.0]
    assert (curves[0]["limit"], curves[0]["chosen"]) == (3.0, 1000.0)
    assert "No curve is known of 1 training runs" in plots["learning_curves"]["text"]
    agents = {agent["agent"]: agent["seeds"] for agent in plots["learned_agents"]["data"]["agents"]}
    assert agents == {"p-edge/ppo [small]": 3, "p-edge/ppo:sampled=1 [small]": 1}

    shipped, _ = load_checkpoint(SHIPPED, AGENT)
    changed = {name: np.asarray(array) * 1.01 for name, array in shipped.weights.items()}
    save_checkpoint(Checkpoint(shipped.header | {"seed": 1, "curve": CURVE}, changed), tmp_path / "1.npz")
    (tmp_path / "2.npz").unlink()
    assert "learning_curves" not in _drawn(write_page(runs, [], tmp_path / "site"))
