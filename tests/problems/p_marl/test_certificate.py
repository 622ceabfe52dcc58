"""Certificates: no feasible solution beats one, good ones come close to the optimum, and spoilt ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.optimize import linprog

from mecbench.problems.errors import explain
from mecbench.problems.evaluation import CertificateError, Sense, beats
from mecbench.problems.p_marl.certificate import Certificate, DantzigWolfe, Lagrangian, LpDual, bound, check_proof
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import SIZES, generate
from mecbench.problems.p_marl.instance import Instance
from mecbench.problems.p_marl.options import demand, least_shares, options, stays_local


def relaxation(instance, epoch, threshold):
    """Prices of edges and devices of min t: sum_n x_mn = 1, sum_m w_mn x_mn - t <= L just below a threshold, and t."""
    choices = options(instance, epoch, instance.previous_edge if epoch == 0 else None)
    below = np.nextafter(threshold, -np.inf)
    rest = np.flatnonzero(~stays_local(instance, choices, below))
    need = demand(instance, choices, least_shares(instance, choices), below).multiprocessors[rest]
    pairs = np.argwhere(need <= instance.multiprocessors)
    device_price = np.zeros(instance.devices)
    if not rest.size or not (need <= instance.multiprocessors).any(axis=1).all():
        return np.zeros(instance.edges), device_price, np.inf if rest.size else -np.inf
    columns = np.arange(len(pairs))
    served = np.zeros((rest.size, len(pairs) + 1))
    served[pairs[:, 0], columns] = 1.0
    held = np.zeros((instance.edges, len(pairs) + 1))
    held[pairs[:, 1], columns] = need[pairs[:, 0], pairs[:, 1]]
    held[:, -1] = -1.0
    cost = np.eye(len(pairs) + 1)[-1]
    bounds = [(0, None)] * len(pairs) + [(None, None)]
    solved = linprog(cost, held, np.full(instance.edges, instance.multiprocessors), served, np.ones(rest.size), bounds)
    device_price[rest] = np.maximum(solved.eqlin.marginals, 0.0)
    return np.maximum(-solved.ineqlin.marginals, 0.0), device_price, solved.fun


def best_proof(instance, epoch=0, steps=40):
    """Proof of the largest threshold that bisection over the linear relaxation finds."""
    low, high = 0.0, float(options(instance, epoch, None).local.max()) + 1.0
    proof = LpDual(threshold=0.0, edge_price=np.zeros(instance.edges))
    for _ in range(steps):
        middle = 0.5 * (low + high)
        prices, _, overload = relaxation(instance, epoch, middle)
        if overload > 1e-6:
            low, proof = middle, LpDual(threshold=middle, edge_price=prices)
        else:
            high = middle
    return proof


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_proofs_hold_against_brute_force(draw, brute_force, seed):
    """A proved threshold is at most the optimum of all solutions, and the best one is close where the optimum is not fractional."""
    instance = draw(seed, devices=(1, 3), edges=(1, 2), epochs=(1, 1), groups=(1, 2), multiprocessors=(2, 3), drain="exogenous")
    certificate = Certificate(kind="per-epoch", epochs=(best_proof(instance),))
    proved, optimum = bound(instance, certificate), brute_force(instance)
    assert not beats(optimum, proved, Sense.MINIMISE)
    above = float(np.nextafter(optimum, np.inf)) if np.isfinite(optimum) else None
    if above is not None:
        for prices in (certificate.epochs[0].edge_price, np.ones(instance.edges)):
            with pytest.raises(CertificateError, match="is not proved"):
                bound(instance, Certificate(kind="per-epoch", epochs=(LpDual(threshold=above, edge_price=prices),)))
        with pytest.raises(CertificateError, match="is not proved"):
            check_proof(instance, 0, DantzigWolfe(threshold=above, device_price=np.ones(instance.devices)))


def test_random_proofs_never_lie(draw, brute_force):
    """Whatever prices of either kind are accepted, no solution costs less than their threshold."""
    accepted = {LpDual: 0, DantzigWolfe: 0}
    for seed in range(20):
        instance = draw(seed, devices=(1, 3), edges=(1, 2), epochs=(1, 1), groups=(1, 2), multiprocessors=(2, 3), drain="exogenous")
        random, optimum = np.random.default_rng(seed), brute_force(instance)
        for _ in range(20):
            threshold = float(random.uniform(0.2, 2.5))
            proofs = (
                LpDual(threshold=threshold, edge_price=random.random(instance.edges)),
                DantzigWolfe(threshold=threshold, device_price=random.random(instance.devices)),
            )
            for proof in proofs:
                try:
                    check_proof(instance, 0, proof)
                except CertificateError:
                    continue
                accepted[type(proof)] += 1
                assert not beats(optimum, threshold, Sense.MINIMISE)
    assert min(accepted.values()) > 30


def test_packings_prove_at_least_what_prices_of_edges_do():
    """Device prices w_mn y_n at their least turn every lp-dual proof into a dw proof: the kinds are a ladder."""
    for size, seed in (("orig-20x3", 3), ("orig-60x5", 2)):
        instance = generate(SIZES[size], seed)
        proof = best_proof(instance)
        check_proof(instance, 0, proof)
        choices = options(instance, 0, instance.previous_edge)
        below = np.nextafter(proof.threshold, -np.inf)
        need = demand(instance, choices, least_shares(instance, choices), below).multiprocessors
        value = np.where(need <= instance.multiprocessors, need * proof.edge_price, np.inf).min(axis=1)
        finite = np.where(np.isfinite(value), value, 0.0)
        check_proof(instance, 0, DantzigWolfe(threshold=proof.threshold, device_price=finite))


def test_a_spoilt_certificate_is_refused_or_proves_less():
    """A raised threshold, prices of no one, of another length or of the wrong edges, and one demand less, all lose the proof."""
    instance = generate(SIZES["orig-60x5"], 2)  # no single device is its bottleneck
    proof = best_proof(instance)
    assert bound(instance, Certificate(kind="per-epoch", epochs=(proof,))) == proof.threshold
    spoilt = [
        LpDual(threshold=proof.threshold * 1.001, edge_price=proof.edge_price),
        LpDual(threshold=proof.threshold, edge_price=np.zeros(instance.edges)),
        LpDual(threshold=proof.threshold, edge_price=np.roll(proof.edge_price, 1)),
        LpDual(threshold=proof.threshold, edge_price=proof.edge_price[:-1]),
        DantzigWolfe(threshold=proof.threshold, device_price=np.zeros(instance.devices)),
    ]
    for wrong in spoilt:
        with pytest.raises(CertificateError):
            bound(instance, Certificate(kind="per-epoch", epochs=(wrong,)))
    wider = Instance.model_validate(instance.model_dump() | {"bandwidth": 1.1 * instance.bandwidth})  # every demand falls a little
    with pytest.raises(CertificateError):
        bound(wider, Certificate(kind="per-epoch", epochs=(proof,)))
    shadowing = instance.shadowing.copy()
    shadowing[0, 0] -= 30.0  # one device alone needs less
    with pytest.raises(CertificateError):
        bound(Instance.model_validate(instance.model_dump() | {"shadowing": shadowing}), Certificate(kind="per-epoch", epochs=(proof,)))
    with pytest.raises(CertificateError, match="expected 1 proofs, one per epoch, found 2"):
        bound(instance, Certificate(kind="per-epoch", epochs=(proof, proof)))
    less = LpDual(threshold=proof.threshold * 0.99, edge_price=proof.edge_price)
    assert bound(instance, Certificate(kind="per-epoch", epochs=(less,))) < proof.threshold


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_episode_beats_a_bound(draw, some, seed):
    """Bounds of whole episodes hold against random solutions, for both objectives and both ways in which batteries drain."""
    instance = draw(seed, devices=(1, 4), epochs=(2, 4), multiprocessors=(4, 8))
    random = np.random.default_rng(seed)
    epochs = tuple(best_proof(instance, epoch, steps=12) for epoch in range(instance.epochs))
    certificates = [Certificate(kind="per-epoch", epochs=epochs)] if instance.objective == "mean-worst" else []
    for scale in (0.0, 1e-3, 1e-1):
        prices = random.exponential(scale, (instance.epochs, instance.edges)) if scale else np.zeros((instance.epochs, instance.edges))
        dual = Lagrangian(device_weight=random.random(instance.devices), edge_price=prices)
        certificates.append(Certificate(kind="lagrangian", prices=dual))
    bounds = [bound(instance, certificate) for certificate in certificates]
    for number in range(20):
        verdict = evaluate(instance, some(instance, seed + number))
        if verdict.violations["capacity"].absolute + verdict.violations["least_share"].absolute == 0:
            assert not beats(verdict.metrics["worst_mean_cost"], max(bounds[-3:]), Sense.MINIMISE)
            if verdict.feasible:
                assert not beats(verdict.objective, max(bounds), Sense.MINIMISE)


def ascend(instance, steps=40):
    """Dual data of the worst mean cost from a plain subgradient-free search: random steps that are kept when the bound rises."""
    random = np.random.default_rng(0)
    weight, price = np.ones(instance.devices), np.full((instance.epochs, instance.edges), 1e-3)
    best = -np.inf
    for _ in range(steps):
        factors = [np.exp(random.normal(0, 0.7, array.shape)) for array in (weight, price)]
        dual = Lagrangian(device_weight=weight * factors[0], edge_price=price * factors[1])
        value = bound(instance, Certificate(kind="lagrangian", prices=dual))
        if value > best:
            best, weight, price = value, dual.device_weight, dual.edge_price
    return best


def test_bounds_of_tiny_episodes_hold_exhaustively(draw, brute_force_episode):
    """Of every solution of tiny episodes none beats a bound on either objective, and both bounds come close to the optimum of some."""
    closest = {"mean-worst": 0.0, "worst-mean": 0.0}
    for seed in range(10):
        instance = draw(seed, devices=(1, 2), edges=(1, 2), epochs=(2, 2), groups=(1, 1), multiprocessors=(2, 2))
        optimum = brute_force_episode(instance)
        bounds = [ascend(instance)]
        if instance.objective == "mean-worst":
            proofs = tuple(best_proof(instance, epoch, steps=25) for epoch in range(2))
            bounds.append(bound(instance, Certificate(kind="per-epoch", epochs=proofs)))
        for value in bounds:
            assert not beats(optimum, value, Sense.MINIMISE)
        if np.isfinite(optimum):
            closest[instance.objective] = max(closest[instance.objective], max(bounds) / optimum)
    assert min(closest.values()) > 0.98


def test_a_per_epoch_bound_says_nothing_of_the_worst_mean(draw):
    """The mean of the worst costs is never below the worst mean, so its bound is no bound there; with one epoch they are one."""
    proof = LpDual(threshold=0.1, edge_price=[1.0])
    for epochs in (1, 2):
        instance = draw(0, devices=(2, 2), edges=(1, 1), epochs=(epochs, epochs), objective="worst-mean", drain="exogenous")
        certificate = Certificate(kind="per-epoch", epochs=(proof,) * epochs)
        if epochs == 1:
            assert bound(instance, certificate) == 0.1
        else:
            with pytest.raises(CertificateError, match="not this instance's objective"):
                bound(instance, certificate)


def test_unknown_clocks_have_no_bound(draw):
    """If a slower clock is cheaper, the initial clocks are no relaxation of the drained ones, and nothing is certified."""
    instance = draw(5, epochs=(2, 2), drain="endogenous", energy_unit=1.0, objective="mean-worst")
    proofs = (LpDual(threshold=0.1, edge_price=np.zeros(instance.edges)),) * 2
    with pytest.raises(CertificateError, match="slower clock"):
        bound(instance, Certificate(kind="per-epoch", epochs=proofs))


def test_the_scale_of_prices_proves_nothing(draw):
    """Dual data in any scale prove the same; too small to be told apart, too large or without weights they are refused or as valid."""
    instance = draw(7, devices=(3, 3), edges=(2, 2), epochs=(2, 2), drain="exogenous", objective="worst-mean")
    random = np.random.default_rng(0)
    weight, price = random.random(3), random.random((2, 2)) * 1e-3

    def prove(scale, prices=price, weights=weight):
        return bound(instance, Certificate(kind="lagrangian", prices=Lagrangian(device_weight=scale * weights, edge_price=scale * prices)))

    for scale in (1e-200, 1e-3, 1e200):
        assert prove(scale) == pytest.approx(prove(1.0), rel=1e-9)
    least = np.full(3, 5e-324)
    assert prove(1.0, np.zeros((2, 2)), least) == pytest.approx(prove(1.0, np.zeros((2, 2)), np.ones(3)), rel=1e-9)
    for weights, prices in ((np.zeros(3), price), (np.full(3, 1e308), price), (least, price), (weight, np.full((2, 2), 1e308))):
        with pytest.raises(CertificateError, match="field prices: expected"):
            prove(1.0, prices, weights)
    one = generate(SIZES["orig-20x3"], 3)
    proof = best_proof(one)
    for scale in (1e-300, 1e300):
        check_proof(one, 0, LpDual(threshold=proof.threshold, edge_price=scale * proof.edge_price))


def test_data_of_two_kinds_are_refused():
    """A certificate that mixes its kinds' data is a mistake and says which field."""
    proof = LpDual(threshold=0.1, edge_price=[1.0])
    dual = Lagrangian(device_weight=[1.0], edge_price=[[0.0]])
    for kind, data in (("per-epoch", {"prices": dual}), ("lagrangian", {"epochs": (proof,)}), ("lagrangian", {})):
        with pytest.raises(ValidationError) as refused:
            Certificate(kind=kind, **data)
        assert f"alone with kind {kind}" in str(explain(refused.value, "certificate.json"))
    with pytest.raises(ValidationError):
        Certificate(kind="per-epoch", epochs=(proof,), prices=dual)


def test_certificates_read_back_as_they_were(draw):
    """JSON keeps every price, so a bound is the same after a round trip."""
    instance = draw(6, epochs=(1, 1), objective="mean-worst", drain="exogenous")
    dual = Lagrangian(device_weight=np.ones(instance.devices), edge_price=np.full((1, instance.edges), 0.1))
    for data in ({"kind": "per-epoch", "epochs": (best_proof(instance),)}, {"kind": "lagrangian", "prices": dual}):
        certificate = Certificate(**data)
        read = Certificate.model_validate_json(certificate.model_dump_json())
        assert read == certificate
        assert bound(instance, read) == bound(instance, certificate)
