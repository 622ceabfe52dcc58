"""Random instances of P-EDGE for property tests."""

from __future__ import annotations

import numpy as np
import pytest

from mecbench.problems.p_edge.instance import Instance

GROUP_MACS = [10436608, 32338432, 28863744, 18337760, 12189632, 49939968, 54448416, 10035200]
CUT_BYTES = [150528, 200704, 75264, 31360, 15680, 15680, 21952, 7840]


def draw_instance(seed: int, devices: tuple[int, int] = (2, 8), multiprocessors: int = 32) -> Instance:
    """An edge with devices of any cut and rate; harder than what the generator draws, since nothing is chosen well."""
    random = np.random.default_rng(seed)
    count = int(random.integers(devices[0], devices[1] + 1))
    return Instance(
        multiprocessors=multiprocessors,
        clock_ratio=random.uniform(0.65, 1.0, count),
        uplink_rate=random.uniform(2e6, 8e7, count),
        cut=random.integers(0, 8, count),
        switch_cost=random.choice([0.0, 0.005], count),
        group_macs=GROUP_MACS,
        cut_bytes=CUT_BYTES,
        edge_work=180.0 * multiprocessors / 256,
        full_latency=28.9,
        latency_exponent=-0.725,
        full_energy=71.4,
        energy_exponent=0.85,
        transmit_power=1.0,
        energy_unit=1000.0,
        latency_unit=28.9,
    )


@pytest.fixture(scope="session")
def draw():
    """The function that draws a random instance."""
    return draw_instance
