"""Plots of a page: a new plot is two new files of one name and no edit elsewhere.

``name.py`` has ``POSITION`` (plots stand in its order) and ``describe(material) -> Plot | None``: words and data, or nothing
where there is nothing to show. ``name.js`` sets ``plots.name = (section, chosen) => ({traces, layout, columns, rows})``: it draws
the chosen algorithms, again whenever the reader chooses others, and fills the table behind the figure.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib import resources
from types import ModuleType

from mecbench.reports.plots.plot import Material, Plot

__all__ = ["Material", "Plot", "describe_all", "scripts"]


def describe_all(material: Material) -> dict[str, Plot]:
    """All plots that have something to show, by the name of their module, in the order of the page."""
    described = {_name(module): module.describe(material) for module in _modules()}
    return {name: plot for name, plot in described.items() if plot is not None}


def scripts() -> list[str]:
    """What draws the plots in a page."""
    return [(resources.files(__name__) / f"{_name(module)}.js").read_text(encoding="utf-8") for module in _modules()]


def _modules() -> list[ModuleType]:
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return sorted((module for module in modules if hasattr(module, "describe")), key=lambda module: module.POSITION)


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]
