"""Records as a data frame for reports, and contradictions between runs: both computed on reading, never written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mecbench import problems
from mecbench.benchmarks.learned import agent
from mecbench.benchmarks.store import Store
from mecbench.instances import library
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.evaluation import Regret, Sense, beats, excess, gap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Contradiction", "Reference", "contradictions", "references", "to_frame"]

_STORED = (
    "key", "instance", "instance_sha256", "problem", "suite", "algorithm", "kind", "sees", "seed", "status", "message", "sense",
    "objective", "feasible", "bound", "bound_kind", "violations", "wall_seconds", "cpu_seconds", "peak_memory_mib", "time_limit",
    "memory_limit", "threads", "environment", "metrics", "trace", "log_tail", "version", "training",
)  # fmt: skip
_LATENCIES = ("decision_latency_p50", "decision_latency_p95")


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of an instance; ``None`` where nothing is.

    Attributes
    ----------
    objective, bound, regret
        Best known values, see `mecbench.instances.best.BestKnown`.
    limited
        The metric that a long-term constraint limits, and its limit.
    """

    objective: float | None = None
    bound: float | None = None
    regret: Regret | None = None
    limited: tuple[str, float] | None = None

    @classmethod
    def of(cls, instance: ArrayModel) -> Reference:
        """What the library and the problem know of an instance."""
        best = library.best_known(instance)
        metric, limit = getattr(problems.load(instance.problem), "LIMITED", (None, ""))
        limited = None if metric is None else (metric, float(getattr(instance, limit)))
        return cls(limited=limited) if best is None else cls(best.objective, best.bound, best.regret, limited)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A bound of one run that a feasible solution, of another run or of the library, beats.

    Attributes
    ----------
    instance, instance_sha256
        Where.
    algorithm, bound, bound_kind
        Who claims which bound.
    witness, objective
        Whose solution beats it, ``"library"`` for the best known one.
    """

    instance: str
    instance_sha256: str
    algorithm: str
    bound: float
    bound_kind: str
    witness: str
    objective: float


def references(store: Store, instances: Iterable[str] | None = None) -> dict[str, Reference]:
    """What is known, by hash, of a store's instances or some of them.

    Where the library has no certificate, the store's best one prices what misses a limit.
    """
    known = {sha256: (instance, Reference.of(instance)) for sha256, instance in store.instances(instances)}
    unpriced = {
        sha256 for sha256, (instance, it) in known.items() if it.regret is None and hasattr(problems.load(instance.problem), "regret")
    }
    certified = _certified(store, unpriced) if unpriced else {}
    for sha256, data in certified.items():
        instance, reference = known[sha256]
        package: Any = problems.load(instance.problem)
        certificate = package.Certificate.model_validate_json(data)
        known[sha256] = instance, replace(reference, regret=package.regret(instance, certificate))
    return {sha256: reference for sha256, (_, reference) in known.items()}


def _certified(store: Store, wanted: Collection[str]) -> dict[str, str]:
    """Certificate of the best certified bound of each wanted instance, as JSON, for those that have one."""
    names = ("instance_sha256", "sense", "bound", "bound_kind", "status", "certificate")
    best: dict[str, tuple[float, str]] = {}
    for sha256, sense, bound, kind, status, certificate in store.columns(names):
        if sha256 in wanted and kind == "certified" and status != "wrong-claim" and certificate is not None:
            tightness = bound if sense == Sense.MINIMISE else -bound
            if sha256 not in best or tightness > best[sha256][0]:
                best[sha256] = tightness, certificate
    return {sha256: certificate for sha256, (_, certificate) in best.items()}


def to_frame(store: Store, known: Mapping[str, Reference] | None = None) -> pd.DataFrame:
    """Frame with one row per run.

    Parameters
    ----------
    store
        Where the runs are.
    known
        Best values by hash of the instance; the library's by default.

    Returns
    -------
    pd.DataFrame
        The fields of `Record` that reports use, and ``best_objective`` and ``reference_bound`` (best feasible
        objective and best certified bound of the library and the runs), ``gap`` and ``excess`` to that bound,
        ``regret`` (certified, where a certificate of the library or the runs prices a constraint), ``violation`` (the
        largest relative one) and ``violations`` (relative, by family); ``limited_value`` and ``limited_limit`` of
        what a long-term constraint limits (NaN without), over all requests, failed ones included, and ``limited_price``, the multiplier
        of the certificate that bounds; and ``agent`` and ``recipe``, which are the same for training runs that differ in their seed
        only, ``training_seed``, ``transitions``, ``training_cpu_seconds`` and ``multiplier`` (NaN for what was not trained).
    """
    import pandas as pd

    rows = _rows(store)
    known = references(store) if known is None else known
    best, bounds = _best(rows, known)
    for row in rows:
        row["violations"] = {name: item["relative"] for name, item in row["violations"].items()}
        row["violation"] = max(row["violations"].values(), default=None)
        row["best_objective"] = best.get(row["instance_sha256"], (None, ""))[0]
        row["reference_bound"] = bounds.get(row["instance_sha256"])
        counted = row["objective"] if row["feasible"] else None
        regret = known[row["instance_sha256"]].regret if row["instance_sha256"] in known else None
        row["regret"] = regret.of(row["objective"], row["metrics"], row["violations"]) if regret and row["violations"] else None
        limited = known[row["instance_sha256"]].limited if row["instance_sha256"] in known else None
        row["limited_price"] = regret.prices[limited[0]][0] if limited and regret and limited[0] in regret.prices else None
        row["limited_value"], row["limited_limit"] = (None, None) if limited is None else (row["metrics"].get(limited[0]), limited[1])
        row["gap"], row["excess"] = gap(counted, row["reference_bound"]), excess(counted, row["reference_bound"])
        for latency in _LATENCIES:
            row[latency] = row["metrics"].get(latency)
        row["agent"], row["recipe"] = agent(row["algorithm"], row["training"]), row["training"].get("recipe", "")
        row["training_seed"] = row["training"].get("seed")
        for cost in ("transitions", "training_cpu_seconds", "multiplier"):
            row[cost] = row["training"].get(cost)
    computed = ["best_objective", "reference_bound", "regret", "violation", "limited_value", "limited_limit", "limited_price", *_LATENCIES]
    trained = ["training_seed", "transitions", "training_cpu_seconds", "multiplier"]
    columns = [*(name for name in _STORED if name != "training"), *computed, "gap", "excess", "agent", "recipe", *trained]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = ["objective", "bound", "memory_limit", *computed, *trained]
    return frame.astype(dict.fromkeys(numbers, float) | {"feasible": bool})


def contradictions(
    store: Store, instances: Iterable[str] | None = None, known: Mapping[str, Reference] | None = None
) -> list[Contradiction]:
    """Bounds that solutions beat.

    Parameters
    ----------
    store
        Where the runs are.
    instances
        Hashes of the instances to look at; all by default.
    known
        Best values by hash of the instance; the library's by default.
    """
    names = ("instance", "instance_sha256", "algorithm", "status", "sense", "objective", "feasible", "bound", "bound_kind")
    rows = [dict(zip(names, row, strict=True)) for row in store.columns(names)]
    wanted = None if instances is None else frozenset(instances)
    if wanted is not None:
        rows = [row for row in rows if row["instance_sha256"] in wanted]
    best, _ = _best(rows, references(store, wanted) if known is None else known)
    found: dict[Contradiction, None] = {}
    for row in rows:
        if row["bound"] is None or row["instance_sha256"] not in best:
            continue
        objective, witness = best[row["instance_sha256"]]
        if beats(objective, row["bound"], Sense(row["sense"])):
            place = row["instance"], row["instance_sha256"], row["algorithm"]
            found[Contradiction(*place, row["bound"], row["bound_kind"], witness, objective)] = None
    return list(found)


def _rows(store: Store) -> list[dict[str, Any]]:
    rows = [dict(zip(_STORED, row, strict=True)) for row in store.columns(_STORED)]
    for row in rows:
        for name in ("violations", "metrics", "trace", "training"):
            row[name] = json.loads(row[name])
    return rows


def _best(rows: list[dict[str, Any]], known: Mapping[str, Reference]) -> tuple[dict[str, tuple[float, str]], dict[str, float]]:
    """Best feasible objective with its author, and best certified bound, by hash of the instance."""
    best = {sha256: (item.objective, "library") for sha256, item in known.items() if item.objective is not None}
    bounds = {sha256: item.bound for sha256, item in known.items() if item.bound is not None}
    for row in rows:
        sha256, minimise = row["instance_sha256"], row["sense"] == Sense.MINIMISE
        objective, bound = row["objective"], row["bound"]
        if row["feasible"] and (sha256 not in best or ((objective < best[sha256][0]) == minimise and objective != best[sha256][0])):
            best[sha256] = (objective, row["algorithm"])
        if bound is not None and row["bound_kind"] == "certified" and row["status"] != "wrong-claim":
            bounds[sha256] = bound if sha256 not in bounds else (max if minimise else min)(bounds[sha256], bound)
    return best, bounds
