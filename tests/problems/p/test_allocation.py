"""The closed-form split against a general convex solver, and polish as the last step of any method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from mecbench.problems.p import evaluate
from mecbench.problems.p.allocation import choices, polish, split
from mecbench.problems.p.options import of_trace


def everywhere(instance):
    """Everything deployed on every server."""
    return np.ones((instance.intervals, instance.services, instance.servers), dtype=bool)


def some_choices(instance, seed):
    """Random servers and cuts."""
    random = np.random.default_rng(seed)
    shape = instance.service.shape
    return random.integers(0, instance.servers, shape), random.integers(0, instance.cuts[instance.service] + 1)


@pytest.mark.parametrize("multiplier", [0.0, 0.3, 7.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_split_minimises_cost_and_priced_delay(draw, seed, multiplier):
    """Cauchy-Schwarz: the closed form attains (sum b)^2 / B + nu (sum sqrt W)^2 / f, and no random split does better."""
    instance = draw(seed, users=5)
    options = of_trace(instance)
    server, cut = some_choices(instance, seed)
    chosen = choices(instance, options, np.ones_like(server, dtype=bool), server, cut)
    shares = split(instance, chosen, multiplier)
    weight = chosen.upload + multiplier * chosen.traffic

    def value(bandwidth, compute):
        airtime = np.divide(weight, bandwidth, out=np.zeros_like(weight), where=weight > 0)
        work = np.divide(chosen.work, compute, out=np.zeros_like(weight), where=chosen.work > 0)
        return airtime.sum() + multiplier * work.sum()

    best = 0.0
    for t in range(instance.slots):
        for j in range(instance.servers):
            here = server[t] == j
            best += np.sqrt(weight[t, here]).sum() ** 2 / instance.bandwidth[j]
            best += multiplier * np.sqrt(chosen.work[t, here]).sum() ** 2 / instance.server_flops[j]
    with np.errstate(divide="ignore"):
        assert value(shares.bandwidth, shares.compute) == pytest.approx(best, rel=1e-12)
    random = np.random.default_rng(seed)
    for _ in range(50):
        raw = random.dirichlet(np.ones(instance.users), instance.slots) + 1e-3
        place = np.stack([np.bincount(row, weights=part, minlength=instance.servers) for row, part in zip(server, raw, strict=True)])
        part = raw / place[np.arange(instance.slots)[:, None], server]
        assert value(part * instance.bandwidth[server], part * instance.server_flops[server]) >= best * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_polish_is_the_optimum_of_the_convex_problem(draw, seed):
    """With the discrete choices fixed and C8 binding, a general solver finds the same cost and nothing below."""
    instance = draw(seed, slots=1, users=4, interval=1, storage=(1.0, 1.0))
    options = of_trace(instance)
    server, cut = some_choices(instance, seed)
    chosen = choices(instance, options, np.ones_like(server, dtype=bool), server, cut)
    fastest = split(instance, chosen, np.inf)
    cheapest = split(instance, chosen, 0.0)

    def delay(shares):
        verdict = evaluate(instance, polish(instance, options, everywhere(instance), server, cut).model_copy(update=shares))
        return verdict.metrics["mean_delay_s"]

    low = delay({"bandwidth": fastest.bandwidth, "compute": fastest.compute})
    high = delay({"bandwidth": cheapest.bandwidth, "compute": cheapest.compute})
    limit = low + 0.3 * (min(high, 3 * low) - low)
    instance = type(instance).model_validate(instance.model_dump() | {"delay_limit": limit})
    solution = polish(instance, options, everywhere(instance), server, cut)
    verdict = evaluate(instance, solution)
    assert verdict.feasible
    # In the square roots of the parts of each server's band, which keeps them positive.
    user, whole = np.arange(instance.users), instance.bandwidth[server[0]]
    least_work = sum(np.sqrt(chosen.work[0, server[0] == j]).sum() ** 2 / instance.server_flops[j] for j in range(instance.servers))

    def part(logits):
        weight = np.exp(logits)
        return weight / np.bincount(server[0], weights=weight, minlength=instance.servers)[server[0]]

    def cost(logits):
        return (chosen.upload[0] / (part(logits) * whole)).sum() / user.size

    def slack(logits):
        return limit - ((chosen.traffic[0] / (part(logits) * whole)).sum() + chosen.delay.sum() + least_work) / user.size

    found = minimize(
        cost,
        np.log(np.maximum(fastest.bandwidth[0], 1.0)),
        constraints={"type": "ineq", "fun": slack},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    own = options.cost[0, user, cut[0]].sum() / user.size
    assert verdict.objective == pytest.approx(own + found.fun, rel=1e-6)
    if high > limit:
        assert verdict.metrics["mean_delay_s"] == pytest.approx(limit, rel=1e-9)


def test_choices_that_cannot_keep_the_limit_get_the_least_delay(draw):
    """Infeasible choices come back with the split that is nearest to feasible, and the evaluator says what is missing."""
    instance = draw(2, delay_limit=1e-3)
    options = of_trace(instance)
    server, cut = some_choices(instance, 2)
    verdict = evaluate(instance, polish(instance, options, everywhere(instance), server, cut))
    assert verdict.violations["delay"].absolute > 0
    chosen = choices(instance, options, np.ones_like(server, dtype=bool), server, cut)
    fastest = split(instance, chosen, np.inf)
    solution = polish(instance, options, everywhere(instance), server, cut)
    assert solution.bandwidth == pytest.approx(fastest.bandwidth, rel=1e-9)
    assert [name for name, violation in verdict.violations.items() if violation.absolute > 0 and name != "storage"] == ["delay"]


def test_a_download_beside_an_upload_is_never_starved(draw):
    """At nu = 0 a full-local request beside an uploading one would get no band: the limit is then met at a small nu > 0."""
    instance = draw(0, slots=1, users=2, interval=1, delay_limit=1000.0, storage=(1.0, 1.0))
    options = of_trace(instance)
    cuts = instance.cuts[instance.service]
    server, cut = np.zeros_like(cuts), np.array([[cuts[0, 0], 0]])
    solution = polish(instance, options, everywhere(instance), server, cut)
    verdict = evaluate(instance, solution)
    assert verdict.feasible
    assert solution.bandwidth[0, 0] > 0
    assert verdict.metrics["mean_delay_s"] == pytest.approx(1000.0, rel=1e-9)


def test_who_is_not_served_gets_nothing(draw):
    """A request at a server without its service has no shares, whatever cut it names; the others have all."""
    instance = draw(3)
    options = of_trace(instance)
    server, cut = some_choices(instance, 3)
    deployment = everywhere(instance)
    deployment[0, instance.service[0, 0], server[0, 0]] = False
    solution = polish(instance, options, deployment, server, cut)
    missed = ~deployment[np.arange(instance.slots)[:, None] // instance.interval, instance.service, server]
    assert missed.any()
    assert not solution.bandwidth[missed].any()
    assert not solution.compute[missed].any()
    assert evaluate(instance, solution).violations["failed_shares"].absolute == 0.0
