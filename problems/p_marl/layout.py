"""Where everything stands in the observations and actions of P-MARL's task: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mecbench.problems.p_edge import physics as device
from mecbench.problems.p_marl import physics
from mecbench.problems.p_marl.instance import Instance

__all__ = ["SHARED_FEATURES", "Layout", "perception_radius"]

SHARED_FEATURES = ("epoch", "epochs_left")
FARTHEST = 1e6  # [m]


@dataclass(frozen=True)
class Layout:
    """Columns of observations and numbers of actions; N edges, K layer groups.

    ``action`` [A], integers
        0 runs locally, 1 + n K + k attaches to edge n with cut k.
    ``phase``
        Always 0.
    ``mask`` [A, 1 + N K], bool
        Whether each action is admissible: local always is, an edge within the perception radius. One beyond is as possible as its
        channel is, so the task takes it all the same.
    ``agents`` [A, F], of each device its own and current values alone
        - clock ratio rho, battery [Wh];
        - spectral efficiency log2(1 + SNR) to each edge within the perception radius, 0 beyond [bit/s/Hz], N columns;
        - whether it was local, or attached to each edge, in the epoch before, N + 1 columns, all 0 before the first;
        - its own cost in the epoch before;
        - with records, F^m of eq. (5): of each edge within the perception radius, how many devices it served at each cut in the epoch
          before, as a part of all devices; N K columns, edge by edge;
        - with a mean field, how often each action was taken in the epoch before by the other devices that are near now, as a part of
          these; 1 + N K columns.
    ``shared`` [2]
        Epoch, and how many are left with it.
    """

    edges: int
    groups: int
    records: bool = True
    mean_field: bool = False

    @classmethod
    def of(cls, instance: Instance, records: bool = True, mean_field: bool = False) -> Layout:
        """Layout of a task on this instance."""
        return cls(instance.edges, instance.groups, records, mean_field)

    @property
    def actions(self) -> int:
        """Number of actions."""
        return 1 + self.edges * self.groups

    @property
    def battery(self) -> int:
        """Column of the battery."""
        return 1

    @property
    def efficiency(self) -> slice:
        """Columns of the spectral efficiencies."""
        return slice(2, 2 + self.edges)

    @property
    def previous(self) -> slice:
        """Columns of the edge before, local first."""
        return slice(2 + self.edges, 3 + 2 * self.edges)

    @property
    def last_cost(self) -> int:
        """Column of the own cost before."""
        return 3 + 2 * self.edges

    @property
    def record(self) -> slice:
        """Columns of F^m; empty without records."""
        return slice(4 + 2 * self.edges, 4 + 2 * self.edges + self.edges * self.groups * self.records)

    @property
    def mean_action(self) -> slice:
        """Columns of the mean field; empty without one."""
        return slice(self.record.stop, self.record.stop + self.actions * self.mean_field)

    @property
    def features(self) -> int:
        """Columns of ``agents``."""
        return self.mean_action.stop

    def decode(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u in 0..N and k in 0..K of actions, any shape."""
        attached, number = action > 0, np.maximum(action - 1, 0)
        return np.where(attached, number // self.groups + 1, 0), np.where(attached, number % self.groups, self.groups)

    def encode(self, edge: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """Actions of u and k, any shape."""
        return np.where(edge > 0, 1 + (edge - 1) * self.groups + cut, 0)


def perception_radius(instance: Instance) -> float:
    """r_p, the largest distance at which a device can meet the latency limit [m] (section 4.2).

    The device has the slowest clock, no shadowing, its best cut and the edge for itself; infinite without a latency limit, 0 if the
    limit cannot be met anywhere.
    """
    if instance.latency_limit is None:
        return np.inf
    slowest = device.device_latency(np.array(instance.clock_floor), instance.full_latency, instance.latency_exponent)

    def in_time(metres: float) -> bool:
        sending = device.transmission_latency(instance.cut_bytes, instance.rate_at(np.array(metres), np.array(0.0)))
        alone = physics.latency(instance.head_share[:-1] * slowest + sending, instance.tail_work[:-1], np.array(instance.multiprocessors))
        return bool(alone.min() <= instance.latest)

    low, high = 0.0, FARTHEST
    if in_time(high):
        return np.inf
    if not in_time(low):
        return 0.0
    while np.nextafter(low, high) < high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if in_time(middle) else (low, middle)
    return low
