"""Proofs by cases: what they accept is impossible, and a case that is missing, open or spoilt is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p_marl.tree import Tree, check_tree, reduce, restrict

# Three devices of weight 2 and two edges of 3: edges hold 6 in all, but a device each.
WEIGHT, CAPACITY, REST = np.full((3, 2), 2), 3, np.array([4, 5, 7])


def tree(price, parent=(-1,), device=(-1,), edge=(0,)):
    """A tree over eight devices, whose values are those of the packing's three."""
    full = np.zeros((len(price), 8), dtype=np.int64)
    full[:, REST] = price
    return Tree(threshold=1.0, device_price=full, parent=np.array(parent), device=np.array(device), edge=np.array(edge))


def possible(weight, capacity):
    """Whether some choice of edges fits."""
    devices, edges = weight.shape
    for choice in product(range(edges), repeat=devices):
        need = weight[np.arange(devices), list(choice)]
        if (need <= capacity).all() and np.bincount(choice, weights=need, minlength=edges).max() <= capacity:
            return True
    return False


CASES = tree([[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]], (-1, 0, 1, 0), (-1, 4, -1, 4), (0, 1, 0, 2))


def test_values_and_cases_prove():
    """Equal values prove it at once; so do both edges of a device, as the others then share what is left; values may come later."""
    check_tree(tree([[1, 1, 1]]), WEIGHT, CAPACITY, REST)
    check_tree(tree([[0, 0, 0], [1, 1, 1]], (-1, 0), (-1, -1), (0, 0)), WEIGHT, CAPACITY, REST)
    check_tree(CASES, WEIGHT, CAPACITY, REST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device_price": np.zeros((1, 8), dtype=int), "parent": [-1], "device": [-1], "edge": [0]}, "found none"),
        ({"edge": [0, 1, 0, 1]}, "expected a case of device 4 on edge 2, found none"),
        ({"device": [-1, 4, -1, 5]}, "expected cases of one device where values prove nothing, found 2 devices"),
        ({"device": [-1, 6, -1, 6]}, "expected cases of a device that needs an edge, found device 6"),
        ({"device": [-1, -1, -1, -1]}, "expected one child without a device, found 2"),
        ({"parent": [-1, 0, 1, -1]}, "expected one node without a parent, the first"),
        ({"parent": [-1, 0, 2, 0]}, "parents before their children"),
        ({"edge": [0, 1, 0]}, "field edge: expected 4 nodes, found 3"),
        ({"device_price": np.zeros((3, 8), dtype=int)}, "expected values in each of 4 nodes, found 3"),
    ],
)
def test_a_spoilt_tree_is_refused(change, message):
    """Without a case, with two devices' cases, or with values that prove nothing, nothing is proved."""
    spoilt = Tree(**CASES.model_dump() | {name: np.array(value) for name, value in change.items()})
    with pytest.raises(CertificateError, match=message):
        check_tree(spoilt, WEIGHT, CAPACITY, REST)


def test_what_fits_is_never_proved():
    """Random values and cases of random packings: who is refused room by the check finds none by trying everything."""
    proved = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        weight, capacity = random.integers(2, 8, (4, 2)), 8
        nodes = {"parent": np.array([-1, 0, 0]), "device": np.array([-1, 0, 0]), "edge": np.array([0, 1, 2])}
        claim = Tree(threshold=1.0, device_price=random.integers(0, 4, (3, 4)), **nodes)
        try:
            check_tree(claim, weight, capacity, np.arange(4))
        except CertificateError:
            continue
        proved += 1
        assert not possible(weight, capacity)
    assert proved > 50


def test_reducing_keeps_what_fits():
    """Packing whoever has one edge left neither loses a packing nor makes one up."""
    for seed in range(200):
        random = np.random.default_rng(seed)
        weight, capacity = random.integers(1, 9, (4, 2)), 6
        residual = reduce(weight, capacity)
        fits = possible(weight, capacity)
        if residual is None:
            assert not fits
            continue
        packed = np.flatnonzero(residual.edge >= 0)
        alone = weight
        for row in packed:
            alone = restrict(alone, capacity, row, residual.edge[row])
        assert possible(alone, capacity) == fits
        used = np.bincount(residual.edge[packed], weights=weight[packed, residual.edge[packed]], minlength=2)
        assert (residual.capacity == capacity - used).all()
