"""How learned algorithms came about: what of a checkpoint's header goes into records and pages."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["agents", "summary"]

_KEPT = ("agent", "size", "preset", "seed", "transitions", "training_seconds", "training_cpu_seconds")


def summary(header: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a checkpoint's header to what a record keeps: who was trained, on what, from which seed, and at what cost.

    Parameters
    ----------
    header
        Of a checkpoint, see `mecbench.rl.checkpoints.Checkpoint`; empty for what was not trained.

    Returns
    -------
    dict
        As far as the header has them ``agent``, ``size``, ``preset``, ``seed``, ``transitions`` and the seconds of training
        (``training_seconds`` of wall clock, ``training_cpu_seconds``); with a ``recipe``, equal for training runs that differ
        in nothing but their seed.
    """
    if not header:
        return {}
    recipe = [header.get(name) for name in ("agent", "size", "preset", "hyperparameters")]
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    return {name: header[name] for name in _KEPT if name in header} | {"recipe": digest}


def agents(trained: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Name the agents that algorithms are: checkpoints from several seeds of one recipe are one agent.

    Parameters
    ----------
    trained
        Canonical name of each algorithm and the summary of its training.

    Returns
    -------
    list of str
        In the order given: of a learned algorithm its name without the checkpoint, with size and preset of its training, and
        with its recipe where two share all that; of any other its name.
    """
    given = list(trained)
    names = [_agent(*item) for item in given]
    recipes = defaultdict(set)
    for name, (_, training) in zip(names, given, strict=True):
        recipes[name].add(training.get("recipe"))
    return [
        f"{name.removesuffix(']')}, recipe {training['recipe']}]" if training and len(recipes[name]) > 1 else name
        for name, (_, training) in zip(names, given, strict=True)
    ]


def _agent(algorithm: str, training: Mapping[str, Any]) -> str:
    if not training:
        return algorithm
    name = re.sub(r"(?<=[:,])checkpoint=[^,]*,?", "", algorithm).rstrip(":,")
    return f"{name} [{', '.join(str(training[part]) for part in ('size', 'preset') if training.get(part)) or 'trained'}]"
