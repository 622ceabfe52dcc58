"""The networks: one text for NumPy and PyTorch, masks and prices as the problem has them, and no device, edge or size apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mecbench.problems.p_marl import SIZES, Task, generate
from mecbench.problems.p_marl.options import options
from mecbench.rl.p_marl.method import Method
from mecbench.rl.p_marl.networks import network_of
from mecbench.rl.p_marl.policy import algorithms
from mecbench.rl.p_marl.sight import Sight

METHODS = {agent.name: agent.method for agent in algorithms}


def made(method, worlds, chosen, epochs=3):
    """Network for some episodes, rows of their last epoch of `epochs`, and what the task shows then."""
    task, random = method.task(), np.random.default_rng(0)
    observation = task.reset(worlds)
    layout = method.layout(worlds[0])
    sight = Sight(layout, task.static()["devices"], chosen.memory, chosen.network == "edges")
    rows = sight.rows(observation)
    for _ in range(epochs - 1):
        mask = observation["mask"]
        observation = task.step((random.random(mask.shape) * mask).argmax(axis=2)).observation
        rows = sight.rows(observation)
    return network_of(layout, worlds[0], chosen), rows, observation


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_numpy_and_torch_agree(name, preset, worlds, quick, random_weights, torch):
    """What is trained is what is run: masks are equal and values agree to 1e-5."""
    network, rows, _ = made(METHODS[name], worlds, quick(preset=preset))
    weights = random_weights(network.shapes())
    known, same = network.encode(np, rows), network.encode(torch, torch.from_numpy(rows))
    ours = network.values(np, weights, known)
    theirs = network.values(torch, {key: torch.from_numpy(array) for key, array in weights.items()}, same)
    assert ours.shape == (48, 17)
    assert theirs.numpy() == pytest.approx(ours, rel=1e-5, abs=1e-5)
    assert np.array_equal(known.mask, same.mask.numpy())


@pytest.mark.parametrize(("insistence", "work"), [(1.0, 100.0), (3.0, 350.0)])
def test_masks_are_the_tasks_less_what_cannot_pay(insistence, work, quick, crowd):
    """The text's network admits what the task does; scored options pay at best, local inference only if none does at so many shares."""
    method = Method(ofr=True, coa=True)
    worlds = [generate(crowd.model_copy(update={"edge_work": work, "population": count}), 20_000) for count in (12, 9)]
    network, rows, observation = made(method, worlds, quick(preset="paper"))
    assert np.array_equal(network.encode(np, rows).mask, observation["mask"].reshape(24, -1))
    network, rows, observation = made(method, worlds, replace(quick(), insistence=insistence))
    found = network.encode(np, rows).mask.reshape(2, 12, -1)
    previous = observation["agents"][0][:, method.layout(worlds[0]).previous].argmax(axis=1)
    choices = options(worlds[0], 2, previous)
    pays = choices.fixed + choices.shared / worlds[0].multiprocessors < choices.local[:, None, None]
    even = choices.fixed + choices.shared * 7 / insistence / worlds[0].multiprocessors < choices.local[:, None, None]
    near = observation["mask"][0, :, 1:]
    alone = ~(near & even.reshape(12, -1)).any(axis=1)
    assert alone.any()
    assert not alone.all()
    expected = np.concatenate((alone[:, None], near & pays.reshape(12, -1)), axis=1)
    assert np.array_equal(found[0], expected)
    assert expected[:, 1:].any()
    assert (observation["mask"][0] & ~expected).any()
    assert not found[1, 9:].any()


def test_prices_are_the_problems_own(worlds, quick):
    """R_c of every option, switch cost included, and the cost of local inference, from what the device sees."""
    method = Method(ofr=True, coa=True)
    for epochs in (1, 3):
        network, rows, observation = made(method, worlds[:1], quick(), epochs)
        before = observation["agents"][0][:, method.layout(worlds[0]).previous]
        previous = np.where(before.any(axis=1), before.argmax(axis=1), -1)
        choices = options(worlds[0], epochs - 1, previous)
        found = network.encode(np, rows)
        fixed = choices.fixed.reshape(24, -1)[found.inputs.place]
        assert np.exp(found.inputs.edge[:, :8]) == pytest.approx(fixed, rel=1e-5)
        assert found.inputs.local[:, 0] == pytest.approx(choices.local, rel=1e-5)
        pays = (choices.fixed + choices.shared / worlds[0].multiprocessors < choices.local[:, None, None]).any(axis=2)
        near = rows[:, network.layout.efficiency] > 0
        assert np.array_equal(found.inputs.place, np.flatnonzero(pays & near))


def test_first_choices_are_those_of_least_estimated_cost(worlds, quick, torch):
    """Before anything is learned: a + b (1 + x times those remembered on the edge) / L, less for the own edge, or local inference."""
    from mecbench.rl import mlp

    method = Method(ofr=True, coa=True)
    network, rows, _ = made(method, worlds[:1], replace(quick(), prior=1e4))
    weights = {
        name: array.numpy() for name, array in mlp.initial(network.shapes(), torch.Generator().manual_seed(0), network.gains()).items()
    }
    encoded = network.encode(np, rows)
    values = np.where(encoded.mask, network.values(np, weights, encoded), -np.inf)
    layout, world = network.layout, worlds[0]
    choices = options(world, 2, rows[:, layout.previous].argmax(axis=1))
    fixed, local = choices.fixed, choices.local[:, None]
    remembered = rows[:, layout.features : -1].reshape(12, 2, -1)
    work = world.tail_work[:-1] / world.latency_unit
    expected = fixed + work * (1 + network.crowding * remembered.sum(axis=2, keepdims=True)) / world.multiprocessors
    expected -= network.inertia * rows[:, layout.previous][:, 1:, None]
    near = rows[:, layout.efficiency] > 0
    costs = np.concatenate((local, np.where(near[..., None], expected, np.inf).reshape(12, -1)), axis=1)
    assert np.array_equal(values.argmax(axis=1), np.where(encoded.mask, costs, np.inf).argmin(axis=1))


def test_what_is_learned_stays_within_its_leeway(worlds, quick, random_weights):
    """Advantages differ from the estimated costs by no more, however large the weights; without a leeway by as much as they say."""
    method = Method(ofr=True, coa=True)
    for leeway in (0.2, 0.0):
        network, rows, _ = made(method, worlds, replace(quick(), leeway=leeway))
        encoded = network.encode(np, rows)
        values = network.values(np, random_weights(network.shapes()), encoded)
        scored = encoded.inputs
        edges = values[:, 1:].reshape(-1, 8)[scored.place] + network.prior * scored.expected
        pays = encoded.mask[:, 1:].reshape(-1, 8)[scored.place]
        row = scored.place // 2
        spread = [np.ptp(edges[row == each][pays[row == each]]) for each in np.unique(row)]  # the state value apart, which all options have
        assert (max(spread) <= 2 * 0.2 + 1e-3) == (leeway > 0)
        assert max(spread) > 0.05


def test_edges_and_devices_are_all_alike(worlds, quick, random_weights):
    """Renaming edges renames values, and a device's values do not depend on who else is in the batch."""
    network, rows, _ = made(Method(ofr=True, coa=True), worlds, quick())
    weights, layout = random_weights(network.shapes()), network.layout
    values = network.values(np, weights, network.encode(np, rows))
    renamed = rows.copy()
    renamed[:, layout.efficiency] = rows[:, layout.efficiency][:, ::-1]
    renamed[:, layout.previous] = rows[:, layout.previous][:, [0, 2, 1]]
    for start in (layout.record.start, layout.features):
        block = slice(start, start + 2 * layout.groups)
        renamed[:, block] = rows[:, block].reshape(-1, 2, layout.groups)[:, ::-1].reshape(len(rows), -1)
    again = network.values(np, weights, network.encode(np, renamed))
    assert again[:, 1:].reshape(-1, 2, 8)[:, ::-1].reshape(48, -1) == pytest.approx(values[:, 1:], rel=1e-4, abs=1e-4)
    alone = network.values(np, weights, network.encode(np, rows[5:6]))
    assert alone == pytest.approx(values[5:6], rel=1e-5, abs=1e-5)


def test_weights_of_one_size_serve_another(worlds, quick, random_weights):
    """Scored edge by edge, shapes know nothing of numbers of edges and devices; the text's MLP does."""
    method, large = Method(ofr=True, coa=True), generate(SIZES["orig-60x5"], 20_000)
    small, _, _ = made(method, worlds, quick())
    other, rows, _ = made(method, [large], quick(), epochs=1)
    assert small.shapes() == other.shapes()
    assert other.values(np, random_weights(small.shapes()), other.encode(np, rows)).shape == (60, 41)
    assert made(method, [large], quick(preset="paper"), 1)[0].shapes() != made(method, worlds, quick(preset="paper"))[0].shapes()


def test_a_device_is_judged_by_its_own_row(worlds, quick):
    """Neither where another device is nor its charge changes what this one sees, but for what edges tell of the epoch before."""
    method, world = Method(ofr=True, coa=True), worlds[0]
    battery, position = world.battery.copy(), world.position.copy()
    battery[3], position[:, 3] = 3.5, position[:, 3, ::-1]
    changed = world.model_copy(update={"battery": battery, "position": position})
    tasks = method.task(), method.task()
    rows = []
    for task, instance in zip(tasks, (world, type(world)(**changed.model_dump())), strict=True):
        observation = task.reset([instance])
        sight = Sight(method.layout(world), task.static()["devices"], 0.5, counts=True)
        sight.rows(observation)
        rows.append(sight.rows(task.step(np.zeros((1, 12), dtype=np.int64)).observation))
    others = np.arange(12) != 3
    assert np.array_equal(rows[0][others], rows[1][others])
    assert not np.array_equal(rows[0][3], rows[1][3])


def test_the_task_is_the_problems(worlds):
    """Every method plays the same task by its switches alone."""
    for method in METHODS.values():
        task = method.task()
        assert isinstance(task, Task)
        assert (task.reward, task.ofr, task.coa, task.mean_field) == ("paper", method.ofr, method.coa, method.mean_field)
