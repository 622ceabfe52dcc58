"""Where everything stands in the observations and actions of P's task: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mecbench.problems.task import Observation

__all__ = ["ALLOCATION", "ASSOCIATION", "DEPLOYMENT", "Layout", "Shows"]

DEPLOYMENT, ASSOCIATION, ALLOCATION = 0, 1, 2
"""Phases of a slot; the first only where an interval begins."""

Shows = Literal["paper", "extended"]

_ALLOCATION_PAPER = ("service", "batch", "cut", "server", "hit")
_ALLOCATION_EXTENDED = ("device_time", "transfer_time", "work_time", "upload_cost")


@dataclass(frozen=True)
class Layout:
    """Rows and columns of observations and actions; J servers, K users (the padding included), I services, Z = max L_i + 1.

    The agents are, in this order, J deployment agents, J allocation agents and K users: A = 2 J + K rows. Rewards and
    costs stand in the row of whoever earns them. What a phase does not use is 0, in a mask ``False``, and not read.

    ``action`` [A, max(I, 2)]
        - deployment, row of a deployment agent: its priority of each service, 0 for not at all.
        - association, row of a user: sigma and z.
        - allocation, row of a user: its fractions of its server's bandwidth and compute.
    ``mask`` [A, max(I, J + Z)]
        - deployment, row of a deployment agent: whether each service fits the empty server.
        - association, row of a user: the J servers that hold i_r (all if none does), then the cuts 0..L_i of Z.
        - allocation, row of a user: whether it hits, twice.
    ``agents`` [A, F]
        - deployment, row of a deployment agent: h_j, its requests of each service in the last DT slots (14).
        - association, row of a user: i_r and D_r (16); extended: eta^dl and eta^ul to every server, f_k [GFLOP/s],
          eps_k [nJ/FLOP], Pre_k.
        - allocation, row of a user: i_r, D_r, z, sigma and whether it hits (18); extended: d_r, A_r / B_j and
          W_r / f_j [s], and the cost mu2 P_k U_r / B_j of its upload.
    ``shared`` [G]
        - r, everybody's requests of each service in the last DT slots (14); in the deployment phase only.
        - X, server by server, [J, I]: that of the last interval in the deployment phase (15), else this one's (16).
        - extended: the part of the slots that is over, and the average delay so far [s].

    A user has one server, so that what the paper gives an allocation agent as vectors over all users (18), (21), 0
    but for its own, stands in the rows of its users.
    """

    servers: int
    users: int
    services: int
    cuts: int
    shows: Shows = "extended"

    @classmethod
    def of(cls, static: dict[str, np.ndarray], shows: Shows = "extended") -> Layout:
        """Layout of the task that gave this `static`."""
        servers, services = static["server_flops"].shape[1], static["service_model"].shape[1]
        return cls(servers, static["user_flops"].shape[1], services, static["layer_bytes"].shape[2] + 1, shows)

    @property
    def agents(self) -> int:
        """A, rows of observations, actions, rewards and costs."""
        return 2 * self.servers + self.users

    @property
    def deployers(self) -> slice:
        """Rows of the deployment agents."""
        return slice(0, self.servers)

    @property
    def allocators(self) -> slice:
        """Rows of the allocation agents."""
        return slice(self.servers, 2 * self.servers)

    @property
    def askers(self) -> slice:
        """Rows of the users."""
        return slice(2 * self.servers, self.agents)

    @property
    def choices(self) -> int:
        """Columns of an action."""
        return max(self.services, 2)

    @property
    def admissible(self) -> int:
        """Columns of the mask."""
        return max(self.services, self.servers + self.cuts)

    @property
    def features(self) -> int:
        """F, columns of the agents' rows."""
        return max(self.services, len(self.association_features), len(self.allocation_features))

    @property
    def shared(self) -> int:
        """G, length of the shared block."""
        return self.services * (1 + self.servers) + (2 if self.shows == "extended" else 0)

    @property
    def association_features(self) -> tuple[str, ...]:
        """Columns of a user's row in the association phase."""
        if self.shows == "paper":
            return ("service", "batch")
        links = [f"{link}_{server}" for link in ("downlink", "uplink") for server in range(self.servers)]
        return ("service", "batch", *links, "user_gflops", "nanojoule_per_flop", "privacy_preference")

    @property
    def allocation_features(self) -> tuple[str, ...]:
        """Columns of a user's row in the allocation phase."""
        return _ALLOCATION_PAPER + (_ALLOCATION_EXTENDED if self.shows == "extended" else ())

    def empty(self, batch: int) -> np.ndarray:
        """Action of nobody, shape [B, A, max(I, 2)]."""
        return np.zeros((batch, self.agents, self.choices))

    def deploy(self, priority: np.ndarray) -> np.ndarray:
        """Action of the deployment phase.

        Parameters
        ----------
        priority
            Of each service at each server, at least 0, shape [B, J, I]. A server places its services in order of
            decreasing priority, equal ones by index, and skips what no longer fits; those of priority 0 never.
        """
        action = self.empty(len(priority))
        action[:, self.deployers, : self.services] = priority
        return action

    def associate(self, server: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """Action of the association phase, from sigma and z of shape [B, K]."""
        return self._of_users(server, cut)

    def allocate(self, bandwidth: np.ndarray, compute: np.ndarray) -> np.ndarray:
        """Action of the allocation phase, from fractions of shape [B, K].

        Those of the users that miss do not count; if those of a server's users sum to more than 1, they are scaled
        down to 1.
        """
        return self._of_users(bandwidth, compute)

    def _of_users(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        action = self.empty(len(first))
        users = action[:, self.askers]
        users[..., 0], users[..., 1] = first, second
        return action

    def request_counts(self, observation: Observation) -> np.ndarray:
        """r of the deployment phase, requests of each service in the last interval, shape [B, I]."""
        return observation["shared"][:, : self.services]

    def local_counts(self, observation: Observation) -> np.ndarray:
        """h of the deployment phase, requests of each service at each server, shape [B, J, I]."""
        return observation["agents"][:, self.deployers, : self.services]

    def deployment(self, observation: Observation) -> np.ndarray:
        """X that the observation shows, bool, shape [B, J, I]."""
        block = observation["shared"][:, self.services : self.services * (1 + self.servers)]
        return block.reshape(-1, self.servers, self.services) > 0

    def requests(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """i_r and D_r of the association and allocation phases, int64, shape [B, K] each."""
        rows = observation["agents"][:, self.askers]
        return rows[..., 0].astype(np.int64), rows[..., 1].astype(np.int64)

    def links(self, observation: Observation) -> tuple[np.ndarray, np.ndarray]:
        """Eta^dl and eta^ul of the extended association phase [bit/s/Hz], shape [B, J, K] each."""
        rows = observation["agents"][:, self.askers, 2 : 2 + 2 * self.servers].swapaxes(1, 2)
        return rows[:, : self.servers], rows[:, self.servers :]

    def present(self, observation: Observation) -> np.ndarray:
        """Whether each user of the association phase is one, not padding; bool, shape [B, K]."""
        present: np.ndarray = observation["mask"][:, self.askers, self.servers]  # every service has the cut z = 0
        return present

    def chosen(self, observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """z, sigma (int64) and hit (bool) of the allocation phase, shape [B, K] each."""
        rows = observation["agents"][:, self.askers]
        return rows[..., 2].astype(np.int64), rows[..., 3].astype(np.int64), rows[..., 4] > 0
