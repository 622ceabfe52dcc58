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
from mecbench.solvers.p.branching import Branching
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
    """Dual data of any size, zeros among them, with any trees of cases."""
    random = np.random.default_rng(seed)
    branch: list[int] = []
    rows = 0

    def grow(decided: tuple[int, ...], slots: int) -> None:
        nonlocal rows
        places = [place for place in range(instance.servers * instance.services) if place not in decided]
        if len(decided) < 3 and places and random.random() < 0.4:
            place = int(random.choice(places))
            branch.append(place)
            grow((*decided, place), slots)
            grow((*decided, place), slots)
        else:
            branch.append(-1)
            rows += slots

    for n in range(instance.intervals):
        grow((), min(instance.interval, instance.slots - n * instance.interval))
    loads = random.uniform(0.0, random.choice([1e-3, 1.0, 30.0]), (2, rows, instance.servers))
    return Certificate(
        multiplier=random.choice([0.0, 0.01, 1.0, 50.0]),
        bandwidth_load=loads[0],
        compute_load=loads[1],
        offer=random.uniform(0.0, random.choice([1.0, 100.0, 1e4]), (rows, instance.users)),
        branch=branch,
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


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 40), marks=pytest.mark.slow)])
def test_no_solution_is_below_its_bound(seeds):
    """Five thousand random and heuristic solutions of random small instances are no exception.

    None costs less than the bound says, and none has negative regret, those that miss the delay limit included.
    """
    counted = feasible = 0
    for seed in seeds:
        instance = small(seed)
        options = of_trace(instance)
        dual = Ascent(instance, options).ascend(0.1)
        certificate = Branching(instance, options, dual).improve(0.1)
        price = regret(instance, certificate)
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
                assert evaluation.objective >= price.bound
                feasible += 1
    assert counted >= 120 * len(seeds)
    assert feasible >= len(seeds)


def test_the_bound_is_the_formula(draw):
    """The recomputed bound is the dual function with exact knapsacks, less what rounding may take, at the prices that offers stand for."""
    instance = draw(3, users=4, storage=(0.05, 0.14))
    random = np.random.default_rng(7)
    band, compute = random.uniform(0.0, 3.0, (2, instance.slots, instance.servers))
    offer = random.uniform(0.0, 40.0, instance.service.shape)
    certificate = Certificate(
        multiplier=1.0, bandwidth_load=band, compute_load=compute, offer=offer, branch=np.full(instance.intervals, -1)
    )
    options = of_trace(instance)
    serve, _ = prices(instance, options, 1.0, band, compute)
    failure = options.failure + instance.failure_delay
    mu = np.maximum(np.minimum(offer, failure)[..., None] - serve, 0.0)
    total = -(band**2).sum() - (compute**2).sum()
    for t, k in itertools.product(range(instance.slots), range(instance.users)):
        total += min(failure[t, k], *(serve[t, k] + mu[t, k]))
    packings = np.array(list(itertools.product((0, 1), repeat=instance.services)))
    for n, j in itertools.product(range(instance.intervals), range(instance.servers)):
        slots = slice(n * instance.interval, (n + 1) * instance.interval)
        worth = [mu[slots, :, j][instance.service[slots] == i].sum() for i in range(instance.services)]
        total -= max(packing @ worth for packing in packings if packing @ instance.service_bytes <= instance.storage[j])
    expected = total / instance.requests - instance.delay_limit
    assert (mu > 0).sum() > 5
    assert bound(instance, certificate) == pytest.approx(expected, rel=1e-7)
    assert bound(instance, certificate) < expected


def test_cases_count_by_the_worst_that_fits(draw):
    """With equal dual data the cases of a placement prove at least as much as without, and one that cannot be proves anything."""
    instance = draw(2, users=5, slots=2)
    random = np.random.default_rng(3)
    band, compute = random.uniform(0.0, 1.0, (2, instance.slots, instance.servers))
    offer = random.uniform(0.0, 60.0, instance.service.shape)

    def prove(branch: list[int]) -> float:
        leaves = branch.count(-1)
        data = {"bandwidth_load": band, "compute_load": compute, "offer": offer}
        return bound(
            instance,
            Certificate(multiplier=0.5, branch=branch, **{name: np.tile(values, (leaves, 1)) for name, values in data.items()}),
        )

    whole = prove([-1])
    for place in range(instance.servers * instance.services):
        assert prove([place, -1, -1]) >= whole
    # Both services do not fit on one server: where both are fixed in, no deployment is left.
    assert instance.service_bytes.sum() > instance.storage[0]
    assert prove([0, 1, -1, -1, -1]) == pytest.approx(prove([0, -1, -1]), rel=0.2)
    assert prove([0, 1, -1, -1, -1]) >= prove([0, -1, -1])


def test_wrong_dual_data_are_refused(draw):
    """Data of another instance, and trees that leave out cases or divide a case twice, prove nothing and say so."""
    instance = draw(1)
    assert instance.intervals == 2
    good = {
        "multiplier": 1.0,
        "bandwidth_load": np.ones((instance.slots, instance.servers)),
        "compute_load": np.ones((instance.slots, instance.servers)),
        "offer": np.ones(instance.service.shape),
        "branch": [-1, -1],
    }
    bound(instance, Certificate.model_validate(good))
    longer = {name: np.ones((instance.slots + 1, good[name].shape[1])) for name in ("bandwidth_load", "compute_load", "offer")}
    for changes, message in (
        (longer, "field bandwidth_load: expected shape"),
        ({"offer": np.ones((instance.slots, instance.users + 1))}, "field offer: expected shape"),
        ({"branch": [-1]}, "found an end within that of 1"),
        ({"branch": [-1, -1, -1]}, "in 2 nodes, found 3"),
        ({"branch": [0, -1, -1]}, "found an end within that of 1"),
        ({"branch": [instance.servers * instance.services, -1, -1, -1]}, "expected an undecided place below"),
        ({"branch": [0, 0, -1, -1, -1, -1]}, "expected an undecided place"),
    ):
        with pytest.raises(CertificateError, match=message):
            bound(instance, Certificate.model_validate(good | changes))
    wrong = {"multiplier": -1.0, "offer": -good["offer"], "compute_load": np.ones((instance.slots, instance.servers + 1)), "branch": [-2]}
    for field, value in wrong.items():
        with pytest.raises(ValueError, match=field):
            Certificate.model_validate(good | {field: value})
