"""What SCIP tells while it solves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["watch"]


def watch(model: Any, told: Callable[[bool], None]) -> None:
    """Have a model tell of every better solution and bound.

    Parameters
    ----------
    model
        PySCIPOpt Model, not yet solved.
    told
        Called with whether it is a solution, else a bound.
    """
    import pyscipopt

    improved = (pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, pyscipopt.SCIP_EVENTTYPE.DUALBOUNDIMPROVED)

    class Improvements(pyscipopt.Eventhdlr):  # type: ignore[misc]
        """Passes better solutions and bounds on."""

        def eventinit(self) -> None:
            for kind in improved:
                self.model.catchEvent(kind, self)

        def eventexit(self) -> None:
            for kind in improved:
                self.model.dropEvent(kind, self)

        def eventexec(self, event: Any) -> None:
            told(event.getType() == improved[0])

    model.includeEventhdlr(Improvements(), "improvements", "passes better solutions and bounds on")
