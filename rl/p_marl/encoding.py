"""What the network that scores edge by edge is told beside its rows: constants of the instances, columns, and units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mecbench.problems.p_marl import Instance
from mecbench.problems.p_marl.layout import Layout

__all__ = ["CHARGE", "CROWD", "DEAREST", "EFFICIENCY", "OWN", "Known"]

CHARGE, EFFICIENCY, CROWD = 12.0, 10.0, 10.0  # what charges [Wh], efficiencies [bit/s/Hz] and numbers of devices are divided by
DEAREST = 5.0  # costs above count as this
OWN = 7
"""Numbers that describe a device beside its edges."""


class Known(NamedTuple):
    """What stays as it is throughout episodes; N edges, K layer groups.

    Attributes
    ----------
    share, sending, work
        Parts of the local cost that cuts leave to the device, cost of sending at 1 bit/s/Hz, and of the rest with the whole edge, [K].
    latency, energy, latency_exponent, energy_exponent, slowest
        Cost of local inference at full clock, how its parts depend on the clock, and the least clock.
    switch_cost, inertia
        What another edge than before costs, and by how much the same one is preferred.
    insistence
        Even shares of an edge that a device counts on before it runs locally.
    crowding
        How many devices each one counts as that is expected on an edge.
    battery, efficiency, previous, last_cost
        First columns of a row's parts, see `problems.p_marl.layout`.
    crowds
        First columns of the blocks [N K] that tell how many others took each cut of each edge, int64.
    edges
        N.
    remembered
        Whether the last of these says how many are expected on an edge: always, only once something was seen, or never: 2, 1 or 0.
    """

    share: np.ndarray
    sending: np.ndarray
    work: np.ndarray
    latency: float
    energy: float
    latency_exponent: float
    energy_exponent: float
    slowest: float
    switch_cost: float
    inertia: float
    insistence: float
    crowding: float
    battery: int
    efficiency: int
    previous: int
    last_cost: int
    crowds: np.ndarray
    edges: int
    remembered: int

    @classmethod
    def of(cls, layout: Layout, instance: Instance, memory: float, inertia: float, insistence: float, crowding: float) -> Known:
        """What there is to know of a task and its instances, whose trace is not read; arguments as of `networks.EdgeNetwork`."""
        remembers = memory < 1
        starts = [layout.record.start] * layout.records + [layout.mean_action.start + 1] * layout.mean_field  # that begins with local
        crowds = [start + offset for start in starts[::-1] for offset in (0, layout.features - layout.record.start)[: 1 + remembers]]
        radio = 1.0 / instance.latency_unit + instance.transmit_power / instance.energy_unit
        return cls(
            share=np.array(instance.head_share[:-1]),
            sending=8000.0 * radio * instance.cut_bytes / instance.bandwidth,
            work=instance.tail_work[:-1] / (instance.latency_unit * instance.multiprocessors),
            latency=instance.full_latency / instance.latency_unit,
            energy=instance.full_energy / instance.energy_unit,
            latency_exponent=instance.latency_exponent,
            energy_exponent=instance.energy_exponent,
            slowest=instance.clock_floor,
            switch_cost=instance.switch_cost,
            inertia=inertia,
            insistence=insistence,
            crowding=crowding,
            battery=layout.battery,
            efficiency=layout.efficiency.start,
            previous=layout.previous.start,
            last_cost=layout.last_cost,
            crowds=np.array(crowds, dtype=np.int64),
            edges=layout.edges,
            remembered=layout.records * (1 + remembers),
        )
