"""Plots of a page, one module each: a new plot is a new file and no edit elsewhere.

A module with ``POSITION`` (plots stand in its order) and ``draw(material) -> Plot`` is a plot.
"""

from __future__ import annotations

import importlib
import pkgutil

from mecbench.reports.plots.plot import Material, Plot

__all__ = ["Material", "Plot", "draw_all"]


def draw_all(material: Material) -> dict[str, Plot]:
    """All plots by the name of their module, in the order of the page."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    drawing = sorted((module for module in modules if hasattr(module, "draw")), key=lambda module: module.POSITION)
    return {module.__name__.rpartition(".")[2]: module.draw(material) for module in drawing}
