"""What is left of the tasks will cost about so much: an estimate in closed form, causal, and the rule that answers by it.

The server's slots to come are shared equally by all tasks that are there or to be expected, which tells what a share of it is worth. A task
goes on where it is or at the server, whichever is cheaper. Learned values may begin with the same estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from mecbench.problems.p1.instance import SERVER
from mecbench.problems.p1.layout import TASK_FEATURES, Layout
from mecbench.problems.task import Observation
from mecbench.solvers.outcome import Kind, Sees
from mecbench.solvers.p1.answers import GIGA, Charges, action_of, values

__all__ = ["Estimate", "Outlook", "algorithms", "best_share"]

WAITING = 1.2  # what is put off costs more than planned, as a rule; chosen on validation instances of the seeds 10000 to 10059
_NOTHING = 1e-9  # bits in place of none, as there may be no link


def best_share(energy: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Share at which a gigacycle costs least, of its weighted energy and time at one per cent; infinite where energy is free."""
    with np.errstate(divide="ignore"):
        best: np.ndarray = np.where(energy > 0, (time / (2.0 * energy)) ** (1 / 3), np.inf)
    return best


class Estimate:
    """Estimates for a batch of episodes.

    Parameters
    ----------
    static
        What `Task.static` gives.
    layout
        Of the task.
    charges
        What hops and blocks cost.
    """

    def __init__(self, static: dict[str, np.ndarray], layout: Layout, charges: Charges) -> None:
        from mecbench.solvers.p1.outlook_compiled import Prospects

        rest = (charges.total[:, -1:] - charges.total) / GIGA
        link, rate = static["link"], static["rate"]
        with np.errstate(divide="ignore"):
            direct = np.where(link[:, :, SERVER], 1.0 / rate[:, :, SERVER], np.inf)
            between = np.where(link, 1.0 / rate, np.inf)
        direct[:, SERVER] = 0.0
        relayed = (between + direct[:, None]).min(axis=2)
        each = charges.hop_weight[:, None, None] * np.maximum(charges.bits, _NOTHING)[:, None]
        # Shares on other nodes: at least cost, at most what is available in the mean, enough to be in time in one second.
        self._known = Prospects(
            waiting=WAITING,
            window=layout.window,
            penalty=static["penalty"],
            slots=static["slots"],
            arrivals=static["arrival_rate"] * (layout.nodes - 1),
            direct=each * direct[..., None],
            any_way=each * np.minimum(direct, relayed)[..., None],
            rest=rest,
            energy=charges.energy,
            time=charges.time,
            best=best_share(charges.energy, charges.time),
            most=(100 + static["least_availability"]) / 2.0,
            one_second=rest[:, None] / (static["frequency"][..., None] / 1e11),
        )

    def look(self, observation: Observation, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a share of each node is worth to others [B, M], and what all tasks will cost if the asked one stands after l layers at each.

        Parameters
        ----------
        observation
            Of the task.
        asked
            Of `Layout.asked`.

        Returns
        -------
        tuple
            Shapes [B, M] and [B, M, L + 1]; a task that is out of slots pays the penalty. As no block ends after layer 0, that column is of
            no block: the task stands there after the layers that are done.
        """
        from mecbench.solvers.p1.outlook_compiled import look

        toll, future = np.empty(self._known.energy.shape), np.empty(self._known.one_second.shape)
        look(self._known, asked, *(observation[name] for name in ("nodes", "agents", "shared")), toll, future)
        future[..., 0] = future[np.arange(len(asked)), :, asked[:, TASK_FEATURES.index("layers_done")].astype(np.int64)]
        return toll, future


@dataclass
class Outlook:
    """Each task in turn takes the answer that costs least at once and by the estimate of what follows for all tasks.

    Nothing is learned and nothing is random.
    """

    name: ClassVar[str] = "outlook"
    kind: ClassVar[Kind] = "heuristic"
    sees: ClassVar[Sees] = "central"
    version: ClassVar[int] = 1
    requires: ClassVar[tuple[str, ...]] = ()

    _layout: Layout = field(init=False, repr=False, compare=False)
    _charges: Charges = field(init=False, repr=False, compare=False)
    _estimate: Estimate = field(init=False, repr=False, compare=False)

    def reset(self, static: dict[str, np.ndarray], batch: int, seed: int) -> None:
        """Learn the worlds."""
        self._layout, self._charges = Layout.of(static), Charges(static)
        self._estimate = Estimate(static, self._layout, self._charges)

    def act(self, observation: Observation) -> np.ndarray:
        """Answer for the asked task of every episode."""
        worth = self.values(observation)
        nodes = np.broadcast_to(np.arange(self._layout.nodes), worth.shape[:2])
        return action_of(worth.reshape(len(worth), -1).argmax(axis=1), nodes, self._layout.layers)

    def values(self, observation: Observation) -> np.ndarray:
        """Minus what all tasks will cost after every answer, as `answers.values` gives it for all nodes; shape [B, M, L 100 + 1]."""
        asked = self._layout.asked(observation)
        node, done = (asked[:, TASK_FEATURES.index(name)].astype(np.int64) for name in ("node", "layers_done"))
        toll, future = self._estimate.look(observation, asked)
        prices = np.concatenate((self._charges.prices(self._charges.hop(node, done)), toll[..., None]), axis=-1)
        found: np.ndarray = values(np, observation["mask"], prices, self._charges.work(done), future)
        return found


algorithms = (Outlook,)
