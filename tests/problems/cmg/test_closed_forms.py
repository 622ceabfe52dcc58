"""Closed forms against dense search: what they return costs no more than anything else in the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.cmg import closed_forms as forms
from mecbench.problems.cmg import physics

PRICES = st.floats(0.0, 200.0)


@settings(max_examples=50, deadline=None)
@given(eta=PRICES, most=st.floats(0.3e9, 1.5e9))
def test_best_frequency_costs_least(eta, most):
    """No compute within the bounds makes a local bit cheaper than c*."""
    best = forms.best_frequency(0.5, np.array(0.5 + eta), 5e-28, 0.2e9, most)
    cost = forms.local_cost(0.5, 0.5 + eta, 5e-28, 8.0, np.linspace(0.2e9, most, 2001))
    assert forms.local_cost(0.5, 0.5 + eta, 5e-28, 8.0, best) <= cost.min() * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(eta=PRICES, gain=st.floats(0.01, 20.0), most=st.floats(0.06, 1.0))
def test_best_power_costs_least(eta, gain, most):
    """No power within the bounds makes an offloaded bit cheaper than p*."""

    def cost(power):
        return forms.offload_cost(0.5, 0.5 + eta, power, physics.uplink_rate(120e6, power * gain, 0.1, 0.0), 4e-10)

    best = forms.best_power(0.5, np.array(0.5 + eta), gain, 0.1, 0.05, most)
    assert 0.05 <= best <= most
    assert cost(best) <= cost(np.linspace(0.05, most, 2001)).min() * (1 + 1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e-14, -1e-12, 1e-8])
def test_best_power_is_smooth_where_its_quotient_degenerates(offset):
    """At beta1 g = (beta2 + eta) sigma^2 the closed form reads 0 / 0, and the minimum is at y = e."""
    power = forms.best_power(0.5, np.array(0.5), 0.1 * (1.0 + offset), 0.1, 0.001, 10.0)
    assert power == pytest.approx(np.e - 1.0, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(weight=st.floats(0.001, 6.0), cost=st.floats(1e-8, 1e-4))
def test_best_resolution_is_worth_most(weight, cost):
    """No resolution within the bounds trades accuracy for size better than r*."""

    def worth(resolution):
        return -weight * 4.469 * np.exp(-resolution / 200.0) - cost * resolution**2

    best = forms.best_resolution(weight, 4.469, 200.0, np.array(cost), 320.0, 1080.0)
    grid = worth(np.linspace(320.0, 1080.0, 4001))
    assert worth(best) >= grid.max() - 1e-12 * np.abs(grid).max()


@settings(max_examples=50, deadline=None)
@given(eta=PRICES, part=st.floats(0.01, 0.999), power=st.floats(0.05, 1.0))
def test_less_than_the_useful_share_costs_more_than_local(eta, part, power):
    """Below theta* no power makes offloading pay, which is why small sets alone share a channel."""
    local = forms.local_cost(0.5, 0.5 + eta, 5e-28, 8.0, forms.best_frequency(0.5, np.array(0.5 + eta), 5e-28, 0.2e9, 1e9))
    share = forms.least_useful_share(0.5, np.array(0.5 + eta), 0.05, 120e6, local, 4e-10)
    assert 0.0 < share < 1.0
    assert forms.offload_cost(0.5, 0.5 + eta, power, physics.rate_of_share(120e6, part * share), 4e-10) > local


def test_no_share_is_useful_where_the_server_alone_takes_longer():
    """A server slower than the device leaves nothing to gain: theta* is 1, not undefined."""
    assert forms.least_useful_share(0.5, np.array(0.5), 0.05, 120e6, np.array(1e-9), 1e-8) == 1.0
