from __future__ import annotations

import math

import numpy as np
import pytest

from mecbench.problems.draws import quantise, stream
from mecbench.problems.p_edge.allocation import allocate
from mecbench.problems.p_edge.system import (
    CLASSES,
    HotSpots,
    System,
    SystemParameters,
    all_local,
    clock_ratio,
    draw_points,
    draw_system,
    lloyd,
    neurosurgeon,
    options,
    uplink_rate,
)

XL = CLASSES["XL"]


def system(seed: int = 0, parameters: SystemParameters = XL) -> System:
    """One draw."""
    return draw_system(parameters, stream("test-system", seed))


@pytest.fixture(scope="module")
def calibration() -> dict[str, np.ndarray]:
    """Latency [ms], energy [mJ] and cost per device, shape [20, M, 3], of ALP and NSG over 20 fixed draws."""
    rows: dict[str, list[np.ndarray]] = {"ALP": [], "NSG": []}
    for seed in range(20):
        drawn = draw_system(XL, stream("calibration", seed))
        choices = options(XL, drawn.clock_ratio, drawn.uplink_rate)
        figures = np.stack([choices.local_latency, choices.local_energy, choices.local], axis=1)
        rows["ALP"].append(figures.copy())
        edge, cut = neurosurgeon(choices, XL.edge_multiprocessors)
        for n in range(XL.edges):
            members = np.flatnonzero(edge == n + 1)
            at = (members, n, cut[members])
            allocation = allocate(choices.fixed[at], choices.shared[cut[members]], XL.edge_multiprocessors)
            figures[members, 0] = choices.own_latency[at] + choices.tail_work[cut[members]] / allocation
            figures[members, 1] = choices.energy[at]
            figures[members, 2] = choices.fixed[at] + choices.shared[cut[members]] / allocation
        rows["NSG"].append(figures)
    return {rule: np.array(figures) for rule, figures in rows.items()}


def test_all_local_meets_the_paper_s_table(calibration: dict[str, np.ndarray]) -> None:
    """The device model was inferred from Table 1; averages and maxima of its row ALP must come out within 5 %."""
    means = calibration["ALP"].mean(axis=(0, 1))
    maxima = calibration["ALP"].max(axis=1).mean(axis=0)
    np.testing.assert_allclose(means, [34.20, 60.24, 1.248], rtol=0.05)
    np.testing.assert_allclose(maxima, [39.51, 71.44, 1.417], rtol=0.05)


def test_neurosurgeon_meets_the_paper_s_table(calibration: dict[str, np.ndarray]) -> None:
    """Radio, hot spots and edge speed are our choices; the paper's row NSG is what they were chosen to meet."""
    latency, energy, cost = calibration["NSG"].mean(axis=(0, 1))
    assert energy == pytest.approx(22.16, rel=0.05)
    assert latency == pytest.approx(32.77, rel=0.10)
    assert cost == pytest.approx(1.157, rel=0.10)


def test_slowest_device_is_the_paper_s() -> None:
    """At the 65 % clock floor a device still meets 24 frames a second: 39.5 ms, 49.5 mJ, cost 1.416."""
    choices = options(XL, np.array([0.65]), np.full((1, 1), 1e7))
    figures = (choices.local_latency[0], choices.local_energy[0], choices.local[0])
    assert figures == (pytest.approx(39.5, abs=0.05), pytest.approx(49.5, abs=0.05), pytest.approx(1.416, abs=5e-4))


def test_options_agree_with_plain_python() -> None:
    """A scalar reading of the spec gives the same costs: no axis is swapped, no unit lost."""
    drawn = system(1, CLASSES["S"])
    switching = np.zeros((20, 3))
    switching[4, 2] = 0.005
    choices = options(CLASSES["S"], drawn.clock_ratio, drawn.uplink_rate, switching)
    macs = [0, 10436608, 42775040, 71638784, 89976544, 102166176, 152106144, 206554560]
    sent = [150528, 200704, 75264, 31360, 15680, 15680, 21952, 7840]
    m, n = 4, 2
    for k in range(8):
        share = macs[k] / 216589760
        sending = 8 * sent[k] / float(drawn.uplink_rate[m, n]) * 1000
        rho = float(drawn.clock_ratio[m])
        latency = share * 28.9 * rho**-0.725 + sending
        energy = share * 71.4 * rho**0.85 + sending
        assert choices.fixed[m, n, k] == pytest.approx(energy / 1000 + latency / 28.9 + 0.005, rel=1e-12)
        assert choices.shared[k] == pytest.approx(180 * (1 - share) / 28.9, rel=1e-12)


def test_uplink_rate_agrees_with_plain_python() -> None:
    """The link budget of one device at 300 m with 3 dB of shadowing, by hand."""
    loss = 128.1 + 37.6 * math.log10(0.3) + 3
    noise = -174 + 10 * math.log10(8e6) + 7
    expected = 8e6 * math.log2(1 + 10 ** ((23 - loss - noise) / 10))
    assert float(uplink_rate(np.array(300.0), np.array(3.0), XL)) == pytest.approx(expected, rel=1e-12)


def test_near_field_is_capped() -> None:
    """Below ten metres the path-loss law means nothing: rates stop growing."""
    rates = uplink_rate(np.array([0.0, 3.0, 10.0, 11.0]), np.zeros(4), XL)
    assert rates[0] == rates[1] == rates[2] > rates[3]


def test_clock_follows_the_battery() -> None:
    """Linear from the floor at 3 Wh to full speed at 12 Wh, and flat beyond."""
    np.testing.assert_allclose(clock_ratio(np.array([0.0, 3.0, 7.5, 12.0, 20.0]), 0.65), [0.65, 0.65, 0.825, 1.0, 1.0])


def test_neurosurgeon_takes_the_smallest_belief() -> None:
    """Against brute force over local and every (n, k): the rule is an argmin, nothing else."""
    drawn = system(2, CLASSES["S"])
    choices = options(CLASSES["S"], drawn.clock_ratio, drawn.uplink_rate)
    edge, cut = neurosurgeon(choices, 256)
    for m in range(20):
        beliefs = {(0, 8): choices.local[m]}
        beliefs |= {(n + 1, k): choices.fixed[m, n, k] + choices.shared[k] / 256 for n in range(3) for k in range(8)}
        assert (edge[m], cut[m]) == min(beliefs, key=lambda option: beliefs[option])


def test_hopeless_uplinks_stay_local() -> None:
    """Without a usable uplink NSG is ALP."""
    choices = options(XL, np.full(5, 0.8), np.full((5, 11), 1.0))
    rules = neurosurgeon(choices, 256), all_local(5, 8)
    for nsg, alp in zip(*rules, strict=True):
        np.testing.assert_array_equal(nsg, alp)


def test_draws_are_quantised_and_within_the_quarter() -> None:
    """What an instance stores has nine digits, and nobody stands outside the square."""
    drawn = system()
    for values in (drawn.device_position, drawn.edge_position, drawn.shadowing, drawn.battery, drawn.clock_ratio, drawn.uplink_rate):
        np.testing.assert_array_equal(values, quantise(values))
    assert drawn.uplink_rate.shape == (240, 11)
    for points in (drawn.device_position, drawn.edge_position):
        assert points.min() >= 0
        assert points.max() <= drawn.crowd.side + 1e-5
    assert drawn.clock_ratio.min() >= 0.65
    assert drawn.clock_ratio.max() <= 1


def test_draws_depend_on_the_stream_alone() -> None:
    """Two draws of one seed are equal to the last bit, of two seeds they are not."""
    np.testing.assert_array_equal(system(5).uplink_rate, system(5).uplink_rate)
    assert not np.array_equal(system(5).uplink_rate, system(6).uplink_rate)


def test_today_s_crowd_is_tilted() -> None:
    """Edges follow the long-run map, devices today's crowd: the busiest edge holds far more than its share."""
    busiest = []
    for seed in range(8):
        drawn = system(seed)
        edge, _ = neurosurgeon(options(XL, drawn.clock_ratio, drawn.uplink_rate), 256)
        busiest.append(np.bincount(edge[edge > 0]).max() / max(1, np.count_nonzero(edge)))
    assert np.mean(busiest) > 1.5 / XL.edges


def test_lloyd_finds_separate_clusters() -> None:
    """Two far clouds get a centre each, at their means."""
    random = stream("lloyd", 0)
    clouds = np.concatenate([random.normal(0, 1, (50, 2)), random.normal(100, 1, (70, 2))])
    clouds = clouds[random.permutation(120)]
    centres = lloyd(clouds, 2)
    left = clouds[:, 0] < 50
    expected = {tuple(quantise(clouds[side].mean(axis=0)).round(6)) for side in (left, ~left)}
    assert {tuple(centre.round(6)) for centre in centres} == expected


def test_lloyd_keeps_the_centre_of_an_empty_cell() -> None:
    """Coinciding points leave a cell empty; its centre must stay finite."""
    np.testing.assert_array_equal(lloyd(np.zeros((5, 2)), 3), np.zeros((3, 2)))


def test_points_follow_the_crowd() -> None:
    """Four fifths gather at the hot spots, one fifth spreads over the square."""
    crowd = HotSpots(1000.0, np.array([[250.0, 250.0], [750.0, 750.0]]), np.array([10.0, 10.0]), np.array([0.25, 0.75]))
    points = draw_points(crowd, 20_000, stream("crowd", 0))
    near = [np.linalg.norm(points - centre, axis=1) < 60 for centre in crowd.centres]
    background = 0.2 * math.pi * 60**2 / 1000**2
    assert near[0].mean() == pytest.approx(0.8 * 0.25 + background, abs=0.01)
    assert near[1].mean() == pytest.approx(0.8 * 0.75 + background, abs=0.01)


def test_classes_keep_the_density_of_edges() -> None:
    """S to XL differ in size, not in how crowded the quarter is."""
    assert {name: (c.population, c.edges) for name, c in CLASSES.items()} == {"S": (20, 3), "M": (60, 5), "L": (120, 8), "XL": (240, 11)}
    assert all(c.area / c.edges == pytest.approx(2.5 / 11) for c in CLASSES.values())
