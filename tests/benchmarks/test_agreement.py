"""All exact methods of P-EDGE agree on the library, through the harness and under its limits."""

from __future__ import annotations

from collections import Counter

import pytest

from mecbench.benchmarks import harness
from mecbench.benchmarks.plan import plan
from mecbench.benchmarks.store import Store
from mecbench.instances import library
from mecbench.solvers.catalogue import discover, resolve

# What a floating-point solver answers for; the others work on the integers themselves.
TOLERANCE = {"p-edge/scip": 1e-6}


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "time_limit"), [(("tiny", "medium", "small"), 10.0), (("paper", "large"), 3.0)])
def test_exact_methods_agree_on_every_library_instance_that_they_finish(tmp_path, sizes, time_limit):
    """Whoever proves optimality proves the library's certified optimum, and nobody beats a bound of anybody."""
    stored = [library.load(name) for name in library.names("p-edge") if name.split("-")[2] in sizes]
    assert len(stored) >= 18
    found = {name: make for name, make in discover("mecbench.solvers").items() if name.startswith("p-edge/")}
    algorithms = [resolve(name) for name, make in found.items() if getattr(make, "kind", "") == "exact"]
    assert len(algorithms) >= 7
    known = {one.instance.sha256: library.best_known(one.instance) for one in stored}
    with Store(tmp_path) as store:
        summary = harness.run(plan(stored, algorithms, time_limit=time_limit, memory_limit=8192), store, jobs=2)
        records = list(store.records())
    assert len(records) == len(stored) * len(algorithms)
    assert not summary.contradictions
    assert {record.status for record in records} <= {"ok", "timeout"}
    finished = [record for record in records if record.status == "ok" and record.solver_status == "optimal"]
    for record in finished:
        optimum = known[record.instance_sha256].bound
        assert record.objective == pytest.approx(optimum, rel=TOLERANCE.get(record.algorithm, 1e-9)), record.algorithm
    proofs = Counter(record.instance_sha256 for record in finished)
    assert min(proofs[one.instance.sha256] for one in stored) >= 3, "threshold, greedy and auto finish everywhere"
    if "tiny" in sizes:
        assert min(proofs[one.instance.sha256] for one in stored if "tiny" in one.name) == len(algorithms)
