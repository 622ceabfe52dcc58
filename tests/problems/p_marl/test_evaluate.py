"""The evaluator against a scalar twin, and what it must refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import SolutionError
from mecbench.problems.p_marl.evaluate import evaluate
from mecbench.problems.p_marl.generate import SIZES, generate
from mecbench.problems.p_marl.solution import Solution


def twin(instance, solution):
    """Cost, latency and energy of every device and epoch in plain Python, straight from the paper's section 3 and the spec."""
    data, total = instance.model_dump(mode="json"), sum(instance.group_macs.tolist())
    rows = []
    battery, previous = list(data["battery"]), list(data["previous_edge"])
    for t in range(instance.epochs):
        row = []
        for m in range(instance.devices):
            u, k, share = (int(getattr(solution, name)[t, m]) for name in ("edge", "cut", "allocation"))
            charge = (battery[m] - data["floor_charge"]) / (data["full_charge"] - data["floor_charge"])
            rho = 0.65 + 0.35 * min(1.0, max(0.0, charge))
            full_latency, full_energy = 28.9 * rho**-0.725, 71.4 * rho**0.85
            switch = data["switch_cost"] if u != 0 and previous[m] != -1 and u != previous[m] else 0.0
            if u == 0:
                latency, energy = full_latency, full_energy
            else:
                (x, y), (p, q) = data["position"][t][m], data["edge_position"][u - 1]
                distance = max(math.hypot(x - p, y - q), 10.0) / 1000.0
                loss = 128.1 + 37.6 * math.log10(distance) + data["shadowing"][t][m][u - 1]
                noise = -174.0 + 10 * math.log10(8e6) + 7.0
                rate = 8e6 * math.log2(1 + 10 ** ((23.0 - loss - noise) / 10))
                head = sum(data["group_macs"][:k]) / total
                sending = 8 * data["cut_bytes"][k] / rate * 1000
                latency = head * full_latency + sending + data["edge_work"] * (1 - head) / share
                energy = head * full_energy + data["transmit_power"] * sending
            row.append(
                (latency / 28.9 + energy / 1000 + (switch / share if switch and data["divided_switch_cost"] else switch), latency, energy)
            )
            lost = energy if data["drain"] == "endogenous" else full_energy
            battery[m] = max(0.0, battery[m] - data["frame_rate"] * data["epoch_seconds"] * lost / 1000 / 3600)
            previous[m] = u
        rows.append(row)
    return np.array(rows)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_objective_equals_the_scalar_twin(draw, some, seed):
    """Vectorised physics and the paper's equations written out agree, for every choice that the spec leaves open."""
    instance = draw(seed, devices=(1, 3), multiprocessors=(3, 8))
    solution = some(instance, seed)
    cost, latency, energy = np.moveaxis(twin(instance, solution), -1, 0)
    weights = [instance.discount**t for t in range(instance.epochs)]
    worst = sum(w * row.max() for w, row in zip(weights, cost, strict=True)) / sum(weights)
    mean = max(sum(w * c for w, c in zip(weights, column, strict=True)) / sum(weights) for column in cost.T)
    verdict = evaluate(instance, solution)
    assert verdict.objective == pytest.approx(worst if instance.objective == "mean-worst" else mean, rel=1e-11)
    assert verdict.metrics["mean_worst_cost"] == pytest.approx(worst, rel=1e-11)
    assert verdict.metrics["worst_mean_cost"] == pytest.approx(mean, rel=1e-11)
    assert verdict.metrics["mean_latency_ms"] == pytest.approx(latency.mean(), rel=1e-11)
    assert verdict.metrics["max_energy_mj"] == pytest.approx(energy.mean(axis=0).max(), rel=1e-11)
    assert sum(verdict.terms.values()) == pytest.approx(verdict.objective, rel=1e-9)
    late = 0.0 if instance.latency_limit is None else max(0.0, latency.max() - instance.latency_limit)
    assert verdict.violations["latency"].absolute == pytest.approx(late, abs=1e-8)
    assert verdict.feasible == (late == 0.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_wild_solutions_are_never_feasible_by_accident(draw, some, seed):
    """A solution that is called feasible keeps every rule when each is checked one device at a time."""
    instance = draw(seed)
    solution = some(instance, seed, wild=True)
    verdict = evaluate(instance, solution)
    sane = True
    for t in range(instance.epochs):
        for m in range(instance.devices):
            u, k, share = (int(getattr(solution, name)[t, m]) for name in ("edge", "cut", "allocation"))
            sane &= (u == 0 and k == instance.groups and share == 0) or (u > 0 and k < instance.groups and share >= 1)
        for n in range(1, instance.edges + 1):
            sane &= sum(solution.allocation[t][solution.edge[t] == n].tolist()) <= instance.multiprocessors
    discrete = ("local", "least_share", "capacity")
    assert all(verdict.violations[name].absolute == 0.0 for name in discrete) == sane
    assert not verdict.feasible or (sane and math.isfinite(verdict.objective))
    if verdict.violations["least_share"].absolute:
        assert verdict.objective == math.inf


def test_one_multiprocessor_too_many_is_infeasible(draw):
    """sum l = L on an edge is accepted, L + 1 is not, and the verdict names the family and the amount."""
    instance = draw(0, devices=(2, 2), edges=(2, 2), epochs=(1, 1), multiprocessors=(8, 8), latency_limit=None)
    shares = {"edge": [[1, 1]], "cut": [[0, 0]]}
    assert evaluate(instance, Solution(allocation=[[7, 1]], **shares)).feasible
    verdict = evaluate(instance, Solution(allocation=[[7, 2]], **shares))
    assert not verdict.feasible
    assert verdict.violations["capacity"].absolute == 1
    assert verdict.violations["capacity"].relative == 1 / 8


def test_edge_and_cut_must_agree(draw):
    """A cut of K with an edge, a smaller one without, and multiprocessors of a local device each violate the family "local"."""
    instance = draw(1, devices=(1, 1), epochs=(1, 1), multiprocessors=(8, 8), latency_limit=None)
    for edge, cut, share, amount in ((1, instance.groups, 1, 1), (0, 0, 0, 1), (0, instance.groups, 3, 3)):
        verdict = evaluate(instance, Solution(edge=[[edge]], cut=[[cut]], allocation=[[share]]))
        assert verdict.violations["local"].absolute == amount
        assert not verdict.feasible


def test_huge_allocations_do_not_overflow_into_feasibility(draw):
    """Sums beyond 64 bits stay sums."""
    instance = draw(2, devices=(4, 4), epochs=(1, 1))
    verdict = evaluate(instance, Solution(edge=[[1] * 4], cut=[[0] * 4], allocation=[[2**62] * 4]))
    assert not verdict.feasible
    assert verdict.violations["capacity"].absolute >= 2**63


def test_wrong_shapes_and_places_are_refused(draw, some):
    """A solution of another shape, or with an edge or cut that does not exist, is an error and not an evaluation."""
    instance = draw(3)
    solution = some(instance, 0)
    right = {name: getattr(solution, name) for name in ("edge", "cut", "allocation")}
    one_more = {name: np.concatenate((values, values[:, :1]), axis=1) for name, values in right.items()}
    with pytest.raises(SolutionError, match="field edge: expected shape"):
        evaluate(instance, Solution(**one_more))
    for name, value in (("edge", instance.edges + 1), ("edge", -1), ("cut", instance.groups + 1)):
        wrong = right[name].copy()
        wrong[0, 0] = value
        with pytest.raises(SolutionError, match=rf"field {name}: expected 0 to \d at \[0, 0\], found {value}"):
            evaluate(instance, Solution(**(right | {name: wrong})))


def test_latency_binds_only_where_clocks_are_slow():
    """With 24 frames a second every local device is in time, with 30 about half are not, and only those are counted."""
    shares = []
    for limit in (1000 / 24, 1000 / 30):
        instance = generate(SIZES["orig-240x11"].model_copy(update={"latency_limit": limit}), 0)
        shape = (1, instance.devices)
        local = Solution(edge=np.zeros(shape, int), cut=np.full(shape, instance.groups), allocation=np.zeros(shape, int))
        verdict = evaluate(instance, local)
        assert verdict.feasible == (verdict.metrics["late_share"] == 0.0)
        shares.append(verdict.metrics["late_share"])
    assert shares[0] == 0.0
    assert 0.4 < shares[1] < 0.6


def test_returning_to_an_edge_costs_again(draw):
    """Attaching after a local epoch is a switch, staying and going local are not, and nobody switches into the first epoch."""
    instance = draw(4, devices=(1, 1), edges=(2, 2), epochs=(3, 3), previous_edge=[-1], switch_cost=0.5, divided_switch_cost=False)
    for edges, count in (([1, 1, 1], 0), ([1, 0, 1], 1), ([1, 2, 1], 2), ([0, 0, 0], 0), ([0, 1, 1], 1)):
        edge = np.array(edges)[:, None]
        solution = Solution(edge=edge, cut=np.where(edge > 0, 0, instance.groups), allocation=(edge > 0).astype(int))
        assert evaluate(instance, solution).metrics["switch_cost_per_minute"] * 3 * instance.epoch_seconds / 60 == pytest.approx(
            0.5 * count
        )
