"""Plans, isolates, runs and stores benchmarks, and what a user types to do so: the command line and plain functions.

The functions are imported when they are asked for, so that looking at this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mecbench.benchmarks.comparison import compare
    from mecbench.benchmarks.conformance import check

__all__ = ["check", "compare"]

_PLACES = {"check": "mecbench.benchmarks.conformance", "compare": "mecbench.benchmarks.comparison"}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
