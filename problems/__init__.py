"""The problems: one folder each, found by its name.

A problem is a subpackage with the names of `Problem`; ``p-edge`` on the command line is the folder ``p_edge``.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Protocol, cast

from mecbench.problems.arrays import ArrayModel
from mecbench.problems.errors import unknown
from mecbench.problems.evaluation import Evaluation, Sense

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Problem", "load", "names"]


class Problem(Protocol):
    """What every problem's package offers.

    Attributes
    ----------
    NAME
        The name on the command line.
    TITLE
        One line for people.
    SENSE
        Direction of the objective.
    SIZES
        Generator parameters by size, a model of the package's `Parameters` each.
    GENERATOR_VERSION
        Raised when the same parameters and seed give other instances.
    Instance, Solution, Certificate, Parameters, Task
        The package's classes.

    Notes
    -----
    A problem whose certificates price a constraint also offers ``regret(instance, certificate) -> Regret``. One that limits
    a mean over the whole horizon, as safe reinforcement learning does, names in ``LIMITED`` the metric and the instance's field
    with its limit.
    """

    NAME: str
    TITLE: str
    SENSE: Sense
    SIZES: dict[str, Any]
    GENERATOR_VERSION: int
    Instance: type[ArrayModel]
    Solution: type[ArrayModel]
    Certificate: type[ArrayModel]
    Parameters: type[Any]
    Task: type[Any]

    def evaluate(self, instance: Any, solution: Any) -> Evaluation:
        """Recompute objective and violations from the instance; raise SolutionError on a wrong shape."""

    def bound(self, instance: Any, certificate: Any) -> float:
        """Recompute a bound from its certificate without a solver; raise CertificateError if it does not hold."""

    def generate(self, parameters: Any, seed: int) -> Any:
        """Draw an instance."""

    def describe(self, instance: Any) -> dict[str, pd.DataFrame]:
        """Tidy frames of an instance, from which it can be drawn without knowing the problem."""


def names() -> list[str]:
    """Names of all problems, as on the command line."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if module.ispkg)


def load(name: str) -> Problem:
    """Package of a problem.

    Raises
    ------
    InputError
        If there is no such problem.
    """
    if name not in names():
        raise unknown("problem", name, names())
    return cast(Problem, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
