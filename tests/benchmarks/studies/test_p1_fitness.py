"""What is read off CERL's learning curves: whether fitness says what individuals earn."""

from __future__ import annotations

from xml.etree import ElementTree

from mecbench.benchmarks.studies.p1_fitness import correlations, picture, table

HEADER = {
    "agent": "p1/cerl",
    "size": "n10",
    "preset": "paper",
    "seed": 0,
    "hyperparameters": {"fitness": "error"},
    "curve": {"transitions": [0, 10, 20, 40], "fitness_correlation": [None, -0.5, 0.25, 0.5]},
}


def test_points_without_a_population_and_other_agents_are_left_out():
    """Before the first generation there is no correlation; a gradient-trained agent has none at all."""
    (found,) = correlations([HEADER, HEADER | {"agent": "p1/ddqn"}])
    assert (found.transitions, found.values) == ((10, 20, 40), (-0.5, 0.25, 0.5))
    last = table([found]).splitlines()[-1]
    assert last.startswith("| n10, paper, seed 0 |")
    assert last.endswith("| 3 | +0.25 | -0.50 | +0.50 |")


def test_a_picture_has_a_curve_of_every_run():
    """Well-formed, a line and a name each; a higher correlation stands higher, a later one further right."""
    tree = ElementTree.fromstring(picture(correlations([HEADER, HEADER | {"seed": 1}])))
    lines = tree.findall("{*}polyline")
    assert len(lines) == 2
    assert {"n10, paper, seed 0", "n10, paper, seed 1"} <= {text.text for text in tree.findall("{*}text")}
    dots = [tuple(map(float, dot.split(","))) for dot in lines[0].attrib["points"].split()]
    assert dots == sorted(dots)
    assert [y for _, y in dots] == sorted((y for _, y in dots), reverse=True)
