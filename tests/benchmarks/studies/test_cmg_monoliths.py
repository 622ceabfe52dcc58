from __future__ import annotations

from mecbench.benchmarks.studies.cmg_monoliths import INSTANCES, MODELS, OURS
from mecbench.instances import library
from mecbench.solvers.catalogue import resolve


def test_every_method_and_instance_exists() -> None:
    """The study names what the package has: eight tiny instances of two or three slots, three small ones and one of the paper's size."""
    assert [resolve(name).text for name in (OURS, *MODELS)] == [OURS, *MODELS]
    shapes = [library.load(name).instance.gain.shape for name in INSTANCES]
    assert set(shapes[:8]) == {(2, 2, 1), (3, 2, 1), (2, 3, 1), (3, 3, 1)}
    assert [shape[0] for shape in shapes[8:]] == [5, 5, 5, 20]
