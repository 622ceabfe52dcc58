"""The evaluator against its scalar twin, every constraint family by hand, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import SolutionError
from mecbench.problems.p import Solution, evaluate
from mecbench.problems.p.allocation import polish
from mecbench.problems.p.evaluate import migrated
from mecbench.problems.p.options import of_trace


@pytest.fixture(scope="module")
def good(draw):
    """A feasible instance and solution: everything deployed, everybody served, exact split."""
    instance = draw(1, storage=(1.0, 1.0))
    options = of_trace(instance)
    deployment = np.ones((instance.intervals, instance.services, instance.servers), dtype=bool)
    server = np.zeros(instance.service.shape, dtype=int)
    server[:, 1:] = 1
    return instance, polish(instance, options, deployment, server, instance.cuts[instance.service] // 2)


def changed(solution: Solution, **fields: object) -> Solution:
    """The solution with some fields replaced."""
    return Solution.model_validate(solution.model_dump() | fields)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), fading=st.sampled_from(["none", "rayleigh"]))
def test_evaluator_equals_its_scalar_twin(draw, decide, twin, seed, fading):
    """Batched physics and the paper's equations written out agree to 1e-12 on any decisions, static gains or fading."""
    instance = draw(seed % 1000, fading=fading, slots=1 + seed % 4)
    solution = decide(instance, seed)
    verdict, expected = evaluate(instance, solution), twin(instance, solution)
    assert verdict.objective == pytest.approx(expected.cost, rel=1e-12)
    assert verdict.metrics["mean_delay_s"] == pytest.approx(expected.delay, rel=1e-12)
    for family in ("bandwidth", "compute"):
        assert verdict.violations[family].absolute == pytest.approx(getattr(expected, family), rel=1e-9, abs=1e-3)
    assert verdict.violations["storage"].absolute == expected.storage


def test_a_good_solution_is_feasible_and_its_terms_add_up(good):
    """The exact split meets every family; privacy and weighted energy are the objective."""
    instance, solution = good
    verdict = evaluate(instance, solution)
    assert verdict.feasible
    assert sum(verdict.terms.values()) == pytest.approx(verdict.objective, rel=1e-12)
    assert verdict.terms["privacy"] == pytest.approx(instance.privacy_weight * verdict.metrics["mean_privacy"], rel=1e-12)
    assert verdict.terms["energy"] == pytest.approx(instance.energy_weight * verdict.metrics["mean_energy_j"], rel=1e-12)
    assert verdict.metrics["success_rate"] == 1.0
    assert verdict.metrics["success_mean_delay_s"] == verdict.metrics["mean_delay_s"]


@pytest.mark.parametrize(("field", "capacity", "family"), [("bandwidth", "bandwidth", "bandwidth"), ("compute", "server_flops", "compute")])
def test_capacities_are_held_to_a_billionth(good, field, capacity, family):
    """C5 and C6: a share more by half the tolerance passes, by three times the tolerance it does not."""
    instance, solution = good
    share = getattr(solution, field).copy()
    slot, user = np.unravel_index(np.argmax(share), share.shape)
    whole = getattr(instance, capacity)[solution.server[slot, user]]
    for excess, feasible in ((0.5e-9, True), (3e-9, False)):
        more = share.copy()
        more[slot, user] += whole - share[slot, solution.server[slot] == solution.server[slot, user]].sum() + excess * whole
        verdict = evaluate(instance, changed(solution, **{field: more}))
        assert verdict.feasible == feasible
        assert verdict.violations[family].relative == pytest.approx(excess, rel=1e-3)


def test_storage_counts_whole_bytes(good):
    """C7: what fills the storage to the last byte fits, one byte less of storage does not; no tolerance."""
    instance, solution = good
    total = int(instance.service_bytes.sum())
    for spare, feasible in ((0, True), (-1, False)):
        data = instance.model_dump() | {"storage": np.full(instance.servers, total + spare)}
        verdict = evaluate(type(instance).model_validate(data), solution)
        assert verdict.feasible == feasible
        assert verdict.violations["storage"].absolute == -spare


def test_delay_is_held_on_average_to_a_ten_millionth(good):
    """C8: the limit is on the mean over all requests, not on each, with a relative tolerance of 1e-7."""
    instance, solution = good
    solution = changed(solution, bandwidth=solution.bandwidth / 20)
    delays = evaluate(instance, solution).metrics
    mean = delays["mean_delay_s"]
    assert 1.0 < mean < delays["max_user_delay_s"]
    for excess, feasible in ((0.0, True), (0.5e-7, True), (3e-7, False)):
        data = instance.model_dump() | {"delay_limit": mean * (1 - excess)}
        verdict = evaluate(type(instance).model_validate(data), solution)
        assert verdict.feasible == feasible
        assert verdict.violations["delay"].relative == pytest.approx(excess, rel=1e-3, abs=1e-12)


def test_a_failed_request_costs_all_it_can_and_counts_in_the_delay(good):
    """R8: where the server lacks the service the request leaks all, computes all itself and takes tau_fail, whatever its cut."""
    instance, solution = good
    deployment = solution.deployment.copy()
    deployment[0, instance.service[0, 0], solution.server[0, 0]] = False
    slot = np.arange(instance.slots)[:, None]
    hit = deployment[slot // instance.interval, instance.service, solution.server]
    shares = {"bandwidth": np.where(hit, solution.bandwidth, 0.0), "compute": np.where(hit, solution.compute, 0.0)}
    verdict = evaluate(instance, changed(solution, deployment=deployment, **shares))
    options = of_trace(instance)
    before = evaluate(instance, solution)
    cut = (slot, np.arange(instance.users), solution.cut)
    watts = instance.energy_weight * instance.user_watts
    uploads = options.upload[cut] / options.uplink[slot, solution.server, np.arange(instance.users)]
    own = options.cost[cut] + watts * np.divide(uploads, solution.bandwidth, out=np.zeros_like(uploads), where=uploads > 0)
    expected = before.objective + (options.failure - own)[~hit].sum() / instance.requests
    assert verdict.objective == pytest.approx(expected, rel=1e-12)
    assert verdict.metrics["success_rate"] == hit.mean() < 1.0
    assert verdict.metrics["mean_delay_s"] >= (~hit).mean() * instance.failure_delay
    assert verdict.metrics["success_mean_delay_s"] < verdict.metrics["mean_delay_s"]
    assert verdict.violations["failed_shares"].relative == 0.0


def test_a_failed_request_must_hold_no_share(good):
    """A share of who is not served is refused, however small."""
    instance, solution = good
    nothing = np.zeros_like(solution.deployment)
    idle = np.zeros(instance.service.shape)
    empty = changed(solution, deployment=nothing, bandwidth=idle, compute=idle)
    assert evaluate(instance, empty).violations["failed_shares"].relative == 0.0
    idle = idle.copy()
    idle[0, 0] = 1e-3
    assert evaluate(instance, changed(empty, bandwidth=idle)).violations["failed_shares"].relative > 0.0


def test_nothing_takes_no_time_and_something_without_a_share_takes_for_ever(good):
    """0 / 0 is 0: a full-local request needs no compute; without bandwidth for its download it never ends."""
    instance, solution = good
    local = instance.cuts[instance.service]
    verdict = evaluate(instance, changed(solution, cut=local, compute=np.zeros(local.shape)))
    assert np.isfinite(verdict.metrics["mean_delay_s"])
    waiting = solution.bandwidth.copy()
    waiting[0, 0] = 0.0
    verdict = evaluate(instance, changed(solution, cut=local, bandwidth=waiting))
    assert verdict.metrics["mean_delay_s"] == np.inf
    assert np.isfinite(verdict.objective), "nothing is uploaded, so the energy is finite"
    verdict = evaluate(instance, changed(solution, cut=np.zeros_like(local), bandwidth=waiting))
    assert verdict.objective == verdict.metrics["mean_delay_s"] == np.inf
    assert not verdict.feasible


def test_a_solution_of_another_trace_is_refused(good):
    """Consistent decisions for fewer slots are an error, not an evaluation of the slots that are there."""
    instance, solution = good
    shorter = {name: getattr(solution, name)[:2] for name in ("server", "cut", "bandwidth", "compute")}
    with pytest.raises(SolutionError, match=r"field server: expected shape \[3, 3\], found \[2, 3\]"):
        evaluate(instance, changed(solution, **shorter))


def test_migration_counts_what_is_newly_placed(good):
    """(23): before the first interval nothing is deployed, what stays costs nothing, what returns costs again."""
    instance, solution = good
    deployment = solution.deployment.copy()
    deployment[1, 0, 0] = False
    assert migrated(deployment)[0].all()
    assert not migrated(deployment)[1].any()
    verdict = evaluate(instance, changed(solution, deployment=deployment))
    assert verdict.metrics["migrated_bytes"] == instance.servers * instance.service_bytes.sum()
    seconds = (8 * instance.service_bytes.sum() / instance.cloud_rate).sum()
    assert verdict.metrics["migration_s"] == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("deployment", np.ones((1, 2, 2), dtype=bool), r"field deployment: expected shape \[2, 2, 2\], found \[1, 2, 2\]"),
        ("server", np.full((3, 3), 2), r"field server: expected 0 to 1 at \[0, 0\], found 2"),
        ("server", np.full((3, 3), -1), r"field server: expected 0 to 1 at \[0, 0\], found -1"),
        ("cut", np.full((3, 3), 99), r"field cut: expected 0 to \d+ at \[0, 0\], found 99"),
    ],
)
def test_decisions_that_do_not_fit_are_refused(good, field, value, message):
    """Another shape, a server or a cut that does not exist: an error that names the place, not an evaluation."""
    instance, solution = good
    with pytest.raises(SolutionError, match=message):
        evaluate(instance, changed(solution, **{field: value}))
