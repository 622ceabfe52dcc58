"""Cases decide packings as trying everything does, and their proofs are accepted by the check."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl.tree import check_tree
from mecbench.solvers.p_marl.branching import Branching
from mecbench.solvers.p_marl.epoch import Packing


def draw(seed):
    """A tight packing of seven devices into three edges, and whether it is possible."""
    random = np.random.default_rng(seed)
    weight = random.integers(6, 19, (7, 3))
    choice = np.array(list(product(range(3), repeat=7)))
    need = weight[np.arange(7), choice]
    load = np.stack([np.where(choice == n, need, 0).sum(axis=1) for n in range(3)])
    capacity = int(load.max(axis=0).min()) - seed % 2  # possible, and by one impossible
    return Packing(np.arange(7) + 2, np.where(weight > capacity, capacity + 1, weight), capacity), seed % 2 == 0


@pytest.mark.parametrize("seed", range(12))
def test_cases_decide_as_trying_everything_does(seed):
    """At the least capacity a packing is found, at one multiprocessor less a proof, which is nothing without its values."""
    packing, possible = draw(seed)
    branching = Branching(packing, np.ones(7))
    branching.run(10_000, lambda: True)
    if possible:
        load = np.bincount(branching.edge, weights=packing.weight[np.arange(7), branching.edge], minlength=3)
        assert load.max() <= packing.capacity
        assert not branching.impossible
        return
    assert branching.impossible
    tree = branching.tree(1.0, 10)
    assert (tree.threshold, tree.device_price.shape) == (1.0, (branching.nodes, 10))
    check_tree(tree, packing.weight, packing.capacity, packing.rest)
    with pytest.raises(CertificateError):  # a multiprocessor more, and everybody fits
        check_tree(tree, packing.weight, packing.capacity + 1, packing.rest)
    spoilt = tree.model_copy(update={"device_price": np.zeros_like(tree.device_price)})
    with pytest.raises(CertificateError, match="node"):
        check_tree(spoilt, packing.weight, packing.capacity, packing.rest)


def test_a_search_can_be_continued():
    """Node by node it ends where it ends at once, and stops when it is told to."""
    packing, _ = draw(1)
    whole, parts = Branching(packing, np.ones(7)), Branching(packing, np.ones(7))
    whole.run(10_000, lambda: True)
    parts.run(10, lambda: False)
    assert parts.nodes == 0
    while not parts.impossible:
        before = parts.nodes
        parts.run(1, lambda: True)
        assert parts.nodes == before + 1
    np.testing.assert_array_equal(whole.tree(1.0, 9).device_price, parts.tree(1.0, 9).device_price)
