"""From the end of a run to its record: nothing that the run said is believed before it is recomputed."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from mecbench.benchmarks.isolation.pool import Ending
from mecbench.benchmarks.plan import RunSpec
from mecbench.benchmarks.record import BoundKind, Record, Status
from mecbench.problems import Problem, load
from mecbench.problems.arrays import ArrayModel
from mecbench.problems.errors import explain
from mecbench.problems.evaluation import CertificateError, Evaluation, Sense, SolutionError, beats

__all__ = ["judge", "skipped"]

_LOG_TAIL = 65536
_MESSAGE = 500
_NEAR = 0.9  # share of the memory limit from which an unexplained death counts as memout
_LATE = 0.5  # share of the time limit from which a return without a solution counts as timeout
_OUT_OF_MEMORY = ("bad_alloc", "MemoryError", "out of memory", "insufficient memory", "cannot allocate memory")


@dataclass(frozen=True, slots=True)
class _Found:
    """A solution that could be evaluated."""

    solution: dict[str, Any]
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class _Claim:
    """A bound and how far it can be trusted; `refuted` says why not at all."""

    bound: float | None
    kind: BoundKind
    refuted: str = ""


def skipped(spec: RunSpec, missing: Iterable[str]) -> Record:
    """Record of a run for which packages are missing."""
    return _record(spec, "skipped", f"not installed: {', '.join(missing)}", Ending("finished"))


def judge(spec: RunSpec, ending: Ending) -> Record:
    """Judge a run.

    Parameters
    ----------
    spec
        What was asked.
    ending
        How the run ended and what it had sent.
    """
    status, message = _ended(spec, ending)
    if status == "skipped":
        return _record(spec, status, message, ending)
    problem, instance = load(spec.problem), _instance(spec.problem, spec.data)
    incumbents = [(seconds, _attempt(problem, instance, solution), _finite(bound)) for seconds, solution, bound in ending.incumbents]
    outcome = (ending.outcome or {}) if status == "ok" else {}
    final: _Found | None = None
    certificate = outcome.get("certificate")
    try:
        final = _evaluate(problem, instance, outcome.get("solution"))
        claim = _claim(problem, instance, outcome.get("bound"), certificate)
    except (ValidationError, SolutionError) as error:
        status, message = "invalid-output", _sentence(error)
        final, claim, certificate = None, _Claim(None, "none"), None
    if status in ("ok", "timeout", "memout"):
        if final is None:
            final = _best(problem.SENSE, [found for _, found, _ in incumbents])
        if claim.bound is None and not claim.refuted:
            claim = _reported(problem.SENSE, [bound for _, _, bound in incumbents])
        witnesses = [found.evaluation.objective for found in (*(found for _, found, _ in incumbents), final) if found and _feasible(found)]
        claim = _confront(claim, [*witnesses, *([] if spec.reference is None else [spec.reference])], problem.SENSE)
        status, message = _verdict(spec, ending, status, message, final, claim)
    return _record(spec, status, message, ending, final, claim, certificate, incumbents)


def _ended(spec: RunSpec, ending: Ending) -> tuple[Status, str]:
    """Status by the way the run ended, before anything it sent is looked at."""
    outcome = ending.outcome
    if ending.cause == "time":
        return "timeout", f"killed at its limit of {spec.time_limit:g} s"
    if ending.cause == "unstarted":
        return "timeout", "killed before it began to solve, since reading it took too long"
    if ending.cause == "memory":
        return "memout", f"killed at its limit of {spec.memory_limit} MiB"
    if ending.cause == "lost":
        return "crash", "its warm process was lost with it"
    if ending.cause == "died":
        if _starved(spec, ending):
            return "memout", f"died for lack of memory: {_exit(ending.exit_code)}"
        return "crash", f"{_exit(ending.exit_code)} without an outcome"
    if outcome is None:
        return "invalid-output", "expected an outcome in JSON, found something else"
    if "missing" in outcome:
        return "skipped", f"not installed: {outcome['missing']}"
    if "invalid" in outcome:
        return "invalid-output", str(outcome["invalid"])
    if "error" in outcome:
        return "memout" if outcome.get("memory") or _starved(spec, ending) else "crash", str(outcome["error"])
    return "ok", ""


def _starved(spec: RunSpec, ending: Ending) -> bool:
    """Whether a run that died, or failed with an error of its own, did so for lack of memory."""
    near = spec.memory_limit is not None and ending.peak_memory_mib >= _NEAR * spec.memory_limit
    return near or any(words in ending.log_tail[-4096:] for words in _OUT_OF_MEMORY)


def _exit(code: int | None) -> str:
    if code is None:
        return "ended"
    if code >= 0:
        return f"ended with exit code {code}"
    return f"killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"killed by signal {-code}"


def _verdict(spec: RunSpec, ending: Ending, status: Status, message: str, final: _Found | None, claim: _Claim) -> tuple[Status, str]:
    if claim.refuted:
        return "wrong-claim", f"{claim.refuted}; {message}" if message else claim.refuted
    if status != "ok":
        return status, message
    if final is None:
        if spec.kind == "bound" and claim.bound is not None:
            return "ok", ""
        # Solvers return early to return in time; CP-SAT ends before any step that it expects to cross the limit.
        if ending.wall_seconds >= _LATE * spec.time_limit:
            return "timeout", f"gave up after {ending.wall_seconds:.3g} s of {spec.time_limit:g} s without a solution"
        return "invalid-output", "expected a solution, found none"
    if not math.isfinite(final.evaluation.objective):
        return "infeasible", "its objective is not finite"
    if not _feasible(final):
        broken = {name: violation.relative for name, violation in final.evaluation.violations.items()}
        worst = max(broken, key=lambda name: broken[name])
        return "infeasible", f"violates {worst} by {broken[worst]:g} relative to its right-hand side"
    return "ok", ""


@lru_cache(maxsize=32)
def _instance(problem: str, data: str) -> Any:
    return load(problem).Instance.model_validate_json(data)


def _evaluate(problem: Problem, instance: Any, solution: Any) -> _Found | None:
    if solution is None:
        return None
    decisions = problem.Solution.model_validate(solution)
    try:
        evaluation = problem.evaluate(instance, decisions)
    except SolutionError:
        raise
    except Exception as error:  # no solution, however wild, may end a job
        raise SolutionError(f"cannot be evaluated: {type(error).__name__}: {error}") from error
    if math.isnan(evaluation.objective):
        raise SolutionError("expected a solution with an objective, found one whose objective is not a number")
    return _Found(solution, evaluation)


def _attempt(problem: Problem, instance: Any, solution: Any) -> _Found | None:
    try:
        return _evaluate(problem, instance, solution)
    except (ValidationError, SolutionError):
        return None


def _claim(problem: Problem, instance: Any, bound: Any, certificate: Any) -> _Claim:
    if bound is not None and (not isinstance(bound, int | float) or math.isnan(bound)):
        raise SolutionError(f"field bound: expected a number, found {bound!r}")
    stated = _finite(bound)
    if bound == (math.inf if problem.SENSE is Sense.MINIMISE else -math.inf):
        raise SolutionError(f"field bound: expected a finite number, found {bound!r}")
    if certificate is None:
        return _Claim(stated, "none" if stated is None else "solver")
    model: ArrayModel = problem.Certificate.model_validate(certificate)
    try:
        return _Claim(problem.bound(instance, model), "certified")
    except CertificateError as error:
        return _Claim(stated, "none" if stated is None else "solver", _sentence(error))


def _finite(bound: Any) -> float | None:
    return float(bound) if isinstance(bound, int | float) and math.isfinite(bound) else None


def _feasible(found: _Found) -> bool:
    return found.evaluation.feasible and math.isfinite(found.evaluation.objective)


def _best(sense: Sense, candidates: list[_Found | None]) -> _Found | None:
    """Best feasible incumbent, the latest infeasible one if there is none."""
    found = [candidate for candidate in candidates if candidate is not None]
    feasible = [candidate for candidate in found if _feasible(candidate)]
    if not feasible:
        return found[-1] if found else None
    choose = min if sense is Sense.MINIMISE else max
    return choose(feasible, key=lambda candidate: candidate.evaluation.objective)


def _reported(sense: Sense, bounds: list[float | None]) -> _Claim:
    known = [bound for bound in bounds if bound is not None]
    if not known:
        return _Claim(None, "none")
    return _Claim(max(known) if sense is Sense.MINIMISE else min(known), "solver")


def _confront(claim: _Claim, objectives: list[float], sense: Sense) -> _Claim:
    """Refute a bound that a feasible solution beats."""
    if claim.bound is None or claim.refuted or not objectives:
        return claim
    best = min(objectives) if sense is Sense.MINIMISE else max(objectives)
    if not beats(best, claim.bound, sense):
        return claim
    return _Claim(claim.bound, claim.kind, f"claims the bound {claim.bound!r}, but a feasible solution has the objective {best!r}")


def _sentence(error: Exception) -> str:
    """What is wrong, in one sentence."""
    return str(explain(error, error.title.lower()) if isinstance(error, ValidationError) else error)


def _line(text: str) -> str:
    """Text of others on one line that a table can hold."""
    return _clean(" ".join(text.split()))[:_MESSAGE]


def _clean(text: str) -> str:
    """Text that can be stored: what is no Unicode is replaced."""
    return text.encode(errors="replace").decode()


def _parameters(algorithm: str) -> dict[str, str]:
    head, _, items = algorithm.rpartition(":")
    if not head or "=" not in items:
        return {}
    return dict(item.partition("=")[::2] for item in items.split(","))


def _record(
    spec: RunSpec,
    status: Status,
    message: str,
    ending: Ending,
    final: _Found | None = None,
    claim: _Claim | None = None,
    certificate: dict[str, Any] | None = None,
    incumbents: Iterable[tuple[float, _Found | None, float | None]] = (),
) -> Record:
    outcome = ending.outcome or {}
    evaluation = None if final is None else final.evaluation
    returned = "wall_seconds" in outcome
    wall = float(outcome["wall_seconds"] if returned else ending.wall_seconds)
    trace = [
        [seconds, found.evaluation.objective if found is not None and _feasible(found) else None, bound]
        for seconds, found, bound in incumbents
    ]
    bound = None if claim is None else claim.bound
    if status == "ok" and final is not None:
        trace.append([wall, final.evaluation.objective, bound])
    return Record(
        key=spec.key,
        suite=spec.suite,
        instance=spec.instance,
        instance_sha256=spec.instance_sha256,
        problem=spec.problem,
        algorithm=spec.algorithm,
        kind=spec.kind,
        sees=spec.sees,
        version=str(spec.version),
        seed=spec.seed,
        time_limit=spec.time_limit,
        memory_limit=spec.memory_limit,
        threads=spec.threads,
        status=status,
        message=_line(message),
        solver_status=_line(str(outcome.get("status", ""))),
        sense=str(load(spec.problem).SENSE),
        objective=None if evaluation is None else evaluation.objective,
        feasible=final is not None and _feasible(final),
        bound=bound,
        bound_kind="none" if claim is None else claim.kind,
        wall_seconds=wall,
        cpu_seconds=float(outcome["cpu_seconds"] if returned else ending.cpu_seconds),
        peak_memory_mib=ending.peak_memory_mib,
        timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
        parameters=_parameters(spec.algorithm),
        training=spec.training,
        terms={} if evaluation is None else evaluation.terms,
        violations={}
        if evaluation is None
        else {name: {"absolute": item.absolute, "relative": item.relative} for name, item in evaluation.violations.items()},
        metrics=(outcome.get("metrics") or {}) | ({} if evaluation is None else evaluation.metrics),
        trace=trace,
        solution=None if final is None else final.solution,
        certificate=certificate,
        log_tail=_clean((ending.log_tail + str(outcome.get("trace", "")))[-_LOG_TAIL:]),
    )
