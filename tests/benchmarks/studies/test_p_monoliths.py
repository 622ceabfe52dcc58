from __future__ import annotations

from mecbench.benchmarks.record import Record
from mecbench.benchmarks.studies.p_monoliths import DECOMPOSITION, MONOLITHS, WORLDS, compare, instances, markdown
from mecbench.solvers.catalogue import resolve


def record(algorithm: str, trace: list[list[float | None]], bound: float | None, wall: float = 300.0, closed: bool = False) -> Record:
    """Record of a run that told these bounds."""
    return Record(
        key=algorithm,
        suite="",
        instance="one",
        instance_sha256="",
        problem="p",
        algorithm=algorithm,
        kind="exact",
        sees="clairvoyant",
        version="1",
        seed=0,
        time_limit=300.0,
        memory_limit=None,
        threads=1,
        status="ok",
        solver_status="optimal" if closed else "feasible",
        sense="minimise",
        objective=101.0,
        feasible=True,
        bound=bound,
        wall_seconds=wall,
        cpu_seconds=wall / 2,
        trace=trace,
    )


QUICK = record(DECOMPOSITION, [[0.5, None, 90.0], [1.0, 101.0, 99.0], [2.0, None, 99.4999], [19.0, None, 99.5]], 99.5, wall=20.0)


def test_the_same_bound_is_timed_on_both_sides() -> None:
    """Both count from when they first told the decomposition's bound, its own last digits left aside."""
    one = compare(record("p/monolith-scip", [[10.0, None, 95.0], [150.0, 101.0, 99.6], [250.0, None, 99.7]], 99.7), QUICK)
    assert (one.bound, one.seconds, one.decomposed, one.same, one.ratio) == (99.7, 250.0, 2.0, 150.0, 75.0)
    assert not one.closed


def test_a_monolith_that_closes_is_said_to() -> None:
    """What a run told last counts at its end, and its proof stands in the table."""
    one = compare(record("p/monolith-highs", [[3.0, 101.0, 99.0]], 101.0, wall=4.0, closed=True), QUICK)
    assert (one.bound, one.seconds, one.same, one.ratio) == (101.0, 4.0, 4.0, 2.0)
    assert "4.00 s, closed | 2.00 s | 4.00 s | 2 |" in markdown([one], {"one": QUICK})


def test_a_monolith_that_never_has_the_bound_took_at_least_its_limit() -> None:
    """Without a bound as good, or any, a ratio is only a least one."""
    for trace, best in (([], None), ([[9.0, None, 98.0]], 98.0)):
        one = compare(record("p/monolith-highs", trace, best), QUICK)
        assert (one.bound, one.same, one.ratio) == (best, None, 150.0)
        assert "| never | at least 150 |" in markdown([one], {"one": QUICK})


def test_every_method_and_world_exists() -> None:
    """The study names instances and methods that the package has, one of each size per seed."""
    assert [stored.instance.service.shape for stored in instances([0])] == [(slots, users) for _, users, slots in WORLDS]
    assert [resolve(name).text for name in MONOLITHS] == list(MONOLITHS)
