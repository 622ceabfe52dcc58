"""What is read off learning curves: when a run is near its best, and who is faster by how much."""

from __future__ import annotations

import pytest

from mecbench.benchmarks.studies.cmg_convergence import comparison, curves, table, transitions_to


def header(agent, score, *, preset="paper", multiplier=None):
    """Of a finished run with a point each hundred transitions."""
    points = [100 * point for point in range(len(score))]
    return {
        "agent": f"cmg/{agent}",
        "size": "small",
        "preset": preset,
        "hyperparameters": {"interface": "priced" if preset == "default" else "text"},
        "curve": {
            "transitions": points,
            "validation_score": score,
            "validation_cost": [0.5, *[0.3] * (len(score) - 1)],
            "multiplier": [multiplier] * len(score),
        },
    }


def test_near_the_best_is_a_part_of_the_way():
    """From 1 to -1 the first point at or below -0.9 counts, whatever comes after; a run that never improves is there at once."""
    assert transitions_to(0.95, [0, 10, 20, 30, 40], [1.0, 0.0, -0.89, -0.9, -1.0]) == 30.0
    assert transitions_to(0.95, [0, 10, 20], [1.0, -1.0, 2.0]) == 10.0
    assert transitions_to(0.95, [0, 10], [1.0, 2.0]) == 0.0


def test_curves_are_judged_beside_their_own_preset():
    """Ablations stand beside the text's preset, the default alone; a run that takes half as long is faster than the paper has it."""
    quick, slow = [1.0, -1.0, -1.0, -1.0], [1.0, 0.5, -1.0, -1.0]
    headers = [header("cpo-maddpg", quick, multiplier=0.2), header("maddpg", slow), header("mappo", quick)]
    headers += [header("cpo-maddpg", slow, preset="uniform-replay", multiplier=0.1), header("cpo-maddpg", quick, preset="default")]
    found = curves(headers)
    assert set(found) == {("small", "paper"), ("small", "default")}
    assert set(found["small", "paper"]) == {"cpo-maddpg", "maddpg", "mappo", "cpo-maddpg uniform-replay"}
    verdicts = {change.rival: (verdict, ours) for change, verdict, ours in comparison(found["small", "paper"])}
    assert verdicts["maddpg"][0] == "reproduced"
    assert verdicts["maddpg"][1].mean == pytest.approx(-0.5)
    assert verdicts["mappo"][0] == "not reproduced"
    assert verdicts["matd3"] == ("not run", None)
    lines = table(found["small", "paper"]).splitlines()
    assert "| cpo-maddpg | 1 | 100 | -1.000 | 1.000 | 1.000 | 0.300 | 0.200, 0.200 |" in lines
    assert "| maddpg | 1 | 200 | -1.000 | 1.000 | 1.000 | 0.300 |  |" in lines
