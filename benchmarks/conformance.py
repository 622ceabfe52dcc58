"""Does an algorithm keep to what the harness expects? A handful of runs on the smallest instances of its problem."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mecbench.benchmarks.isolation.pool import Pool
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.probe import CHANGED, write_probe
from mecbench.benchmarks.record import Record
from mecbench.benchmarks.run import run
from mecbench.instances.files import StoredInstance
from mecbench.instances.generation import generate
from mecbench.problems import load
from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import Sense, beats, gap
from mecbench.reports.wording import percent, seconds
from mecbench.solvers.catalogue import Algorithm, known, resolve

__all__ = ["Check", "Conformance", "check"]

INSTANCES = 3
FIRST_SEED = 20_000  # of the train split: checking sees no test instance
TIME_LIMIT = 1.0  # [s]
SHORT_LIMIT = 0.5  # [s], on an instance of the next size
MEMORY_LIMIT = 1024  # [MiB]
PRINTED = 10_000  # characters a run
PARALLEL = 1.5  # CPU seconds per second that one thread cannot use
MEASURABLE = 0.05  # [s] of wall time below which that ratio says nothing
UNUSUAL_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation.

    Attributes
    ----------
    name
        What is expected, in a word or two.
    passed
        ``None`` if an earlier failure left nothing to look at.
    message
        What was found; for a failure also what to do.
    """

    name: str
    passed: bool | None
    message: str


@dataclass(frozen=True)
class Conformance:
    """Verdict on an algorithm.

    Attributes
    ----------
    algorithm, problem
        Who was checked, on what; the problem is empty if it could not even be told.
    checks
        In the order in which they were made.
    wall_seconds
        Time it took.
    """

    algorithm: str
    problem: str
    checks: tuple[Check, ...]
    wall_seconds: float

    @property
    def passed(self) -> bool:
        """Whether every expectation was met."""
        return all(item.passed for item in self.checks)


def check(algorithm: str, problem: str | None = None) -> Conformance:
    """Check an algorithm on tiny instances, in a few seconds.

    Parameters
    ----------
    algorithm
        ``my_algorithm.py:MyAlgorithm``, or the name of an algorithm that exists.
    problem
        Problem it solves, where its file does not tell.

    Raises
    ------
    InputError
        If there is no such file, or no such algorithm.
    """
    started = time.perf_counter()
    if problem is not None:
        load(problem)
    file, in_a_file, _ = algorithm.partition(".py:")
    try:
        resolved = resolve(algorithm, problem)
    except InputError as error:
        if not in_a_file or not Path(f"{file}.py").is_file():
            raise
        return Conformance(algorithm, problem or "", (Check("loads", False, str(error)), *_unreached(0)), time.perf_counter() - started)
    loaded = Check("loads", True, f"{resolved.kind} algorithm of problem {resolved.problem} that sees {resolved.sees}")
    checks = [loaded]
    with Pool() as pool:
        examination = _Examination(resolved, pool)
        for name, look in EXPECTATIONS:
            try:
                checks.append(Check(name, True, look(examination)))
            except _Unmet as unmet:
                checks.append(Check(name, False, str(unmet)))
                if name in FATAL:
                    checks += _unreached(len(checks) - 1)
                    break
    return Conformance(resolved.text, resolved.problem, tuple(checks), time.perf_counter() - started)


class _Unmet(Exception):  # noqa: N818 - an answer, not an error
    """An expectation is not met; says what was found and what to do."""


class _Examination:
    """The runs that expectations look at; the first of them makes most."""

    def __init__(self, algorithm: Algorithm, pool: Pool) -> None:
        self._algorithm = algorithm
        self._pool = pool
        self._sense = load(algorithm.problem).SENSE
        sizes = list(load(algorithm.problem).SIZES)
        self._instances = [generate(algorithm.problem, sizes[0], FIRST_SEED + number) for number in range(INSTANCES)]
        self._larger = generate(algorithm.problem, sizes[min(1, len(sizes) - 1)], FIRST_SEED)
        self._strongest: dict[str, Record] = {}
        self._records: list[Record] = []

    def _run(self, algorithm: Algorithm, stored: StoredInstance, seed: int = 0, time_limit: float = TIME_LIMIT) -> Record:
        known_best = self._strongest.get(stored.instance.sha256)
        best = {} if known_best is None or known_best.counted is None else {stored.instance.sha256: known_best.counted}
        limits = {"time_limit": time_limit, "memory_limit": MEMORY_LIMIT}
        return run(plan([stored], [algorithm], seeds=[seed], references=best, **limits).runs[0], self._pool)  # type: ignore[arg-type]

    def runs(self) -> str:
        """Run on every instance, and with an unusual seed."""
        strongest = f"{self._algorithm.problem}/auto"
        for stored, seed in [*((stored, 0) for stored in self._instances), (self._instances[0], UNUSUAL_SEED)]:
            if strongest in known() and stored.instance.sha256 not in self._strongest:
                self._strongest[stored.instance.sha256] = self._run(resolve(strongest), stored)
            record = self._run(self._algorithm, stored, seed)
            self._records.append(record)
            where = f"on {stored.name} with seed {seed}"
            if record.status == "skipped":
                raise _Unmet(f"{record.message}: install it, and name it in `requires`")
            if record.status == "crash":
                raise _Unmet(f"{record.message}{_place(record, self._algorithm)} {where}: mend it, or catch what can be caught")
            if record.status in ("timeout", "memout") and not record.feasible:
                raise _Unmet(f"{record.message} {where}: look at budget.remaining and budget.memory_limit, and report incumbents")
        return f"on {INSTANCES} instances and with 2 seeds, in {seconds(max(record.wall_seconds for record in self._records))} at most"

    def returns(self) -> str:
        """Look at what came back."""
        for record in self._records:
            if record.status == "invalid-output":
                raise _Unmet(f"{record.message} (on {record.instance}): return a Solution of {record.problem}, or an Outcome with one")
        return "a Solution, or an Outcome, that fits its instance"

    def feasible(self) -> str:
        """Look at the evaluator's verdicts."""
        for record in self._records:
            if not record.feasible and not (record.kind == "bound" and record.objective is None):
                raise _Unmet(f"{record.message} (on {record.instance}): hold that constraint, as the problem's evaluate.py writes it")
        pairs = [(record, self._strongest.get(record.instance_sha256)) for record in self._records]
        if all(record.objective is None for record in self._records):
            distances = [gap(best.counted, record.bound) for record, best in pairs if best is not None and record.bound is not None]
            mean = f", of a mean gap of {percent(sum(distances) / len(distances))} to the best solutions" if distances else ""
            return f"it returns no solutions but bounds{mean}"
        gaps = [gap(record.counted, best.bound) for record, best in pairs if best is not None and best.bound is not None]
        return f"every solution, with a mean gap of {percent(sum(gaps) / len(gaps))}" if gaps else "every solution"

    def claims(self) -> str:
        """Look for bounds, certificates and verdicts that do not hold."""
        for record in self._records:
            if record.status == "wrong-claim":
                raise _Unmet(f"{record.message} (on {record.instance}): claim only what holds, less the tolerance it was found at")
            best = self._strongest.get(record.instance_sha256)
            if record.solver_status == "optimal" and best is not None and _beaten(record, best, self._sense):
                found = f"calls {record.objective!r} optimal, but {best.objective!r} is feasible (on {record.instance})"
                raise _Unmet(f"{found}: return status 'feasible'")
        kinds = {record.bound_kind for record in self._records} - {"none"}
        if not kinds:
            return "it claims no bound, so there is nothing to refute"
        return "its bounds are certified" if kinds == {"certified"} else "its bounds hold here; a certificate would prove them"

    def repeats(self) -> str:
        """Run once more with the same seed."""
        first, again = self._records[0], self._run(self._algorithm, self._instances[0])
        if (first.solution, first.bound) != (again.solution, again.bound):
            raise _Unmet(
                f"two runs on {first.instance} with seed 0 differ: draw from a generator made of the seed, as "
                "numpy.random.default_rng(seed), and decide nothing by the clock"
            )
        return "the same seed gives the same result"

    def limits(self) -> str:
        """Run on an instance of the next size with little time."""
        record = self._run(self._algorithm, self._larger, time_limit=SHORT_LIMIT)
        given = f"{SHORT_LIMIT:g} s on {self._larger.name}"
        killed = record.status in ("timeout", "memout") and not record.solver_status  # who returns says something
        if killed and not record.feasible:
            raise _Unmet(f"given {given}, {record.message}: return before budget.remaining is 0, or budget.report(solution=...) as you go")
        for one in (*self._records, record):
            if one.wall_seconds > MEASURABLE and one.cpu_seconds > PARALLEL * one.wall_seconds:
                threads = one.cpu_seconds / one.wall_seconds
                raise _Unmet(f"used {threads:.1f} threads on {one.instance}: use no more than budget.threads, here 1")
        if killed:
            return f"given {given}, it was killed, and what it had reported counts"
        without = "" if record.feasible else ", without a solution"
        return f"given {given}, it ended after {seconds(record.wall_seconds)}{without}; one thread"

    def leaves_instance(self) -> str:
        """Run inside a probe."""
        with tempfile.TemporaryDirectory(prefix="mecbench-") as folder:
            probe = resolve(write_probe(self._algorithm.text, self._algorithm.problem, Path(folder)))
            record = self._run(probe, self._instances[0])
        if record.status not in ("ok", "infeasible"):
            raise _Unmet(f"{record.message} (on {record.instance}, the second time): keep nothing from run to run")
        changed = [name.removeprefix(CHANGED) for name in record.metrics if name.startswith(CHANGED)]
        if changed:
            raise _Unmet(f"changed {', '.join(changed)} of {record.instance}: work on a copy, as instance.{changed[0]}.copy()")
        return "the instance is as it was"

    def prints(self) -> str:
        """Look at how much was printed."""
        most = max(self._records, key=lambda record: len(record.log_tail))
        if len(most.log_tail) > PRINTED:
            raise _Unmet(f"{len(most.log_tail)} characters or more on {most.instance}: keep it below {PRINTED}, since printing costs time")
        return f"{len(most.log_tail)} characters a run at most"


EXPECTATIONS: tuple[tuple[str, Callable[[_Examination], str]], ...] = (
    ("runs", _Examination.runs),
    ("returns a solution", _Examination.returns),
    ("is feasible", _Examination.feasible),
    ("claims hold", _Examination.claims),
    ("is reproducible", _Examination.repeats),
    ("keeps to limits", _Examination.limits),
    ("leaves its instance", _Examination.leaves_instance),
    ("prints little", _Examination.prints),
)
FATAL = ("runs", "returns a solution")  # there is nothing for the others to look at


def _unreached(done: int) -> list[Check]:
    return [Check(name, None, "not looked at, since an earlier check failed") for name, _ in EXPECTATIONS[done:]]


def _beaten(record: Record, best: Record, sense: Sense) -> bool:
    return best.counted is not None and record.counted is not None and beats(best.counted, record.counted, sense)


def _place(record: Record, algorithm: Algorithm) -> str:
    """Line of the user's file that an exception came through last."""
    file = algorithm.text.partition(".py:")[0] + ".py"
    lines = re.findall(rf'File "{re.escape(file)}", line (\d+)', record.log_tail)
    return f" ({file}, line {lines[-1]})" if lines else ""
