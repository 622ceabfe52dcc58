"""The paper's heuristics follow their rules, on a world small enough to do it by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p import SIZES, Instance, Solution, Task, evaluate, generate
from mecbench.problems.task import rollout
from mecbench.solvers.p.heuristics import EdgeOnly, Greedy, LocalOnly, Lru, Random, algorithms

BY_HAND = {
    "interval": 2,
    "delay_limit": 4.2,
    "server_position": np.zeros((2, 2)),
    "server_flops": [2e9, 2e9],
    "storage": [800, 400],  # two services, one service
    "bandwidth": [1e9, 1e9],
    "server_power": [30.0, 30.0],
    "cloud_rate": [1e6, 1e6],
    "user_position": np.zeros((3, 2)),
    "user_flops": [0.9e9, 0.1e9, 10e9],
    "user_power": [20.0, 20.0, 20.0],
    "energy_per_flop": [1e-10] * 3,
    "privacy_preference": [0.5] * 3,
    "gain": [[[-80.0, -90.0, -100.0], [-90.0, -80.0, -80.0]]],
    "models": ("model",),
    "layers": [2],
    "input_bytes": [1000],
    "layer_bytes": [[100, 300]],
    "layer_macs": [[10**9, 3 * 10**9]],
    "output_bytes": [[500, 10]],
    "leakage": [[0.5, 0.0]],
    "service_model": [0, 0, 0],
    # Counts: service 1 thrice, 0 twice, 2 once; at server 0 (user 0) services 0 and 2, at server 1 service 1 thrice and 0.
    "warmup_service": [[0, 1, 1], [2, 1, 0]],
    "warmup_batch": [[1, 1, 1], [1, 1, 1]],
    "service": [[1, 0, 2]],
    "batch": [[1, 1, 1]],
}


@pytest.fixture(scope="module")
def by_hand() -> Instance:
    """Two servers, three users, three services of one model with two layers, one slot; transfers take no time to speak of."""
    return Instance.model_validate(generate(SIZES["tiny"], 0).model_dump() | BY_HAND)


def played(policy: object, *instances: Instance, seed: int = 0) -> list[Solution]:
    """Solutions of a policy, which the evaluator accepts in all but the delay."""
    solutions = rollout(Task(), policy, instances, seed).solutions
    for instance, solution in zip(instances, solutions, strict=True):
        violations = evaluate(instance, solution).violations
        assert all(violation.relative <= 1e-12 for name, violation in violations.items() if name != "delay")
    return solutions


@pytest.mark.parametrize(("policy", "cuts"), [(LocalOnly(), [2, 2, 2]), (EdgeOnly(), [0, 0, 0]), (Greedy(), [1, 0, 2])])
def test_popular_services_strongest_channel_equal_share(by_hand, policy, cuts):
    """Server 0 takes services 1 and 0, server 1 only 1; user 1 goes where its service is, user 2 to the strongest and fails.

    At half of server 0, user 0 needs 4.0, 4.1 and 4.4 s at its cuts, so that 1 is the deepest within 4.2 s; user 1
    needs 4.0 s at cut 0 and 13 s at cut 1; user 2 has server 1 to itself and 0.4 s at its last.
    """
    solution = played(policy, by_hand)[0]
    assert solution.deployment[0].T.tolist() == [[True, True, False], [False, True, False]]
    assert solution.server.tolist() == [[0, 0, 1]]
    assert solution.cut.tolist() == [cuts]
    assert solution.bandwidth.tolist() == [[0.5e9, 0.5e9, 0.0]]
    assert solution.compute.tolist() == [[1e9, 1e9, 0.0]]


def test_a_miss_counts_among_the_sharers(by_hand):
    """Equal shares are those of all users associated with a server, the failing ones included."""
    instance = Instance.model_validate(by_hand.model_dump() | {"gain": [[[-80.0, -90.0, -70.0], [-90.0, -80.0, -80.0]]]})
    solution = played(EdgeOnly(), instance)[0]
    assert solution.server.tolist() == [[0, 0, 0]]
    assert solution.bandwidth == pytest.approx(np.array([[1e9 / 3, 1e9 / 3, 0.0]]), rel=1e-15)


def test_lru_deploys_by_its_own_requests_then_by_everybodys(by_hand):
    """Server 0 was asked for 0 and 2 once each, of which 0 is the more popular; server 1 most for 1."""
    solution = played(Lru(), by_hand)[0]
    assert solution.deployment[0].T.tolist() == [[True, False, True], [False, True, False]]
    small = Instance.model_validate(by_hand.model_dump() | {"storage": [400, 800]})
    solution = played(Lru(), small)[0]
    assert solution.deployment[0].T.tolist() == [[True, False, False], [True, True, False]]
    large = Instance.model_validate(by_hand.model_dump() | {"storage": [1200, 1199]})
    assert played(Lru(), large)[0].deployment[0].T.tolist() == [[True, True, True], [True, True, False]]


def test_random_draws_everything_and_is_seeded():
    """Any server, any cut, full storage, shares normalised over all associated users; the same again with the same seed."""
    instances = [generate(SIZES["medium"], seed) for seed in range(3)]
    first, again, other = (played(Random(), *instances, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    for instance, solution in zip(instances, first, strict=True):
        assert set(solution.server.ravel()) == set(range(instance.servers))
        assert {0, 1} <= set((solution.cut == instance.cuts[instance.service]).ravel().astype(int))
        free = instance.storage - np.einsum("nij,i->nj", solution.deployment, instance.service_bytes)
        fits = instance.service_bytes[:, None] <= free[:, None, :]
        assert not (fits & ~solution.deployment).any()
        assert len({server.tobytes() for interval in solution.deployment for server in interval.T}) > instance.servers
        hit = solution.deployment[np.arange(instance.slots)[:, None] // instance.interval, instance.service, solution.server]
        for slot in range(instance.slots):
            for server in range(instance.servers):
                here = solution.server[slot] == server
                if here.any():
                    used = solution.bandwidth[slot, here].sum() / instance.bandwidth[server]
                    assert used == pytest.approx(1.0, rel=1e-12) if hit[slot, here].all() else used < 1.0


def test_a_batch_is_played_as_single_episodes():
    """The rules know no neighbours, also where worlds have other numbers of users."""
    sizes = [SIZES["small"].model_copy(update={"users": users}) for users in (6, 2, 9)]
    instances = [generate(size, seed) for seed, size in enumerate(sizes)]
    for policy in (LocalOnly, EdgeOnly, Greedy, Lru):
        assert played(policy(), *instances) == [played(policy(), instance)[0] for instance in instances]


def test_heuristics_of_the_paper_are_where_they_were_measured():
    """At paper scale all miss the delay limit; Local-Only spends energy, Edge-Only privacy, as the paper and the prototype have it."""
    instances = [generate(SIZES["paper-50"], seed) for seed in (1, 2)]
    mean = {}
    for algorithm in algorithms:
        verdicts = [evaluate(i, s) for i, s in zip(instances, played(algorithm(), *instances), strict=True)]
        assert not any(verdict.feasible for verdict in verdicts)
        mean[algorithm.name] = {name: np.mean([v.metrics[name] for v in verdicts]) for name in verdicts[0].metrics}
        mean[algorithm.name]["objective"] = np.mean([v.objective for v in verdicts])
    for name in ("local-only", "edge-only", "greedy"):
        assert 100 < mean[name]["objective"] < 350
        assert 0.85 < mean[name]["success_rate"] < 0.95
    assert mean["local-only"]["mean_energy_j"] > 2 * mean["edge-only"]["mean_energy_j"]
    assert mean["edge-only"]["mean_privacy"] > 2 * mean["local-only"]["mean_privacy"]
    assert mean["lru"]["success_rate"] > 0.98
    assert mean["random"]["objective"] > 2 * mean["greedy"]["objective"]
