"""What tells the agents of the family apart: switches of the task."""

from __future__ import annotations

from dataclasses import dataclass

from mecbench.problems.p_marl import Instance, Task
from mecbench.problems.p_marl.layout import Layout
from mecbench.problems.p_marl.task import Oracle

__all__ = ["Method"]


@dataclass(frozen=True)
class Method:
    """Switches of the task.

    Attributes
    ----------
    ofr
        Oracle-shaping fairness reward, or the device's own.
    coa
        Competitor-aware observation augmentation.
    mean_field
        The mean action of devices near by is seen.
    """

    ofr: bool
    coa: bool
    mean_field: bool = False

    @property
    def options(self) -> dict[str, bool]:
        """Keywords of the task."""
        return {"ofr": self.ofr, "coa": self.coa, "mean_field": self.mean_field}

    def task(self, oracle: Oracle | None = None) -> Task:
        """A task with the paper's rewards, by an oracle other than the exact one if there is one, and these switches."""
        return Task("paper", ofr=self.ofr, coa=self.coa, mean_field=self.mean_field, oracle=oracle)

    def layout(self, instance: Instance) -> Layout:
        """Layout of that task."""
        return Layout.of(instance, self.coa, self.mean_field)
