"""Bounds by cases are proven like any other, never crossed, and better than without."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Parameters, bound, evaluate, generate
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.options import of_trace
from mecbench.solvers.p.branching import Branching
from mecbench.solvers.p.dual import Ascent

SECONDS = 60.0  # more than any of these takes to close


def branched(instance, seconds=SECONDS):
    """Dual data without cases, and the division that starts from them."""
    options = of_trace(instance)
    dual = Ascent(instance, options).ascend(seconds)
    return dual, Branching(instance, options, dual)


@pytest.mark.parametrize("seed", range(6))
def test_cases_never_beat_what_a_deployment_allows(seed):
    """With every deployment tried, and random and greedy choices under each, none gets below the bound of the closed tree."""
    drawn = {"servers": 2, "users": 4, "slots": 2, "interval": 2, "models": ("lenet-7", "lenet-9", "resnet-18"), "services_per_model": 1}
    instance = generate(Parameters.model_validate(drawn | {"storage": (0.02, 0.052), "delay_limit": 1.0}), seed)
    options = of_trace(instance)
    dual, cases = branched(instance)
    certificate = cases.improve(SECONDS)
    assert cases.finished
    proven = bound(instance, certificate)
    assert proven >= dual.bound
    random = np.random.default_rng(seed)
    packings = np.array(list(itertools.product((False, True), repeat=instance.services)))
    fitting = [packings[packings @ instance.service_bytes <= capacity] for capacity in instance.storage]
    least = np.inf
    for columns in itertools.product(*fitting):
        deployment = np.array(columns).T[None]
        held = deployment[0][instance.service]
        cheapest = np.where(held, dual.serve, np.inf).argmin(axis=2)
        chosen = np.take_along_axis(dual.cut, cheapest[..., None], axis=2)[..., 0]
        tries = [(cheapest, chosen)]
        tries += [(random.integers(0, 2, held.shape[:2]), random.integers(0, instance.cuts[instance.service] + 1)) for _ in range(5)]
        for server, cut in tries:
            evaluation = evaluate(instance, polish(instance, options, deployment, server, cut))
            late = evaluation.metrics["mean_delay_s"] - instance.delay_limit
            least = min(least, evaluation.objective + certificate.multiplier * late)
    assert proven <= least
    assert proven >= 0.9 * least


@pytest.mark.parametrize(("seed", "gain"), [(0, 3e-3), (1, 1e-3)])
def test_cases_raise_the_bound_where_storage_is_tight(seed, gain):
    """On the class medium most of the gap is due to deployments, and a hundred cases recover a good part of it."""
    instance = generate(SIZES["medium"], seed)
    reported = []
    dual, cases = branched(instance, 3.0)
    while not cases.finished:
        certificate = cases.improve(1.0, reported.append)
    proven = bound(instance, certificate)
    assert proven >= (1.0 + gain) * dual.bound
    assert proven == pytest.approx(cases.bound, rel=1e-6)
    assert reported == sorted(reported)
    assert reported[-1] <= proven
    assert certificate.branch.size == 2 * (certificate.branch == -1).sum() - instance.intervals


def test_no_time_leaves_the_bound_as_it_was():
    """Without time for any case the better dual data stay, and their bound up to the digits that a certificate keeps."""
    instance = generate(SIZES["small"], 0)
    dual, cases = branched(instance, 0.1)
    assert bound(instance, cases.improve(0.0)) == pytest.approx(dual.bound, rel=1e-7)
