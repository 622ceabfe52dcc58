"""The plans of all devices, who offloads where, and what they add up to."""

from __future__ import annotations

import numpy as np

from mecbench.problems.cmg import Instance, Solution
from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg.physics import SECRECY_MARGIN, uplink_rate
from mecbench.problems.cmg.tables import Tables, tables

__all__ = ["Plans", "planning_tables"]

ROUNDS = 12  # of programme and completion in planning a device, at most


def planning_tables(instance: Instance) -> Tables:
    """Tables of what may be planned: no tolerances, integer frame rates, and only offloads that are secure alone on their channel.

    Where the power of the eavesdropper is const, security would need powers of its own, and nothing is offloaded.
    """
    known = tables(instance.model_copy(update={"continuous_frames": False}), 0.0)
    margin = instance.gain * instance.eavesdropper_noise - instance.eavesdropper_most * instance.noise
    secure = (margin >= SECRECY_MARGIN) & (instance.eavesdropper_power == "signal")
    return known._replace(tightness=np.where(secure, known.tightness, -1.0))


class Plans:
    """One plan for each device, at most one offload on each channel.

    Attributes
    ----------
    offload, frames
        Whether each chunk is offloaded, and number of its frame rate; shape [N, T, K].
    later, eta
        Price of a joule in each slot without and with the limits of the slot, shape [N, T].
    worth
        What each device adds to the objective, shape [N].
    """

    def __init__(self, instance: Instance, known: Tables) -> None:
        from mecbench.solvers.cmg.completion_compiled import batteries

        self._instance, self.tables, self.batteries = instance, known, batteries(instance)
        shape = instance.gain.shape
        self.offload: np.ndarray = np.zeros(shape, dtype=bool)
        self.frames = np.zeros(shape, dtype=np.int64)
        self.later, self.eta = np.zeros(shape[:2]), np.zeros(shape[:2])
        self.worth = np.full(shape[0], -np.inf)
        self.assign(self.offload)

    @property
    def value(self) -> float:
        """Objective of the plans."""
        return float(self.worth.sum())

    def copy(self) -> Plans:
        """The same plans, to be changed apart."""
        twin = object.__new__(Plans)
        twin.__dict__.update(self.__dict__)
        for name in ("offload", "frames", "later", "eta", "worth"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def assign(self, offload: np.ndarray, eta: np.ndarray | None = None) -> None:
        """Plan all devices whose offloads are given, shape [N, T, K], starting at prices eta, shape [N, T]."""
        self.offload = offload
        if eta is not None:
            self.eta = eta.copy()
        self.replan(np.arange(self.worth.size))

    def replan(self, devices: np.ndarray) -> None:
        """Plan some devices again, int64, whose offloads have changed."""
        from mecbench.solvers.cmg.device_compiled import plan_device

        for n in devices.tolist():
            self.worth[n] = plan_device(self.tables, self.batteries, n, self.offload[n], ROUNDS, self.frames[n], self.later[n], self.eta[n])

    def solution(self) -> Solution:
        """The decisions in full."""
        instance, eta = self._instance, self.eta
        weight = instance.energy_weight + eta
        costs = instance.delay_weight, weight, instance.energy_coefficient
        frequency = forms.best_frequency(*costs, instance.least_frequency, instance.most_frequency[:, None])
        local = forms.local_cost(*costs, instance.cycles_per_bit, frequency)[..., None]
        weight, most = weight[..., None], instance.most_power[:, None, None]
        power = forms.best_power(instance.delay_weight, weight, instance.gain, instance.noise, instance.least_power, most)
        rate = uplink_rate(instance.bandwidth, power * instance.gain, instance.noise, np.zeros(()))
        sent = forms.offload_cost(instance.delay_weight, weight, power, rate, instance.cycles_per_bit / instance.edge_frequency)
        frames = instance.least_frames + self.frames.astype(float)
        resolution = forms.best_resolution(
            instance.accuracy_weight * instance.running_weight[:, None],
            instance.accuracy_drop,
            instance.accuracy_scale,
            np.where(self.offload, sent, local) * instance.bits_per_pixel * frames,
            instance.least_resolution,
            instance.most_resolution,
        )
        return Solution(
            offload=self.offload,
            frames=frames,
            resolution=resolution,
            frequency=np.broadcast_to(frequency[..., None], frames.shape).copy(),
            power=power,
        )
