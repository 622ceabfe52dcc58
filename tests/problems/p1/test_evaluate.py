"""The evaluator against a scalar twin, every family of constraints, and what must be refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.evaluation import SolutionError
from mecbench.problems.p1.evaluate import evaluate
from mecbench.problems.p1.solution import Solution


def twin(instance, solution):
    """Objective and each task's seconds in plain Python, straight from eqs. (1) to (6) and (13)."""
    data, decisions = instance.model_dump(mode="json"), solution.model_dump(mode="json")
    bits = [data["input_bits"], *data["layer_bits"]]
    noise = 10 ** (data["noise"] / 10) / 1000
    total, seconds = 0.0, []
    for q, source in enumerate(data["source"]):
        n, done, time, energy = source, 0, 0.0, 0.0
        for m, j, x in zip(decisions["node"][q], decisions["layers_done"][q], decisions["share"][q], strict=True):
            if m != n:
                apart = max(math.dist(data["position"][n], data["position"][m]), data["least_distance"])
                gain = apart ** -data["path_loss_exponent"]
                rate = data["bandwidth"] / data["subcarriers"] * math.log2(1 + gain * data["transmission_power"] / noise)
                time += bits[done] / rate
                energy += data["transmission_power"] * bits[done] / rate
            cycles = sum(data["layer_cycles"][done:j])
            if cycles:
                rate = data["frequency"][m] * x / 100
                time += cycles / rate
                energy += data["energy_coefficient"][m] * cycles * rate**2
            n, done = m, j
        total += data["energy_weight"] * energy + data["delay_weight"] * time + data["penalty"] * decisions["fail"][q]
        seconds.append(time)
    return total, seconds


def change(solution, **fields):
    """The solution with some fields replaced."""
    return Solution.model_validate({name: getattr(solution, name) for name in Solution.model_fields} | fields)


def broken(instance, solution):
    """Families that are violated."""
    verdict = evaluate(instance, solution)
    found = {name for name, violation in verdict.violations.items() if violation.absolute > 1e-9}
    assert verdict.feasible == (not found)
    return found


@pytest.fixture
def easy(draw):
    """Two tasks at one device near the server, three slots, one subcarrier, and a solution that computes both on the server."""
    instance = draw(
        1,
        devices=(1, 1),
        tasks=(2, 2),
        layers=(3, 3),
        window=(3, 3),
        subcarriers=1,
        slot_fit=False,
        deadline=10.0,
        position=[[100.0, 100.0], [130.0, 100.0]],
        frequency=[1e10, 1e9],
        energy_coefficient=[0.0, 1e-26],
        availability=[[100] * 3, [50] * 3],
        release=[0, 0],
        source=[1, 1],
    )
    solution = Solution(
        fail=[False, False],
        node=[[0, 0, 0], [1, 0, 0]],
        layers_done=[[3, 3, 3], [0, 3, 3]],
        share=[[20, 0, 0], [0, 20, 0]],
        subcarrier=[[1, 0, 0], [0, 1, 0]],
    )
    return instance, solution


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_objective_equals_the_scalar_twin(draw, feasible, seed):
    """Vectorised physics and the paper's equations written out agree to 1e-12, and what was drawn feasible is feasible."""
    instance = draw(seed)
    solution = feasible(instance, seed)
    verdict = evaluate(instance, solution)
    expected, seconds = twin(instance, solution)
    assert verdict.objective == pytest.approx(expected, rel=1e-12)
    assert sum(verdict.terms.values()) == pytest.approx(expected, rel=1e-12)
    assert verdict.feasible, verdict.violations
    completed = [time for time, failed in zip(seconds, solution.fail, strict=True) if not failed]
    if completed:
        assert verdict.metrics["mean_delay_s"] == pytest.approx(np.mean(completed), rel=1e-12)


def test_the_easy_solution_is_feasible(easy):
    """The base that the violations below depart from."""
    assert broken(*easy) == set()


@pytest.mark.parametrize(
    ("fields", "families"),
    [
        ({"node": [[0, 0, 0], [0, 0, 0]], "subcarrier": [[1, 0, 0], [1, 0, 0]]}, {"subcarriers"}),
        ({"subcarrier": [[0, 0, 0], [0, 1, 0]]}, {"hops"}),
        ({"subcarrier": [[1, 0, 0], [0, 1, 1]]}, {"hops"}),
        ({"node": [[0, 0, 1], [1, 0, 0]], "subcarrier": [[1, 0, 1], [0, 1, 0]]}, {"finished"}),
        ({"share": [[0, 0, 0], [0, 20, 0]]}, {"shares", "deadline"}),
        ({"share": [[20, 0, 5], [0, 20, 0]]}, {"shares"}),
        ({"layers_done": [[3, 3, 3], [0, 2, 2]]}, {"completion"}),
        ({"layers_done": [[3, 2, 3], [0, 3, 3]], "share": [[20, 0, 20], [0, 20, 0]]}, {"order"}),
        ({"node": [[1, 1, 1], [1, 0, 0]], "share": [[51, 0, 0], [0, 20, 0]], "subcarrier": [[0, 0, 0], [0, 1, 0]]}, {"capacity"}),
    ],
)
def test_each_family_is_found(easy, fields, families):
    """A single slip is reported under the constraint that it breaks, and no other."""
    instance, solution = easy
    assert broken(instance, change(solution, **fields)) == families


def test_capacity_counts_all_tasks_of_a_node(easy):
    """Shares add up over tasks (8): 60 + 40 per cent fit, 60 + 41 do not, by one."""
    instance, solution = easy
    instance = instance.model_copy(update={"subcarriers": 2})
    together = {"node": [[0, 0, 0]] * 2, "layers_done": [[3, 3, 3]] * 2, "subcarrier": [[1, 0, 0], [2, 0, 0]]}
    assert broken(instance, change(solution, **together, share=[[60, 0, 0], [40, 0, 0]])) == set()
    over = evaluate(instance, change(solution, **together, share=[[60, 0, 0], [41, 0, 0]])).violations["capacity"]
    assert (over.absolute, over.relative) == (1.0, 0.01)


def test_a_hop_needs_a_link(easy):
    """A node beyond reach is a violation and costs infinitely much, not a slow transmission."""
    instance, solution = easy
    apart = instance.model_copy(update={"position": np.array([[100.0, 100.0], [250.0, 100.0]])})
    assert "links" in broken(apart, solution)
    assert evaluate(apart, solution).objective == math.inf


def test_deadline_has_an_absolute_tolerance(easy):
    """(10) allows 1e-9 s whatever T is, and no more; a failed task has none."""
    instance, solution = easy
    seconds = max(twin(instance, solution)[1])
    assert broken(instance.model_copy(update={"deadline": seconds - 0.9e-9}), solution) == set()
    late = instance.model_copy(update={"deadline": seconds - 2e-9})
    assert "deadline" in broken(late, solution)
    assert broken(late, change(solution, fail=[True, True])) == set()


def test_slot_fit_limits_each_slot(easy):
    """With slot_fit hop and block share T / K; without, one slot may take all of T."""
    instance, solution = easy
    seconds = max(twin(instance, solution)[1])
    tight = instance.model_copy(update={"deadline": 2 * seconds})
    assert broken(tight, solution) == set()
    assert broken(tight.model_copy(update={"slot_fit": True}), solution) == {"slot_fit"}
    assert broken(tight.model_copy(update={"slot_fit": True, "deadline": 3.001 * seconds}), solution) == set()


def test_failed_tasks_pay_what_they_spent(easy):
    """The penalty comes on top of the costs so far (13); a task given up at once pays it alone."""
    instance, solution = easy
    begun = change(solution, fail=[True, False])
    assert evaluate(instance, begun).objective == pytest.approx(evaluate(instance, solution).objective + instance.penalty, rel=1e-12)
    idle = change(solution, fail=[True, True], node=[[1] * 3] * 2, layers_done=[[0] * 3] * 2, share=[[0] * 3] * 2, subcarrier=[[0] * 3] * 2)
    verdict = evaluate(instance, idle)
    assert verdict.feasible
    assert verdict.objective == 2 * instance.penalty
    assert verdict.metrics["completion_rate"] == 0.0


def test_metrics_are_the_papers(easy):
    """Collaborations count other nodes that ran layers, waiting counts idle slots, utilisation what was available."""
    instance, solution = easy
    split = change(solution, node=[[1, 0, 0], [1, 0, 0]], layers_done=[[1, 1, 3], [0, 3, 3]], share=[[50, 0, 30], [0, 20, 0]])
    split = change(split, subcarrier=[[0, 1, 0], [0, 0, 0]], node=[[1, 0, 0], [1, 1, 1]], share=[[50, 0, 30], [0, 20, 0]])
    metrics = evaluate(instance, split).metrics
    assert metrics["collaborations"] == 1
    assert metrics["hops"] == 1
    assert metrics["server_utilisation_slot_2"] == 0.3
    assert metrics["server_utilisation"] == pytest.approx(0.1)
    assert metrics["device_utilisation_slot_0"] == 1.0
    assert metrics["device_utilisation_slot_1"] == 0.4
    assert metrics["mean_slots_waited"] == 0.5  # the second task idles in its first slot, the first never
    assert metrics["cost_without_penalty"] == evaluate(instance, split).objective


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fail": [False]}, "field fail: expected shape [2], found [1]"),
        ({"node": [[0, 0, 0], [1, 0, 2]]}, "field node: expected 0 to 1 at [1, 2], found 2"),
        ({"layers_done": [[3, 3, 4], [0, 3, 3]]}, "field layers_done: expected 0 to 3 at [0, 2], found 4"),
        ({"subcarrier": [[2, 0, 0], [0, 1, 0]]}, "field subcarrier: expected 0 to 1 at [0, 0], found 2"),
    ],
)
def test_what_does_not_exist_is_refused(easy, fields, message):
    """Another shape, or a node, layer or subcarrier that the instance does not have, is an error, not an evaluation."""
    instance, solution = easy
    if "fail" in fields:
        fields = {name: getattr(solution, name)[:1] for name in Solution.model_fields}
    with pytest.raises(SolutionError) as caught:
        evaluate(instance, change(solution, **fields))
    assert message in str(caught.value)
