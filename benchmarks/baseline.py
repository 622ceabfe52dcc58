"""A baseline: the quality that runs had, against which the same runs are held again. Times play no part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mecbench.benchmarks.frame import Reference
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.record import Record
from mecbench.instances.documents import read_document
from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import Sense, excess, gap
from mecbench.reports.wording import percent, quantity

__all__ = ["Baseline", "Quality", "describe"]

RISE = 0.005  # of the gap that counts as worse: half a percentage point
VIOLATED = 1e-6  # relative violation of a constraint that counts in an infeasible run, as in reports
ROUNDING = 1e-12
VOID = ("crash", "invalid-output", "infeasible", "wrong-claim", "skipped")  # there is no result that counts
FIELDS = (
    "instance", "instance_sha256", "problem", "algorithm", "seed", "status", "message", "sense", "objective", "feasible", "bound",
    "bound_kind", "wall_seconds", "cpu_seconds", "peak_memory_mib",
)  # fmt: skip


def describe(record: Record, known: Reference | None = None) -> dict[str, Any]:
    """Describe a run under the stable names of the command line's JSON.

    Parameters
    ----------
    record
        The run.
    known
        Best values of its instance that are known apart from it.

    Returns
    -------
    dict
        ``bound`` and ``bound_kind`` are the run's own claim, ``reference_bound`` is the best certified bound of the run
        and of what is known, to which ``gap`` and ``excess`` are measured (of kind ``bound``: its bound against the best
        known objective); ``violations`` are relative, by family of constraints; ``failed`` as in `Record.failed`.
    """
    known = known or Reference()
    certified = record.bound if record.bound_kind == "certified" and record.status != "wrong-claim" else None
    bounds = [bound for bound in (known.bound, certified) if bound is not None]
    reference = (max if record.sense == Sense.MINIMISE else min)(bounds, default=None)
    worth, target = (record.bound, known.objective) if record.kind == "bound" else (record.counted, reference)
    if record.status in VOID:
        worth = None
    distance = excess(worth, target)
    data = record.to_json()
    return {name: data[name] for name in FIELDS} | {
        "violations": {name: violation["relative"] for name, violation in data["violations"].items()},
        "failed": record.failed,
        "reference_bound": reference,
        "gap": gap(worth, target),
        "excess": distance if math.isfinite(distance) else None,
    }


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a run was.

    Attributes
    ----------
    gap
        In [0, 1], 1 for a failure.
    violated
        Families of constraints that its solution violates.
    failed
        Whether it was a failure, see `Record.failed`.
    """

    gap: float
    violated: frozenset[str]
    failed: bool

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Self:
        """Quality of a run as `describe` describes it.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not described so.
        """
        violations = {} if description["feasible"] else description["violations"]
        violated = frozenset(name for name, relative in violations.items() if relative is None or relative > VIOLATED)
        return cls(float(description["gap"]), violated, bool(description["failed"]))

    def worsening(self, now: Mapping[str, Any]) -> str:
        """What became worse since, in one sentence; empty if nothing did.

        Parameters
        ----------
        now
            The same run as `describe` describes it today.
        """
        later = Quality.of(now)
        if new := sorted(later.violated - self.violated):
            worst = now["violations"][new[0]]
            amount = "" if worst is None else f" by {quantity(worst)} relative to its right-hand side"
            return f"violates {new[0]}{amount}, which it did not in the baseline"
        if later.gap - self.gap >= RISE - ROUNDING:
            reason = f" ({now['status']}: {now['message']})" if now["message"] else ""
            return f"gap {percent(later.gap)}, {percent(self.gap)} in the baseline{reason}"
        return ""


@dataclass(frozen=True)
class Baseline:
    """Qualities by instance, algorithm and seed.

    Attributes
    ----------
    qualities
        By hash of the instance, algorithm and seed.
    """

    qualities: Mapping[tuple[str, str, int], Quality]

    @classmethod
    def read(cls, path: str | Path, specs: Iterable[RunSpec]) -> Self:
        """Read what ``pytest --benchmark --benchmark-json`` wrote.

        Parameters
        ----------
        path
            The file.
        specs
            Runs that are to be held against it.

        Raises
        ------
        InputError
            If it is another kind of file, or has none of the runs.
        """
        path = Path(path)
        entries = read_document(path).get("benchmarks")
        if not isinstance(entries, list):
            raise InputError(f"{path}: field benchmarks: expected the runs that pytest --benchmark --benchmark-json writes, found none")
        qualities = {}
        for number, entry in enumerate(entries):
            try:
                run = entry["extra_info"]
                qualities[str(run["instance_sha256"]), str(run["algorithm"]), int(run["seed"])] = Quality.of(run)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise InputError(
                    f"{path}: field benchmarks.{number}.extra_info: expected a run that pytest --benchmark --benchmark-json wrote, "
                    "found something else"
                ) from None
        if not any((spec.instance_sha256, spec.algorithm, spec.seed) in qualities for spec in specs):
            raise InputError(f"{path}: expected runs of the same instances and algorithms to compare with, found none")
        return cls(qualities)

    def find(self, record: Record) -> Quality | None:
        """Quality that the same run had; ``None`` for a run that is new."""
        return self.qualities.get((record.instance_sha256, record.algorithm, record.seed))
