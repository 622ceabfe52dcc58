"""Certificates: no feasible plan beats one, whatever its dual data and the options of the instance."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg import physics
from mecbench.problems.cmg.certificate import Certificate, battery_terms, bound, tree_bound
from mecbench.problems.cmg.evaluate import evaluate
from mecbench.problems.cmg.pricing import price
from mecbench.problems.cmg.solution import Solution
from mecbench.problems.cmg.tables import tables
from mecbench.problems.cmg.tree import Tree
from mecbench.problems.evaluation import CertificateError, Sense, beats

WORLDS = [
    {},
    {"supply": "scarce"},
    {"supply": "scarce", "eavesdropper_noise": 0.5},
    {"limit": "average"},
    {"continuous_frames": True},
    {"eavesdropper_power": "const"},
    {"supply": "scarce", "reserve": 1.0, "harvest_spread": 0.6},
]


def draw_certificate(instance, seed) -> Certificate:
    """Random prices of a random size, most of them of energy 0."""
    random = np.random.default_rng(seed)
    devices, slots, chunks = instance.gain.shape

    def some():
        scale = 10.0 ** random.uniform(-2, 2)
        return random.exponential(scale, (devices, slots)) * (random.random((devices, slots)) < random.choice([0.0, 0.3, 1.0]))

    limit = some()
    return Certificate(
        limit_price=np.repeat(limit[:, :1], slots, axis=1) if instance.limit == "average" else limit,
        balance_price=some(),
        battery_price=some(),
        channel_price=random.exponential(10.0 ** random.uniform(-2, 0.5), (slots, chunks)),
        cells=int(random.integers(1, 12)),
    )


def grow(random, count, divide) -> list[dict]:
    """A random tree of so many divisions: each replaces an end of those before it."""
    ends, tree = [None], []
    for number in range(count):
        at = ends.pop(int(random.integers(len(ends))))
        if at is not None:
            tree[at[0]][at[1]] = number
        tree.append(divide())
        ends += [(number, "below"), (number, "above")]
    for leaf, at in enumerate(ends):
        if at is not None:
            tree[at[0]][at[1]] = -1 - leaf
    return tree


def draw_tree(instance, seed) -> Tree:
    """Random cases, a random tree of each device in each of them, and random prices, of channels about what offloads gain."""
    random = np.random.default_rng(seed)
    devices, slots, chunks = instance.gain.shape
    most = instance.most_frames - instance.least_frames

    def chunk():
        return {"slot": int(random.integers(slots)), "chunk": int(random.integers(chunks))}

    cases = grow(random, int(random.integers(4)), lambda: chunk() | {"device": int(random.integers(devices))})
    branches, roots, leaves = [], np.empty((len(cases) + 1, devices), dtype=int), 0
    for at in np.ndindex(roots.shape):
        own = grow(
            random, int(random.integers(4)), lambda: chunk() | {"frames": int(random.integers(most)) if random.random() < 0.5 else None}
        )
        roots[at] = len(branches) if own else -1 - leaves
        for branch in own:
            for side in ("below", "above"):
                branch[side] += len(branches) if branch[side] >= 0 else -leaves
        branches, leaves = branches + own, leaves + len(own) + 1
    scale = 10.0 ** random.uniform(-2, 1)

    def some():
        return random.exponential(scale, (leaves, slots)) * (random.random((leaves, slots)) < random.choice([0.0, 0.3, 1.0]))

    limit = some()
    return Tree.model_validate(
        {
            "cases": cases,
            "channel_price": random.exponential(0.4, (len(cases) + 1, slots, chunks)),
            "roots": roots,
            "branches": branches,
            "limit_price": np.repeat(limit[:, :1], slots, axis=1) if instance.limit == "average" else limit,
            "balance_price": some(),
            "battery_price": some(),
        }
    )


def lagrangian(instance, certificate, plan) -> float:
    """Objective and priced slack of a plan that need not keep energy limits and batteries, but needs no repair."""
    verdict = evaluate(instance, plan)
    assert verdict.violations["secrecy"].absolute == 0.0
    received = plan.power * instance.gain
    move = (1, 0, 2)
    heard = physics.interference(plan.offload.transpose(move), received.transpose(move)).transpose(move)
    bits = physics.size(instance.bits_per_pixel, plan.frames, plan.resolution)
    rate = physics.uplink_rate(instance.bandwidth, received, instance.noise, heard)
    local = physics.local_energy(instance.energy_coefficient, instance.cycles_per_bit, plan.frequency, bits)
    spent = np.where(plan.offload, physics.offload_energy(plan.power, rate, bits), local).sum(axis=2)
    level, total = instance.battery, verdict.objective
    for t in range(instance.slots):
        after = physics.battery_after(instance.capacity, level, spent[:, t], instance.harvest[:, t])
        total += float(certificate.limit_price[:, t] @ (instance.energy_limit - spent[:, t]))
        total += float(certificate.balance_price[:, t] @ (level - spent[:, t] + instance.harvest[:, t] - after))
        total += float(certificate.battery_price[:, t] @ (level - spent[:, t]))
        level = after
    return total


def secured(instance, plan) -> Solution:
    """The plan without the offloads that are not secure."""
    move = (1, 0, 2)
    offload = physics.secrecy_repair(instance.channels, plan.offload.transpose(move), plan.power.transpose(move)).transpose(move)
    return Solution.model_validate(plan.model_dump() | {"offload": offload, "requested": offload})


@pytest.mark.parametrize("changes", WORLDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_secure_plan_is_worth_more_than_the_bound(draw, decide, changes, seed):
    """Even plans that overspend stay below the bound once their slack is priced: the Lagrangian holds for all of them."""
    instance = draw(seed, **changes)
    certificate = draw_certificate(instance, seed)
    certified = bound(instance, certificate)
    for number in range(5):
        plan = secured(instance, decide(instance, seed + number, 0.4))
        assert lagrangian(instance, certificate, plan) <= certified + 1e-9 * abs(certified)


def useful(instance, tree, plan) -> np.ndarray:
    """Whether each offload has a share at which it pays in some leaf of its device, by the closed forms; bool, shape [N, T, K]."""
    least = np.ones((instance.devices, instance.slots))
    for n, root in sorted({(n, root) for roots in tree.roots.tolist() for n, root in enumerate(roots)}):
        for leaf in tree.leaves(root):
            eta = tree.limit_price[leaf.number] + tree.balance_price[leaf.number] + tree.battery_price[leaf.number]
            costs = instance.delay_weight, instance.energy_weight + eta, instance.energy_coefficient
            frequency = forms.best_frequency(*costs, instance.least_frequency, instance.most_frequency[n])
            local = forms.local_cost(*costs, instance.cycles_per_bit, frequency)
            delay = instance.cycles_per_bit / instance.edge_frequency
            share = forms.least_useful_share(*costs[:2], instance.least_power, instance.bandwidth, local, delay)
            least[n] = np.minimum(least[n], share)
    received = plan.offload * plan.power * instance.gain
    return plan.offload & (received / (instance.noise + received.sum(axis=0)) >= least[..., None])


def own_prices(instance, tree, plan):
    """The prices of each device at the leaf that its plan is in, by walking down the trees."""
    offload = useful(instance, tree, plan)
    number = 0 if tree.cases else -1
    while number >= 0:
        case = tree.cases[number]
        number = case.above if offload[case.device, case.slot, case.chunk] else case.below
    rows = []
    for n, at in enumerate(tree.roots[-1 - number].tolist()):
        while at >= 0:
            branch = tree.branches[at]
            done, least = offload[n, branch.slot, branch.chunk], instance.least_frames
            if branch.frames is not None:
                done = plan.frames[n, branch.slot, branch.chunk] > least + branch.frames
            at = branch.above if done else branch.below
        rows.append(-1 - at)
    return SimpleNamespace(**{name: getattr(tree, name)[rows] for name in ("limit_price", "balance_price", "battery_price")})


CROWDED = [  # eavesdroppers so deaf that many devices are secure on a channel, and channels so wide that sharing them pays
    {"eavesdropper_noise": 2.0, "bandwidth": 1e9, "devices": (2, 4), "chunks": (1, 2)},
    {"eavesdropper_noise": 0.5, "cycles_per_bit": 40.0, "least_power": 0.01, "devices": (2, 4)},
]


@pytest.mark.parametrize("changes", [world for world in WORLDS + CROWDED if not world.get("continuous_frames")])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_plan_is_worth_more_than_its_leaves(draw, decide, changes, seed):
    """Whoever shares channels, even plans that overspend stay below the tree once their slack is priced as at their own leaves."""
    instance = draw(seed, **changes)
    tree = draw_tree(instance, seed)
    certified = tree_bound(instance, tree, 1 + seed % 8)
    for number in range(5):
        plan = decide(instance, seed + number, 0.5)
        if number % 2:  # of what would be any compute and resolution, what pays
            cheap = {"resolution": np.full(plan.power.shape, 400.0), "frequency": np.full(plan.power.shape, 0.7e9)}
            plan = Solution.model_validate(plan.model_dump() | cheap)
        plan = secured(instance, plan)
        assert lagrangian(instance, own_prices(instance, tree, plan), plan) <= certified + 1e-9 * abs(certified)


def never_beaten(instance, feasible, seed):
    """Twenty random feasible plans of a random instance against a random certificate, half of them with a tree."""
    certificate = draw_certificate(instance, seed)
    if seed % 2:
        certificate = certificate.model_copy(update={"tree": draw_tree(instance, seed)})
    certified = bound(instance, certificate)
    for number in range(20):
        verdict = evaluate(instance, feasible(instance, seed + number))
        assert verdict.feasible
        assert not beats(verdict.objective, certified, Sense.MAXIMISE)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_feasible_plan_beats_a_bound(draw, feasible, seed):
    """A bound holds whatever the dual data: validity needs no good duals."""
    never_beaten(draw(seed, **WORLDS[seed % len(WORLDS)]), feasible, seed)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_five_thousand_feasible_plans_beat_no_bound(draw, feasible, seed):
    """The same for as many plans as the problem's description asks for."""
    never_beaten(draw(seed, **WORLDS[seed % len(WORLDS)]), feasible, seed)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_battery_terms_are_the_best_levels(draw, seed):
    """Three levels suffice: none between them is worth more."""
    instance = draw(seed, supply="scarce")
    certificate = draw_certificate(instance, seed)
    nu, zeta = certificate.balance_price, certificate.battery_price
    worth = np.concatenate((nu[:, 1:] + zeta[:, 1:], np.zeros((instance.devices, 1))), axis=1) - nu
    levels = np.linspace(0.0, instance.capacity, 1001)
    penalty = instance.chunks * instance.reserve_price * np.maximum(instance.reserve - levels, 0.0)
    searched = (worth[..., None] * levels - penalty).max(axis=-1)
    found = battery_terms(instance, nu, zeta)
    assert (found >= searched - 1e-9).all()
    assert (found <= searched + np.abs(worth) * instance.capacity / 1000 + instance.chunks * instance.capacity / 1000).all()


def test_prices_make_the_bound(draw):
    """Free channels and energy leave every device alone in the world; prices explain that they share it."""
    instance = draw(3, "small")
    zero = np.zeros((instance.devices, instance.slots))
    free = Certificate(
        limit_price=zero, balance_price=zero, battery_price=zero, channel_price=np.zeros((instance.slots, instance.chunks)), cells=8
    )
    priced = free.model_copy(update={"channel_price": np.full((instance.slots, instance.chunks), 0.4)})
    assert bound(instance, priced) < 0.9 * bound(instance, free)


def test_data_of_another_size_are_refused(draw):
    """Dual data of another instance cannot be mistaken for a bound."""
    instance, other = draw(0, devices=(2, 2)), draw(0, devices=(3, 3))
    with pytest.raises(CertificateError, match="limit_price"):
        bound(other, draw_certificate(instance, 0))


def test_an_average_has_one_price(draw):
    """Where only the average is limited, prices that differ between slots prove nothing and are refused."""
    instance = draw(1, limit="average", slots=(3, 3))
    data = draw_certificate(instance, 0).model_dump() | {"limit_price": np.arange(3.0 * instance.devices).reshape(instance.devices, 3)}
    with pytest.raises(CertificateError, match="one price"):
        bound(instance, Certificate.model_validate(data))


def test_negative_prices_are_refused(draw):
    """Weak duality needs prices of at least 0, so none below is read."""
    data = draw_certificate(draw(0), 0).model_dump()
    with pytest.raises(ValidationError, match="channel_price"):
        Certificate.model_validate(data | {"channel_price": -np.array(data["channel_price"])})


def test_a_tree_only_helps(draw):
    """A certificate with a tree never proves less than without: the lesser of both holds."""
    for seed in range(20):
        instance = draw(seed)
        bare = draw_certificate(instance, seed)
        assert bound(instance, bare.model_copy(update={"tree": draw_tree(instance, seed)})) <= bound(instance, bare)


def test_without_divisions_devices_are_alone_in_the_world(draw):
    """A tree without divisions, at free channels and energy, is worth what each device would do by itself."""
    instance = draw(0, devices=(2, 2), reserve_price=0.0)
    devices, slots, chunks = instance.gain.shape
    zero = np.zeros((devices, slots))
    free = Tree(channel_price=np.zeros((1, slots, chunks)), roots=[[-1, -2]], limit_price=zero, balance_price=zero, battery_price=zero)
    value = price(tables(instance), zero, np.zeros((slots, chunks))).value
    assert tree_bound(instance, free, 8) == pytest.approx(value.sum(), rel=1e-8)


BROKEN = {  # of a tree of two cases, two devices and one branch
    "a child that does not exist": ("branches", [{"slot": 0, "chunk": 0, "frames": 3, "below": -1, "above": -9}]),
    "a leaf on both sides": ("branches", [{"slot": 0, "chunk": 0, "frames": 3, "below": -1, "above": -1}]),
    "a branch below itself": ("branches", [{"slot": 0, "chunk": 0, "frames": 3, "below": 0, "above": -1}]),
    "a case that is missing": ("cases", []),
    "a case on both sides": ("cases", [{"device": 0, "slot": 0, "chunk": 0, "below": -1, "above": -1}]),
    "a root that does not exist": ("roots", [[1, -2], [0, -2]]),
    "a device too few": ("roots", [[0], [0]]),
    "a negative price": ("limit_price", [[-1.0] * 3] * 3),
    "a slot too many": ("branches", [{"slot": 3, "chunk": 0, "frames": None, "below": -1, "above": -3}]),
    "a chunk too many": ("cases", [{"device": 0, "slot": 0, "chunk": 1, "below": -1, "above": -2}]),
    "a stranger": ("cases", [{"device": 2, "slot": 0, "chunk": 0, "below": -1, "above": -2}]),
}


@pytest.mark.parametrize("what", [None, *BROKEN])
def test_broken_trees_are_refused(draw, what):
    """Divisions that leave something out, or what is no part of the instance, prove nothing."""
    instance = draw(0, devices=(2, 2), slots=(3, 3))
    zero = np.zeros((3, 3))
    data = {
        "cases": [{"device": 0, "slot": 0, "chunk": 0, "below": -1, "above": -2}],
        "channel_price": np.full((2, 3, 1), 0.4),
        "roots": [[0, -2], [-1, -2]],
        "branches": [{"slot": 0, "chunk": 0, "frames": 3, "below": -1, "above": -3}],
        "limit_price": zero,
        "balance_price": zero,
        "battery_price": zero,
    }
    if what is None:
        assert np.isfinite(tree_bound(instance, Tree.model_validate(data), 8))
        return
    name, value = BROKEN[what]
    with pytest.raises((ValidationError, CertificateError)):
        tree_bound(instance, Tree.model_validate(data | {name: value}), 8)


def test_an_average_has_one_price_at_each_leaf(draw):
    """The same holds of leaves."""
    instance = draw(1, limit="average", slots=(3, 3))
    tree = draw_tree(instance, 0)
    data = tree.model_dump() | {"limit_price": np.arange(float(tree.limit_price.size)).reshape(tree.limit_price.shape)}
    with pytest.raises(CertificateError, match="one price"):
        tree_bound(instance, Tree.model_validate(data), 8)


def test_a_tree_is_read_as_it_was_written(draw):
    """A certificate with a tree survives JSON, without divisions too."""
    for seed in range(6):
        instance = draw(seed)
        certificate = draw_certificate(instance, seed).model_copy(update={"tree": draw_tree(instance, seed)})
        again = Certificate.model_validate_json(certificate.model_dump_json())
        assert again == certificate
        assert bound(instance, again) == bound(instance, certificate)
