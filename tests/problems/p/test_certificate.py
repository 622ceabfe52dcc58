"""Certificates prove bounds: whatever the dual data, no policy that meets C1 to C7 gets below."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import CertificateError
from mecbench.problems.p import Certificate, Instance, Parameters, Solution, bound, evaluate, generate
from mecbench.problems.p.certificate import regret
from mecbench.problems.p.options import of_trace
from mecbench.problems.p.pricing import prices
from mecbench.solvers import Budget, resolve
from mecbench.solvers.p.dual import Ascent

HEURISTICS = ("p/local-only", "p/edge-only", "p/greedy", "p/lru", "p/random")


def within_capacities(instance: Instance, seed: int) -> Solution:
    """Random decisions that meet C1 to C7; whether they meet C8 is left to chance."""
    random = np.random.default_rng(seed)
    deployment = np.zeros((instance.intervals, instance.services, instance.servers), dtype=bool)
    for n, j in itertools.product(range(instance.intervals), range(instance.servers)):
        left = instance.storage[j]
        for i in random.permutation(instance.services):
            if instance.service_bytes[i] <= left:
                deployment[n, i, j] = True
                left -= instance.service_bytes[i]
    server = random.integers(0, instance.servers, instance.service.shape)
    hit = deployment[np.arange(instance.slots)[:, None] // instance.interval, instance.service, server]
    share = hit * random.uniform(0.01, 1.0, (2, *hit.shape))
    share /= np.maximum(np.einsum("stk,tkj->stj", share, server[..., None] == np.arange(instance.servers)), 1e-300)[
        :, np.arange(instance.slots)[:, None], server
    ]
    return Solution(
        deployment=deployment,
        server=server,
        cut=random.integers(0, instance.cuts[instance.service] + 1),
        bandwidth=share[0] * instance.bandwidth[server] * (1 - 1e-12),
        compute=share[1] * instance.server_flops[server] * (1 - 1e-12),
    )


def any_certificate(instance: Instance, seed: int) -> Certificate:
    """Dual data of any size, zeros among them."""
    random = np.random.default_rng(seed)
    loads = random.uniform(0.0, random.choice([1e-3, 1.0, 30.0]), (2, instance.slots, instance.servers))
    index = np.flatnonzero(random.random(instance.requests * instance.servers) < random.random())
    return Certificate(
        multiplier=random.choice([0.0, 0.01, 1.0, 50.0]),
        bandwidth_load=loads[0],
        compute_load=loads[1],
        price_index=index,
        price=random.uniform(0.0, random.choice([1.0, 100.0]), index.size),
    )


def small(seed):
    """Two or three servers, three to five users, few slots, two or three models of which not all fit."""
    random = np.random.default_rng(seed)
    drawn = {
        "servers": int(random.integers(2, 4)),
        "users": int(random.integers(3, 6)),
        "slots": int(random.integers(1, 5)),
        "interval": int(random.integers(1, 4)),
        "models": ("lenet-7", "resnet-18", "vgg-16")[: int(random.integers(2, 4))],
        "services_per_model": int(random.integers(1, 3)),
        "storage": (0.05, 0.7),
        "delay_limit": float(random.choice([0.5, 3.0, 10.0])),
    }
    return generate(Parameters.model_validate(drawn), seed)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_any_dual_data_prove_a_bound(draw, seed):
    """Regret is not negative for arbitrary multipliers, loads and prices, whether or not the policy meets the delay limit."""
    instance = draw(seed % 1000, users=3 + seed % 3, delay_limit=[0.1, 3.0, 1000.0][seed % 3])
    certificate = any_certificate(instance, seed)
    for offset in range(3):
        evaluation = evaluate(instance, within_capacities(instance, seed + offset))
        assert max(violation.relative for name, violation in evaluation.violations.items() if name != "delay") <= 1e-9
        late = evaluation.metrics["mean_delay_s"] - instance.delay_limit
        assert evaluation.objective + certificate.multiplier * late >= bound(instance, certificate)
        violations = {name: violation.relative for name, violation in evaluation.violations.items()}
        found = regret(instance, certificate).of(evaluation.objective, evaluation.metrics, violations)
        assert found is None or found >= 0.0
        if evaluation.feasible:
            assert bound(instance, certificate) <= evaluation.objective


def test_no_solution_is_below_its_bound():
    """Five thousand random and heuristic solutions of random small instances are no exception.

    None costs less than the bound says, and none has negative regret, those that miss the delay limit included.
    """
    counted = feasible = 0
    for seed in range(40):
        instance = small(seed)
        dual = Ascent(instance, of_trace(instance)).ascend(0.1)
        price = regret(instance, dual.certificate)
        solutions = [within_capacities(instance, 1000 * seed + number) for number in range(120)]
        solutions += [resolve(name).solve(instance, Budget(10.0), seed).solution for name in HEURISTICS]
        for solution in solutions:
            evaluation = evaluate(instance, solution)
            violations = {name: violation.relative for name, violation in evaluation.violations.items()}
            found = price.of(evaluation.objective, evaluation.metrics, violations)
            assert found is not None
            assert found >= 0.0
            counted += 1
            if evaluation.feasible:
                assert evaluation.objective >= dual.bound
                feasible += 1
    assert counted >= 5000
    assert feasible >= 50


def test_the_bound_is_the_formula(draw):
    """With exact knapsacks by enumeration of all packings, the recomputed bound is the dual function, less what rounding may take."""
    instance = draw(3, users=4, storage=(0.05, 0.14))
    certificate = any_certificate(instance, 4)
    options = of_trace(instance)
    serve, _ = prices(instance, options, certificate.multiplier, certificate.bandwidth_load, certificate.compute_load)
    mu = np.zeros(instance.requests * instance.servers)
    mu[certificate.price_index] = certificate.price
    mu = mu.reshape(serve.shape)
    total = 0.0
    for t, k in itertools.product(range(instance.slots), range(instance.users)):
        fail = options.failure[t, k] + certificate.multiplier * instance.failure_delay
        total += min(fail, *(serve[t, k] + mu[t, k]))
    packings = np.array(list(itertools.product((0, 1), repeat=instance.services)))
    for n, j in itertools.product(range(instance.intervals), range(instance.servers)):
        slots = slice(n * instance.interval, (n + 1) * instance.interval)
        worth = [mu[slots, :, j][instance.service[slots] == i].sum() for i in range(instance.services)]
        total -= max(packing @ worth for packing in packings if packing @ instance.service_bytes <= instance.storage[j])
    total -= (certificate.bandwidth_load**2).sum() + (certificate.compute_load**2).sum()
    expected = total / instance.requests - certificate.multiplier * instance.delay_limit
    assert certificate.price.size > 5
    assert bound(instance, certificate) == pytest.approx(expected, rel=1e-7)
    assert bound(instance, certificate) < expected


def test_wrong_dual_data_are_refused(draw):
    """Data of another instance, or places that do not exist or occur twice, prove nothing and say so."""
    instance = draw(1)
    good = any_certificate(instance, 4).model_dump()
    places = instance.requests * instance.servers
    for field, value, message in (
        ("bandwidth_load", np.zeros((instance.slots + 1, instance.servers)), "bandwidth_load: expected shape"),
        ("price_index", [places], "price_index: expected increasing places"),
        ("price_index", [1, 1], "price_index: expected increasing places"),
    ):
        changed = good | {field: value}
        if field == "price_index":
            changed["price"] = np.ones(len(value))
        else:
            changed["compute_load"] = value
        with pytest.raises(CertificateError, match=message):
            bound(instance, Certificate.model_validate(changed))
    wrong = {"multiplier": -1.0, "price": -np.ones(len(good["price"])), "compute_load": np.ones((instance.slots, instance.servers + 1))}
    for field, value in wrong.items():
        with pytest.raises(ValueError, match=field):
            Certificate.model_validate(good | {field: value})
