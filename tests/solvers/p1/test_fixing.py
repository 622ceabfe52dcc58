"""Fixing by reduced costs rules out no better solution, and most binaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from mecbench.problems.p1 import Certificate, bound
from mecbench.problems.p1.certificate import Branch
from mecbench.problems.p1.network import network, size
from mecbench.problems.p1.rows import Row
from mecbench.solvers.p1.column_generation import Generation
from mecbench.solvers.p1.fixing import useful
from mecbench.solvers.p1.pool import Pool

SHARES = st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=3, max_size=3)
TASKS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 2)), min_size=1, max_size=4).map(sorted)


def optimum(flows) -> float:
    """Optimal cost of a network, by the HiGHS within SciPy."""
    rows, binary = LinearConstraint(flows.rows, flows.lower, flows.upper), np.ones(flows.arcs.cost.size)
    return milp(flows.arcs.cost, constraints=rows, integrality=binary, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-9}).fun


def prices(instance, rounds: int) -> Certificate:
    """Certificate after some rounds of column generation."""
    generation, left = Generation(Pool(instance)), [0.0] + [1.0] * rounds
    generation.run(left.pop, lambda value: None)
    return generation.certificate()


@settings(max_examples=40, deadline=None)
@given(
    availability=SHARES,
    tasks=TASKS,
    charged=st.booleans(),
    deadline=st.floats(0.3, 1.2),
    slot_fit=st.booleans(),
    rounds=st.integers(1, 8),
    slack=st.sampled_from([0.0, 0.01, 0.3]),
)
def test_the_optimum_stays(by_hand, availability, tasks, charged, deadline, slot_fit, rounds, slack):
    """Whatever the prices, and however tight the cutoff: what is kept holds the optimum, and nothing is added."""
    instance = by_hand(
        frequency=[1e9, 1e9, 4e8],
        availability=availability,
        release=[release for release, _ in tasks],
        source=[source for _, source in tasks],
        energy_coefficient=[1e-26 * charged, 1e-26, 1e-26],
        deadline=deadline,
        slot_fit=slot_fit,
        penalty=1.0,
    )
    least = optimum(network(instance))
    reduced = network(instance, useful(instance, prices(instance, rounds), least * (1 + slack)))
    assert reduced.arcs.cost.size <= size(instance)
    assert optimum(reduced) == pytest.approx(least, rel=1e-9)


def test_few_binaries_are_left_at_a_small_gap(tiny):
    """Of 16,945 binaries a cutoff at the optimum leaves less than a hundredth, and the bound itself none but its plans'."""
    instance = tiny("mains-n3-q5-s2-k2-6")
    certificate = prices(instance, 1000)
    sizes = [network(instance, useful(instance, certificate, cutoff)).arcs.cost.size for cutoff in (1.187317569437181, 1.2)]
    assert size(instance) == network(instance).arcs.cost.size == 16_945
    assert sizes[0] < 170 < sizes[1] < 16_945
    assert bound(instance, certificate) < 1.187317569437181


def test_a_certificate_with_branches_is_refused(tiny):
    """Each leaf has prices of its own, none of which bounds alone."""
    instance = tiny("mains-n2-q2-s2-k2-5")
    branch = Branch(row=Row(counts="blocks", node=0, slot=0), limit=0, below=-1, above=-2)
    shape = (2, instance.nodes, instance.slots)
    certificate = Certificate(share_price=np.zeros(shape), hop_price=np.zeros((2, instance.slots)), branches=(branch,))
    with pytest.raises(ValueError, match="expected a certificate without branches, found 1"):
        useful(instance, certificate, 1.0)
