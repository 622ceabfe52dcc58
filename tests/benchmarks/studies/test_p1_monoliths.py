from __future__ import annotations

import pytest

from mecbench.benchmarks.record import Record
from mecbench.benchmarks.studies.p1_monoliths import BOUND, INSTANCES, METHODS, PLAN, compare, markdown
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve

MONOLITH = "p1/milp-highs:gap=0.0001"


def record(algorithm: str, trace: list[list[float | None]], bound: float | None, wall: float = 300.0, **changes: object) -> Record:
    """Record of a run that told these solutions and bounds."""
    costs = [cost for _, cost, _ in trace if cost is not None]
    data: dict[str, object] = {
        "key": algorithm,
        "suite": "",
        "instance": "one",
        "instance_sha256": "",
        "problem": "p1",
        "algorithm": algorithm,
        "kind": "exact",
        "sees": "clairvoyant",
        "version": "1",
        "seed": 0,
        "time_limit": 300.0,
        "memory_limit": None,
        "threads": 1,
        "status": "ok",
        "solver_status": "feasible",
        "sense": "minimise",
        "objective": min(costs, default=None),
        "feasible": bool(costs),
        "bound": bound,
        "wall_seconds": wall,
        "cpu_seconds": wall / 2,
        "trace": trace,
    }
    return Record(**(data | changes))


BOUNDED = record(BOUND, [[0.01, None, 0.9], [0.02, None, 0.99]], 0.99, wall=0.1, bound_kind="certified")
PLANNED = record(PLAN, [[0.1, 5.0, None], [2.0, 1.0, None]], 0.99, wall=10.0)


def test_both_are_timed_from_when_they_told_it() -> None:
    """The bound counts from when it was first told, the plan too; later improvements of a method change neither."""
    one = compare(
        record(MONOLITH, [[4.0, 7.0, 0.5], [8.0, 1.0, 0.95], [50.0, None, 0.992], [60.0, None, 1.0]], 1.0, wall=60.0), BOUNDED, PLANNED
    )
    assert (one.own_bound, one.own_plan) == (0.02, 2.0)
    assert (one.to_bound, one.to_plan) == (50.0, 8.0)
    assert (one.objective, one.bound, one.gap) == (1.0, 1.0, 0.0)


def test_what_never_came_took_at_least_the_limit() -> None:
    """Without a bound as good, or any, and without a plan, the ratios are only least ones; bound methods are asked for no plan."""
    one = compare(record(MONOLITH, [[9.0, None, 0.98]], 0.98), BOUNDED, PLANNED)
    assert (one.to_bound, one.to_plan, one.objective, one.gap) == (None, None, None, None)
    table = markdown([one, compare(BOUNDED, BOUNDED, PLANNED)], {"one": 1234})
    assert "| one, 1,234 | milp-highs | none | 0.980000 |  | 300 s | 150 s | never | at least 15,000 | never | at least 150 |" in table
    assert "|  | column-generation | none | 0.990000, certified |  | 0.10 s | 50 ms | 20 ms | 1 |  |  |" in table


def test_a_proof_is_said_to_be_one() -> None:
    """A monolith that closes has the tighter final certificate, and the table says so."""
    closed = record(MONOLITH, [[40.0, 1.0, 1.0]], 1.0, wall=41.0, solver_status="optimal")
    one = compare(closed, BOUNDED, PLANNED)
    assert one.closed
    assert "| 0.000 % | 41 s, closed |" in markdown([one], {"one": 1})


@pytest.mark.parametrize("name", METHODS)
def test_every_method_exists(name: str) -> None:
    """The study names methods that the package has, as the harness records them."""
    assert resolve(name).text == name


def test_every_instance_exists() -> None:
    """Three instances of n10 and two of n5, by name."""
    assert [library.load(name).instance.devices for name in INSTANCES] == [5, 5, 10, 10, 10]
