"""How learned algorithms came about: what of a checkpoint's header goes into records and pages."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["CURVE", "agent", "curve", "summary"]

CURVE = ("transitions", "reward", "cost", "limit", "multiplier", "chosen")

_KEPT = ("agent", "size", "preset", "world", "seed", "transitions", "training_seconds", "training_cpu_seconds")


def summary(header: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a checkpoint's header to what a record keeps: who was trained, on what, from which seed, and at what cost.

    Parameters
    ----------
    header
        Of a checkpoint, see `mecbench.rl.checkpoints.Checkpoint`; empty for what was not trained.

    Returns
    -------
    dict
        As far as the header has them ``agent``, ``size``, ``preset``, ``world`` (where all training was in one), ``seed``,
        ``transitions`` and the seconds of training (``training_seconds`` of wall clock, ``training_cpu_seconds``); the ``multiplier``
        of the limit when the checkpoint was taken, if it was learned; with a ``recipe``, equal for training runs that differ in
        nothing but their seed.
    """
    if not header:
        return {}
    recipe = [header.get(name) for name in ("agent", "size", "preset", "hyperparameters")]
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    chosen = [point["multiplier"] for point in curve(header) if point["transitions"] == point["chosen"]]
    learned = {"multiplier": chosen[0]} if chosen and not math.isnan(chosen[0]) else {}
    return {name: header[name] for name in _KEPT if name in header} | learned | {"recipe": digest}


def agent(algorithm: str, training: Mapping[str, Any]) -> str:
    """Name the agent that an algorithm is: one for all checkpoints that were trained alike.

    Parameters
    ----------
    algorithm
        Canonical name.
    training
        Summary of its training.

    Returns
    -------
    str
        Of a learned algorithm its name without the checkpoint, with size, preset and world of its training; of any other its name.
    """
    if not training:
        return algorithm
    name = re.sub(r"(?<=[:,])checkpoint=[^,]*,?", "", algorithm).rstrip(":,")
    told = [str(training[part]) for part in ("size", "preset") if training.get(part) not in (None, "", "default")]
    told += [f"world {training['world']}"] if training.get("world") is not None else []
    return f"{name} [{', '.join(told) or 'trained'}]"


def curve(header: Mapping[str, Any]) -> list[dict[str, float]]:
    """Read the learning curve of a checkpoint's header, NaN where it says nothing; empty if it has none.

    Returns
    -------
    list of dict
        Points in their order, of `CURVE`: ``transitions`` learned from, mean ``reward`` of training, mean ``cost`` of what is limited and
        its ``limit``, ``multiplier``, and ``chosen``, the transitions after which the checkpoint was taken.
    """
    columns = header.get("curve") or {}
    names = {"reward": "train_reward"}
    known = {name: columns.get(names.get(name, name)) for name in CURVE}
    fixed = {"limit": header.get("cost_limit"), "chosen": header.get("chosen_at_transitions")}
    points = []
    for place in range(len(known["transitions"] or ())):
        values = {name: column[place] if column else None for name, column in known.items()} | fixed
        points.append({name: math.nan if value is None else float(value) for name, value in values.items()})
    return points
