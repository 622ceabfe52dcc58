from __future__ import annotations

from mecbench.problems.p_edge import bound, evaluate
from mecbench.problems.p_edge.model import continuous_shares
from mecbench.problems.p_edge.physics import cost


def test_relaxation_gives_a_certified_bound_and_a_feasible_allocation(random_instances, solve_apart, best_by_stages) -> None:
    """A floating-point solver's word becomes a proof: the lowered value is counted through, and lies under the optimum."""
    instances = [*random_instances(40, 8, 32, 9), *random_instances(4, 100, 400, 10)]
    for instance, answer in zip(instances, solve_apart("p-edge/conic-rounding", instances), strict=True):
        optimum = best_by_stages(instance)
        verdict = evaluate(instance, answer.solution)
        assert verdict.feasible
        assert verdict.metrics["unspent"] == 0.0
        assert bound(instance, answer.certificate) == answer.bound <= optimum <= verdict.objective
        continuous = cost(instance.fixed_cost, instance.shared_cost, continuous_shares(instance)).max()
        assert abs(answer.bound - continuous) <= 1e-6 * max(1.0, continuous)
