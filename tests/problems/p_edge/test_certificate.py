"""Threshold certificates: accepted exactly when they prove a bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import CertificateError, Sense, beats
from mecbench.problems.p_edge import Certificate, Solution, bound, evaluate
from mecbench.problems.p_edge.allocation import allocate


def optimum(instance):
    """Objective of the exact allocation."""
    return evaluate(instance, Solution(allocation=allocate(instance.fixed_cost, instance.shared_cost, instance.multiprocessors))).objective


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), multiprocessors=st.integers(8, 40))
def test_certificate_is_tight_to_the_last_bit(draw, seed, multiprocessors):
    """The optimum certifies itself, and the next float above it is refused: the bound is exact, not nearly so."""
    instance = draw(seed, multiprocessors=multiprocessors)
    best = optimum(instance)
    assert bound(instance, Certificate(threshold=best)) == best
    with pytest.raises(CertificateError, match="is not a lower bound"):
        bound(instance, Certificate(threshold=math.nextafter(best, math.inf)))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(-1.0, 2.0), data=st.data())
def test_no_feasible_allocation_beats_a_certified_bound(draw, seed, share, data):
    """Whatever threshold a certificate claims: if it is accepted, no feasible evaluation lies below it."""
    instance = draw(seed)
    certificate = Certificate(threshold=share * optimum(instance))
    allocation = np.ones(instance.devices, dtype=int)
    for m in data.draw(st.lists(st.integers(0, instance.devices - 1), max_size=instance.multiprocessors - instance.devices)):
        allocation[m] += 1
    verdict = evaluate(instance, Solution(allocation=allocation))
    assert verdict.feasible
    try:
        certified = bound(instance, certificate)
    except CertificateError:
        assert share > 1.0
    else:
        assert not beats(verdict.objective, certified, Sense.MINIMISE)


def test_certificate_of_another_instance_is_refused(draw):
    """A bound holds for one edge only: with more multiprocessors the same threshold proves nothing."""
    instance = draw(11, multiprocessors=16)
    richer = instance.model_copy(update={"multiprocessors": 64})
    with pytest.raises(CertificateError):
        bound(richer, Certificate(threshold=optimum(instance)))
