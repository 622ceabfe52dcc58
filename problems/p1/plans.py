"""What a plan of one task takes and costs: the physics of the paper applied to decisions, for any number of plans at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mecbench.problems.p1 import physics
from mecbench.problems.p1.instance import Instance

__all__ = ["Account", "account", "assign_subcarriers"]


@dataclass(frozen=True, eq=False)
class Account:
    """Times and energies of plans over the slots of their windows; any leading shape, here [C, K].

    Attributes
    ----------
    hop, block
        Whether the slot has a hop, a block of layers; bool.
    transmission_time, computation_time
        T^Trans and T^Comp [s]; infinite without a link, without a share.
    transmission_energy, computation_energy
        E^Trans and E^Comp [J].
    slot_cost
        w_e E + w_d T of each slot.
    """

    hop: np.ndarray
    block: np.ndarray
    transmission_time: np.ndarray
    computation_time: np.ndarray
    transmission_energy: np.ndarray
    computation_energy: np.ndarray
    slot_cost: np.ndarray

    @cached_property
    def slot_seconds(self) -> np.ndarray:
        """Time of hop and block of each slot [s], shape [C, K]."""
        return self.transmission_time + self.computation_time

    @cached_property
    def seconds(self) -> np.ndarray:
        """What the deadline limits (10) [s], shape [C]."""
        return self.slot_seconds.sum(axis=-1)

    @cached_property
    def cost(self) -> np.ndarray:
        """Summand of the cost (6), without a penalty, shape [C]."""
        return self.slot_cost.sum(axis=-1)


def account(instance: Instance, source: np.ndarray, node: np.ndarray, layers_done: np.ndarray, share: np.ndarray) -> Account:
    """Account for plans, feasible or not.

    Parameters
    ----------
    instance
        The instance; its trace is not read.
    source
        Device that holds the raw input, shape [C].
    node, layers_done, share
        As in `Solution`, shape [C, K].
    """
    before = np.concatenate((source[..., None], node[..., :-1]), axis=-1)
    done = np.concatenate((np.zeros_like(source)[..., None], layers_done[..., :-1]), axis=-1)
    cycles = instance.block_cycles[done, layers_done]
    rate = physics.computing_rate(instance.frequency[node], share)
    sending, computing = instance.hop_time[done, before, node], physics.computation_time(cycles, rate)
    sent = physics.transmission_energy(instance.transmission_power, sending)
    computed = physics.computation_energy(instance.energy_coefficient[node], cycles, rate)
    return Account(
        hop=node != before,
        block=layers_done > done,
        transmission_time=sending,
        computation_time=computing,
        transmission_energy=sent,
        computation_energy=computed,
        slot_cost=physics.cost(instance.energy_weight, sent + computed, instance.delay_weight, sending + computing),
    )


def assign_subcarriers(instance: Instance, node: np.ndarray) -> np.ndarray:
    """Subcarriers of the hops of one plan per task: 1, 2, ... in each slot by task; int64, shape [Q, K].

    The gain is the same on all, so any distinct ones do; beyond S there are too many hops in the slot, which the
    evaluator refuses.

    Parameters
    ----------
    instance
        The instance.
    node
        As in `Solution`, shape [Q, K].
    """
    hop = node != np.concatenate((instance.source[:, None], node[:, :-1]), axis=1)
    slot = instance.release[:, None] + np.arange(instance.window)
    chosen = np.zeros(node.shape, dtype=np.int64)
    for t in range(instance.slots):
        here = hop & (slot == t)
        chosen[here] = np.arange(1, 1 + int(here.sum()))
    return chosen
