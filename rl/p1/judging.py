"""How networks do on instances, all side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mecbench.problems.p1 import Instance
from mecbench.rl.p1.episodes import Episodes
from mecbench.rl.p1.network import Network
from mecbench.rl.p1.packing import Packing
from mecbench.rl.p1.players import Player, rows_of

__all__ = ["objectives"]


def objectives(
    network: Network, packing: Packing, individuals: Sequence[Mapping[str, np.ndarray]], instances: Sequence[Instance]
) -> tuple[np.ndarray, int]:
    """Objective of each network on each of the same instances, without chance, shape [k, n]; and how many answers that took.

    Parameters
    ----------
    network, packing
        Of all of them.
    individuals
        Weights and statistics by name.
    instances
        That each plays.
    """
    number, again = len(instances), list(instances) * len(individuals)
    episodes = Episodes(lambda: again, len(again), packing, network.base == "outlook")
    players = [Player(network, weights) for weights in individuals]
    parts = [slice(turn * number, (turn + 1) * number) for turn in range(len(players))]
    seen, answers, over = episodes.reset(), 0, False
    while not over:
        answers += int(seen.any(axis=1).sum())
        chosen = [player.answer(rows_of(episodes.seen, part)) for player, part in zip(players, parts, strict=True)]
        moved = episodes.step(np.concatenate(chosen))
        seen, over = moved.observation, moved.over
    return episodes.metrics["objective"].reshape(len(players), number), answers
