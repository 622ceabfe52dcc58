"""P as a reinforcement-learning task: deployment, association and allocation, slot after slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mecbench.problems.p.allocation import Choices, split
from mecbench.problems.p.instance import Instance
from mecbench.problems.p.layout import ALLOCATION, ASSOCIATION, DEPLOYMENT, Layout, Shows
from mecbench.problems.p.solution import Solution
from mecbench.problems.p.worlds import Outcome, Worlds
from mecbench.problems.task import Observation, Reward, Step

if TYPE_CHECKING:
    from gymnasium import spaces

__all__ = ["FAILURE_REWARD", "HIT_WEIGHT", "MIGRATION_WEIGHT", "OVERRUN_WEIGHT", "Task"]

HIT_WEIGHT, MIGRATION_WEIGHT = 1.0, 0.1  # mu_hit and mu_mig of (24); not in the paper
OVERRUN_WEIGHT, FAILURE_REWARD = 0.1, -500.0  # mu3 and R^fail of (25); not in the paper

GIGA = 1e9
_TOTALS = ("objective", "mean_delay_s", "mean_energy_j", "mean_privacy", "success_rate")  # in the order of `add_up`


class Task:
    """A batch of episodes of T slots, stepped a phase at a time; `Layout` says where everything stands.

    In each slot the servers deploy (where an interval begins, before its first requests are seen), then every user
    chooses a server and a cut, then every server splits its bandwidth and compute among its users that hit. Every
    action is feasible: a deployment keeps what fits, a cut beyond the last is the last, fractions that sum to more
    than 1 are scaled down. A user may choose a server without its service, against the mask, and fails, as P allows.
    A user that needs a share and is given 0 waits for ever: its cost is infinite, as the evaluator says too.

    Rewards come with the step that ends a slot, in the rows of those who earn them; the cost is every user's delay
    (27), failures included. The instances of a batch may differ in their numbers of users only.

    Parameters
    ----------
    reward
        ``"objective"`` pays each user -(cost_r + multiplier tau_r), so that an episode's sum is
        -N (objective + multiplier average delay); ``"paper"`` pays users (25) and allocation agents (26), and, at the
        end of each interval, deployment agents (24) for the hits and the placements of that interval.
    width
        Pads the users so that there are at least this many agents.
    shows
        ``"paper"`` observations (14) to (18), or ``"extended"`` ones with the channels and devices beside.
    analytic_allocation
        Leaves the third phase out and splits by the closed form at the multiplier instead.
    multiplier
        lambda >= 0 [1/s], read at each reset: what a learner moves between episodes. A policy that wants another one
        in every slot splits by `allocation.split` itself, in the third phase.
    """

    def __init__(
        self,
        reward: Reward = "objective",
        width: int = 0,
        *,
        shows: Shows = "extended",
        analytic_allocation: bool = False,
        multiplier: float = 0.0,
    ) -> None:
        self.reward = reward
        self.width = width
        self.shows = shows
        self.analytic_allocation = analytic_allocation
        self.multiplier = multiplier
        self._slot = 0
        self._phase = DEPLOYMENT
        self._worlds: Worlds | None = None

    def observation_space(self, instances: Sequence[Instance]) -> spaces.Dict:
        """Gymnasium space of one episode's observation, wide enough for all of the instances."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        return spaces.Dict(
            {
                "phase": spaces.Discrete(3),
                "mask": spaces.MultiBinary((layout.agents, layout.admissible)),
                "agents": spaces.Box(0.0, np.inf, (layout.agents, layout.features), np.float64),
                "shared": spaces.Box(0.0, np.inf, (layout.shared,), np.float64),
            }
        )

    def action_space(self, instances: Sequence[Instance]) -> spaces.Box:
        """Gymnasium space of one episode's joint action: indices are rounded, priorities and fractions are not."""
        from gymnasium import spaces

        layout = self._layout_of(instances)
        high = np.ones((layout.agents, layout.choices))
        high[layout.askers, :2] = max(1, layout.servers - 1), layout.cuts - 1
        return spaces.Box(np.zeros_like(high), high, dtype=np.float64)

    def static(self) -> dict[str, np.ndarray]:
        """Everything but the trace and gains that change, arrays [B, ...]; `slots` and `users` of each instance beside."""
        return self._running().static()

    def reset(self, instances: Sequence[Instance]) -> Observation:
        """Begin an episode of each instance.

        Raises
        ------
        ValueError
            If they differ in more than their numbers of users, or the multiplier is negative or infinite.
        """
        if not 0.0 <= self.multiplier < np.inf:
            raise ValueError(f"expected a finite multiplier of at least 0, found {self.multiplier}")
        self._price = self.multiplier
        self._layout = layout = self._layout_of(instances)
        self._worlds = worlds = Worlds(instances, layout.users)
        self._slot, self._phase = 0, DEPLOYMENT
        intervals = -(-worlds.slots // worlds.interval)
        self._deployed = np.zeros((intervals, worlds.count, worlds.servers_each, worlds.services), dtype=bool)
        shape = (worlds.slots, worlds.world.size)
        self._server, self._cut = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self._hit = np.zeros(shape, dtype=bool)
        self._shares = np.zeros((2, *shape))
        self._totals = np.zeros((len(_TOTALS), worlds.count))
        self._placed = np.zeros((worlds.count, worlds.servers_each))
        self._held: np.ndarray = np.zeros((worlds.count, worlds.servers_each, worlds.services), dtype=bool)
        self._local = worlds.warmup_counts()
        self._fitting = worlds.service_bytes[:, None] <= worlds.storage[:, :, None]
        self._devices: np.ndarray | None = None
        return self._observation(np.zeros(worlds.count))

    def step(self, action: np.ndarray) -> Step:
        """Take the decisions of the phase in every episode.

        Raises
        ------
        ValueError
            If the action has another shape than [B, A, max(I, 2)], or what it holds for the phase is negative, not a
            number, infinite, or names a server that does not exist.
        RuntimeError
            If the episodes are over.
        """
        worlds, layout = self._running(), self._layout
        if self._slot == worlds.slots:
            raise RuntimeError("the episodes are over: expected a reset before the next step")
        values = np.asarray(action, dtype=np.float64)
        expected = (worlds.count, layout.agents, layout.choices)
        if values.shape != expected:
            raise ValueError(f"expected an action of shape {list(expected)}, found {list(values.shape)}")
        outcome = None
        if self._phase == DEPLOYMENT:
            self._deploy(values[:, layout.deployers, : worlds.services])
            self._phase = ASSOCIATION
        elif self._phase == ASSOCIATION:
            self._associate(values[:, layout.askers])
            self._phase = ALLOCATION
            if self.analytic_allocation:
                outcome = self._settle(self._closed_form())
        else:
            outcome = self._settle(self._fractions(values[:, layout.askers]))
        reward = np.zeros(expected[:2])
        cost = np.zeros(expected[:2])
        if outcome is not None:
            self._pay(reward, outcome)
            cost[:, layout.askers] = outcome.delay.reshape(worlds.count, -1)
            self._slot += 1
            self._phase = ASSOCIATION if self._slot % worlds.interval and self._slot < worlds.slots else DEPLOYMENT
            if self._phase == DEPLOYMENT:
                self._local = self._counts()
        done = np.full(worlds.count, self._slot == worlds.slots)
        metrics = self._metrics()
        return Step(self._observation(metrics["mean_delay_s"]), reward, cost, done, np.zeros_like(done), metrics)

    def joint(self, reward: np.ndarray) -> np.ndarray:
        """Reward of an agent that decides for all, shape [B]: the sum of all agents' rewards."""
        total: np.ndarray = reward.sum(axis=1)
        return total

    def action(self, solutions: Sequence[Solution]) -> np.ndarray:
        """Action that takes the decisions of these solutions in the phase at hand, shape [B, A, max(I, 2)]."""
        worlds, layout = self._running(), self._layout
        if self._phase == DEPLOYMENT:
            interval = self._slot // worlds.interval
            return layout.deploy(np.stack([solution.deployment[interval].T for solution in solutions]).astype(float))
        columns = np.zeros((4, worlds.count, layout.users))
        for row, solution in enumerate(solutions):
            users = solution.server.shape[1]
            instance, server = worlds.instances[row], solution.server[self._slot]
            columns[:2, row, :users] = server, solution.cut[self._slot]
            columns[2, row, :users] = solution.bandwidth[self._slot] / instance.bandwidth[server]
            columns[3, row, :users] = solution.compute[self._slot] / instance.server_flops[server]
        return layout.associate(*columns[:2]) if self._phase == ASSOCIATION else layout.allocate(*columns[2:])

    def solutions(self) -> list[Solution]:
        """Decisions of the episodes, one solution per instance."""
        worlds = self._running()
        if self._slot < worlds.slots:
            raise RuntimeError(f"expected the episodes to be over, found them in slot {self._slot} of {worlds.slots}")
        shape = (worlds.slots, worlds.count, worlds.users_each)
        traces = [array.reshape(shape) for array in (self._server - worlds.first_server, self._cut, *self._shares)]
        names = ("server", "cut", "bandwidth", "compute")
        return [
            Solution(
                deployment=self._deployed[:, row].swapaxes(1, 2),
                **{name: trace[:, row, : instance.users] for name, trace in zip(names, traces, strict=True)},
            )
            for row, instance in enumerate(worlds.instances)
        ]

    def _running(self) -> Worlds:
        if self._worlds is None:
            raise RuntimeError("expected a reset before anything else")
        return self._worlds

    def _layout_of(self, instances: Sequence[Instance]) -> Layout:
        first = instances[0]
        users = max(self.width - 2 * first.servers, *(instance.users for instance in instances))
        return Layout(first.servers, users, first.services, first.layer_bytes.shape[1] + 1, self.shows)

    def _deploy(self, priority: np.ndarray) -> None:
        """Place services in order of decreasing priority, equal ones by index; skip what no longer fits."""
        from mecbench.problems.p.task_compiled import place

        worlds = self._running()
        if not (np.isfinite(priority) & (priority >= 0)).all():
            raise ValueError("expected finite priorities of at least 0 in the action of the deployment phase")
        order = np.argsort(-priority, axis=2, kind="stable")
        deployed = place(priority, order, worlds.service_bytes, worlds.storage)
        self._arrived = ((deployed & ~self._held) * worlds.service_bytes[:, None]).sum(axis=2)
        self._placed = self._placed + self._arrived
        self._deployed[self._slot // worlds.interval] = deployed
        self._held = deployed
        self._holders = deployed.swapaxes(1, 2).copy()
        self._hits_of_interval = np.zeros(worlds.servers)

    def _associate(self, choice: np.ndarray) -> None:
        self._chosen = chosen = self._running().choose(self._slot, choice, self._holders)
        self._server[self._slot], self._cut[self._slot], self._hit[self._slot] = chosen.server, chosen.cut, chosen.hit

    def _fractions(self, fraction: np.ndarray) -> np.ndarray:
        """B_r and f_r of the users that hit, shape [2, B K]."""
        from mecbench.problems.p.task_compiled import share

        valid, shares = share(fraction, self._chosen.server, self._chosen.hit, self._running().wholes)
        if not valid:
            raise ValueError("expected finite fractions of at least 0 in the action of the allocation phase")
        return np.asarray(shares)

    def _closed_form(self) -> np.ndarray:
        worlds, chosen = self._running(), self._chosen
        upload = worlds.energy_weight * worlds.user_watts * chosen.upload
        hit = chosen.hit
        row = Choices(
            server=chosen.server[None],
            hit=hit[None],
            delay=np.zeros((1, hit.size)),
            traffic=np.where(hit, chosen.traffic, 0.0)[None],
            upload=np.where(hit, upload, 0.0)[None],
            work=np.where(hit, chosen.work, 0.0)[None],
        )
        shares = split(worlds, row, self._price)
        return np.concatenate((shares.bandwidth, shares.compute))

    def _settle(self, shares: np.ndarray) -> Outcome:
        """Write the shares down, serve the slot's requests and add up what became of them."""
        from mecbench.problems.p.task_compiled import add_up

        self._shares[:, self._slot] = shares
        outcome = self._running().outcome(self._slot, self._chosen, *shares)
        add_up(self._totals, outcome.cost, outcome.delay, outcome.energy, outcome.privacy, self._chosen.hit)
        return outcome

    def _pay(self, reward: np.ndarray, outcome: Outcome) -> None:
        worlds, layout, slot = self._running(), self._layout, self._slot
        users = (worlds.count, -1)
        if self.reward == "objective":
            price = self._price * outcome.delay if self._price else 0.0  # 0 times for ever is nothing
            reward[:, layout.askers] = -(outcome.cost + price).reshape(users)
            return
        hit, server = self._chosen.hit, self._chosen.server
        overrun = np.maximum(outcome.delay - worlds.delay_limit, 0.0)
        served = np.where(hit, -(outcome.cost + OVERRUN_WEIGHT * overrun), FAILURE_REWARD)
        reward[:, layout.askers] = np.where(worlds.present, served, 0.0).reshape(users)
        count = np.bincount(server, weights=worlds.present, minlength=worlds.servers)
        waited = np.bincount(server, weights=outcome.delay, minlength=worlds.servers)
        reward[:, layout.allocators] = (-waited / np.maximum(count, 1)).reshape(users)
        self._hits_of_interval += np.bincount(server, weights=hit, minlength=worlds.servers)
        if (slot + 1) % worlds.interval == 0 or slot + 1 == worlds.slots:
            migration = 8.0 * self._arrived.ravel() / worlds.cloud_rate
            reward[:, layout.deployers] = (HIT_WEIGHT * self._hits_of_interval - MIGRATION_WEIGHT * migration).reshape(users)

    def _counts(self) -> np.ndarray:
        """h, requests of each service at each server in the last DT slots, shape [B, J, I]."""
        worlds = self._running()
        last = slice(max(0, self._slot - worlds.interval), self._slot)
        return worlds.counts(self._server[last], worlds.service[last])

    def _metrics(self) -> dict[str, np.ndarray]:
        """Averages over the requests so far, under the evaluator's names."""
        worlds = self._running()
        seen = np.maximum(self._slot, 1) * (worlds.requests // worlds.slots)
        rate = worlds.cloud_rate.reshape(self._placed.shape)
        return dict(zip(_TOTALS, self._totals / seen, strict=True)) | {
            "migrated_bytes": self._placed.sum(axis=1),
            "migration_s": (8.0 * self._placed / rate).sum(axis=1),
        }

    def _observation(self, mean_delay: np.ndarray) -> Observation:
        worlds, layout = self._running(), self._layout
        agents = np.zeros((worlds.count, layout.agents, layout.features))
        mask = np.zeros((worlds.count, layout.agents, layout.admissible), dtype=bool)
        shared = np.zeros((worlds.count, layout.shared))
        shown = worlds.services * (1 + worlds.servers_each)
        shared[:, worlds.services : shown] = self._held.reshape(worlds.count, -1)
        if self.shows == "extended":
            shared[:, shown] = self._slot / worlds.slots
            shared[:, shown + 1] = mean_delay
        if self._phase == DEPLOYMENT:
            agents[:, layout.deployers, : worlds.services] = self._local
            mask[:, layout.deployers, : worlds.services] = self._fitting
            shared[:, : worlds.services] = self._local.sum(axis=1)
        elif self._phase == ASSOCIATION:
            self._show_association(agents, mask)
        else:
            self._show_allocation(agents, mask)
        return {"phase": np.full(worlds.count, self._phase), "mask": mask, "agents": agents, "shared": shared}

    def _show_association(self, agents: np.ndarray, mask: np.ndarray) -> None:
        from mecbench.problems.p.task_compiled import show_association

        worlds, slot = self._running(), self._slot
        if self._devices is None or worlds.uplink.shape[0] > 1:
            self._devices = self._device_rows()
        requests = worlds.service[slot], worlds.batch[slot], worlds.last_cut[slot]
        show_association(agents, mask, worlds.present, *requests, self._holders, self._devices)

    def _device_rows(self) -> np.ndarray:
        """What the association phase shows of the users' channels and devices, shape [B K, 2 J + 3]; nothing of it in `paper`."""
        worlds = self._running()
        if self.shows == "paper":
            return np.zeros((worlds.world.size, 0))
        links = [link.swapaxes(1, 2).reshape(-1, worlds.servers_each) for link in worlds.links(self._slot)]
        devices = (worlds.user_flops / GIGA, worlds.energy_per_flop * GIGA, worlds.privacy_preference)
        return np.concatenate((*links, np.stack(devices, axis=1)), axis=1)

    def _show_allocation(self, agents: np.ndarray, mask: np.ndarray) -> None:
        from mecbench.problems.p.task_compiled import show_allocation

        worlds, slot, chosen = self._running(), self._slot, self._chosen
        needs = np.zeros((chosen.cut.size, 0))
        if self.shows == "extended":
            band, flops = worlds.bandwidth[chosen.server], worlds.server_flops[chosen.server]
            upload = worlds.energy_weight * worlds.user_watts * chosen.upload
            needs = np.stack((chosen.device_flop / worlds.user_flops, chosen.traffic / band, chosen.work / flops, upload / band), axis=1)
        requests = worlds.service[slot], worlds.batch[slot], chosen.cut, chosen.server, chosen.hit
        show_allocation(agents, mask, worlds.present, *requests, worlds.servers_each, needs)
