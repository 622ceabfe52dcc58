"""Decisions are approached from above: feasible, within the gap or the best found, and never worse than those known."""

from __future__ import annotations

import numpy as np

from mecbench.problems.p_marl import SIZES, Solution, evaluate, generate
from mecbench.solvers.p_marl.epoch import Epoch
from mecbench.solvers.p_marl.greedy import greedy
from mecbench.solvers.p_marl.relaxation import linear_bound
from mecbench.solvers.p_marl.repacking import approach, seeded

EFFORT = {"gap": 4e-3, "tries": 12}


def test_an_epoch_is_brought_within_the_gap() -> None:
    """At 60 devices and 5 edges, from nothing: the evaluator confirms the cost, which is within 0.4 % of the bound, where GRD is not."""
    for seed in (0, 1):
        instance = generate(SIZES["orig-60x5"], 20_000 + seed)
        epoch = Epoch(instance, 0, None)
        proof, prices = linear_bound(epoch)
        price = proof.edge_price if prices is None else prices.edge
        found = approach(epoch, proof.threshold, price, None, seeded(0), over=lambda: False, **EFFORT)
        verdict = evaluate(instance, Solution(edge=found.edge[None], cut=found.cut[None], allocation=found.allocation[None]))
        assert verdict.feasible
        assert verdict.objective == found.cost
        assert proof.threshold <= found.cost <= proof.threshold * 1.004
        rule = epoch.decide(greedy(epoch.choices, instance.multiprocessors).edge)
        assert rule.cost > proof.threshold * 1.004


def test_what_is_known_is_kept_where_nothing_better_is_found(small) -> None:
    """Without time, and at a bound that is met already, the known decisions come back as they are; from them costs only fall."""
    epoch = Epoch(small(0, 12, 3), 0, None)
    known = epoch.decide(greedy(epoch.choices, epoch.instance.multiprocessors).edge)
    price = np.full(3, 1 / 3)
    assert approach(epoch, epoch.floor, price, known, seeded(0), over=lambda: True, **EFFORT) is known
    assert approach(epoch, known.cost, price, known, seeded(0), over=lambda: False, **EFFORT) is known
    assert approach(epoch, epoch.floor, price, known, seeded(0), over=lambda: False, **EFFORT).cost <= known.cost
