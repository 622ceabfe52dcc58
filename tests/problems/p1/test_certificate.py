"""Certificates: no feasible solution beats one, whatever its dual data, and good ones reach the known bounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.errors import explain
from mecbench.problems.evaluation import CertificateError, Sense, beats
from mecbench.problems.p1.certificate import Branch, Certificate, bound
from mecbench.problems.p1.evaluate import evaluate
from mecbench.problems.p1.rows import count
from mecbench.problems.p1.tables import tables

# Bounds of column generation at its end, `mains`, seeds 0 to 4, as printed where they were measured.
BOUNDS = {
    10: [0.644, 1.280, 1.636, 1.952, 0.753],
    30: [7.644, 9.780, 11.676, 7.216, 9.308],
    50: [43.351, 40.656, 21.128, 26.363, 32.565],
}
DUALS = json.loads((Path(__file__).parent / "data" / "certificates.json").read_text())


def grow(instance, random, some_row, branches: int):
    """A random tree: each branch replaces a leaf of those before it."""
    ends: list[tuple[int, str] | None] = [None]  # where leaves hang: at a side of a branch; at first, the root alone
    tree: list[dict] = []
    for number in range(branches):
        at = ends.pop(int(random.integers(len(ends))))
        if at is not None:
            tree[at[0]][at[1]] = number
        tree.append({"row": some_row(instance, random), "limit": int(random.integers(-1, 4)), "below": 0, "above": 0})
        ends += [(number, "below"), (number, "above")]
    for leaf, at in enumerate(ends):
        if at is not None:
            tree[at[0]][at[1]] = -1 - leaf
    return tuple(Branch(**branch) for branch in tree), len(ends)


def draw_certificate(instance, seed, some_row) -> Certificate:
    """Random prices of a random size on a random tree."""
    random = np.random.default_rng(seed)
    branches, leaves = grow(instance, random, some_row, int(random.integers(0, 5)))
    scale = 10.0 ** random.uniform(-4, 0)

    def some(*shape):
        return random.exponential(scale, shape) * (random.random(shape) < 0.5)

    bare = Certificate(branches=branches, share_price=some(leaves, instance.nodes, instance.slots), hop_price=some(leaves, instance.slots))
    where = [(leaf, branch) for leaf, path in enumerate(bare.paths()) for branch in path]
    leaf, branch = np.array(where, dtype=int).reshape(-1, 2).T
    data = bare.model_dump() | {"multiplier_leaf": leaf, "multiplier_branch": branch, "multiplier": some(len(where))}
    return Certificate.model_validate(data)


def never_beaten(instance, feasible, some_row, seed):
    """Twenty random feasible solutions of a random instance against a random certificate."""
    certified = bound(instance, draw_certificate(instance, seed, some_row))
    for number in range(20):
        verdict = evaluate(instance, feasible(instance, seed + number))
        assert verdict.feasible
        assert not beats(verdict.objective, certified, Sense.MINIMISE)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_feasible_solution_beats_a_bound(draw, feasible, some_row, seed):
    """A bound holds whatever the dual data, the tree and the solution: validity needs no good duals."""
    never_beaten(draw(seed), feasible, some_row, seed)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_five_thousand_feasible_solutions_beat_no_bound(draw, feasible, some_row, seed):
    """The same for as many solutions as the problem's description asks for."""
    never_beaten(draw(seed), feasible, some_row, seed)


@pytest.mark.parametrize("devices", BOUNDS)
@pytest.mark.parametrize("seed", range(5))
def test_known_bounds_are_reached(known, devices, seed):
    """The duals of column generation certify, on the instances of the measurements, the bounds that were printed."""
    certificate = Certificate.model_validate(DUALS[f"n{devices}-{seed}"])
    assert bound(known(f"n{devices}-{seed}"), certificate) == pytest.approx(BOUNDS[devices][seed], abs=0.000501)


def test_prices_make_the_bound(known):
    """Without prices every task takes its favourite plan, so the bound is weak; the duals explain the difference."""
    instance, certificate = known("n50-1"), Certificate.model_validate(DUALS["n50-1"])
    free = certificate.model_copy(update={"share_price": 0 * certificate.share_price, "hop_price": 0 * certificate.hop_price})
    assert bound(instance, free) < 0.5 * bound(instance, certificate)


def test_a_branch_lifts_the_bound(known):
    """At N = 10 plans are indivisible: at most two, or at least three blocks on the server in slot 2 both cost more than the root."""
    instance = known("n10-0")
    split = Certificate.model_validate(DUALS["n10-0-split"])
    assert bound(instance, split) == pytest.approx(0.643914, abs=1e-6)
    assert bound(instance, split) > bound(instance, Certificate.model_validate(DUALS["n10-0"])) + 3e-4


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_solution_is_in_one_leaf(draw, feasible, some_row, seed):
    """The counts of any solution lead down to exactly one leaf: the tree leaves no integer out."""
    instance, random = draw(seed), np.random.default_rng(seed)
    certificate, solution = draw_certificate(instance, seed, some_row), feasible(instance, int(random.integers(1000)))
    plan = np.stack((solution.node, solution.layers_done, solution.share), axis=1)
    counts = [
        int(count(branch.row, tables(instance), instance.groups.of_task, plan, solution.fail).sum()) for branch in certificate.branches
    ]
    fitting = [
        leaf
        for leaf, path in enumerate(certificate.paths())
        if all((counts[number] <= certificate.branches[number].limit) == (side > 0) for number, side in path.items())
    ]
    assert len(fitting) == 1


def certificate_data(**changes):
    """Data of a certificate of one branch on a world of two nodes and one slot."""
    branch = {"row": {"counts": "hops"}, "limit": 0, "below": -1, "above": -2}
    data = {"branches": [branch], "share_price": np.zeros((2, 2, 1)), "hop_price": np.zeros((2, 1))}
    return data | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"branches": []}, "expected field share_price to have one leaf more than the 0 branches, found 2"),
        ({"branches": [{"row": {"counts": "hops"}, "limit": 0, "below": -1, "above": -1}]}, "to reach every leaf and branch once"),
        ({"branches": [{"row": {"counts": "hops"}, "limit": 0, "below": 0, "above": -2}]}, "to reach every leaf and branch once"),
        (
            {"branches": [{"row": {"counts": "hop"}, "limit": 0, "below": -1, "above": -2}]},
            "input should be 'blocks', 'hops' or 'failures'",
        ),
        ({"share_price": -np.ones((2, 2, 1))}, "at least 0"),
        (
            {"multiplier_leaf": [0], "multiplier_branch": [1], "multiplier": [0.5]},
            "expected field multiplier_branch on the way to its leaf, found branch 1 for leaf 0",
        ),
        ({"multiplier_leaf": [0], "multiplier_branch": [0], "multiplier": [-0.5]}, "at least 0"),
    ],
)
def test_a_tree_that_proves_nothing_is_refused(changes, message):
    """A leaf left out, visited twice or under a wrong sign would make any number a bound."""
    Certificate.model_validate(certificate_data())
    with pytest.raises(ValidationError) as caught:
        Certificate.model_validate(certificate_data(**changes))
    assert message in str(explain(caught.value, "certificate"))


def test_a_branch_under_itself_is_refused():
    """Circles reach no leaf."""
    hops = {"row": {"counts": "hops"}, "limit": 0}
    circle = [hops | {"below": -1, "above": -2}, hops | {"below": 2, "above": -3}, hops | {"below": 1, "above": -4}]
    with pytest.raises(ValidationError, match="parents first"):
        Certificate.model_validate(certificate_data(branches=circle, share_price=np.zeros((4, 2, 1)), hop_price=np.zeros((4, 1))))


def test_another_instance_is_refused(known, draw):
    """Dual data of another shape, or a row that names what is not there, prove nothing here."""
    certificate = Certificate.model_validate(DUALS["n10-0"])
    with pytest.raises(CertificateError, match=r"field share_price: expected leaves of shape \[31, 5\], found \[11, 5\]"):
        bound(known("n30-0"), certificate)
    for row in (
        {"counts": "hops", "slot": 5},
        {"counts": "blocks", "node": 11},
        {"counts": "failures", "slot": 1},
        {"counts": "hops", "node": 0},
    ):
        branch = {"row": row, "limit": 0, "below": -1, "above": -2}
        data = {"branches": [branch], "share_price": np.zeros((2, 11, 5)), "hop_price": np.zeros((2, 5))}
        with pytest.raises(CertificateError, match="expected a row of this instance"):
            bound(known("n10-0"), Certificate.model_validate(data))


def test_a_certificate_survives_its_file(known):
    """What is written reads back to the same bound and the same identity."""
    certificate = Certificate.model_validate(DUALS["n10-3"])
    again = Certificate.model_validate(json.loads(json.dumps(certificate.model_dump(mode="json"))))
    assert again == certificate
    assert bound(known("n10-3"), again) == bound(known("n10-3"), certificate)
