from __future__ import annotations

from mecbench.benchmarks.studies.p_marl_monoliths import INSTANCES, MONOLITHS, OURS
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve


def test_every_method_and_instance_exists() -> None:
    """The study names what the package has: one epoch of every size, so that all methods are asked the same."""
    assert [resolve(name).text for name in (OURS, *MONOLITHS)] == [OURS, *MONOLITHS]
    instances = [library.load(name).instance for name in INSTANCES]
    assert {instance.epochs for instance in instances} == {1}
    assert [(instance.devices, instance.edges) for instance in instances] == [(5, 2), (20, 3), (60, 5), (120, 8), (240, 11)]
