"""The bound on the mean worst cost holds against everything that can be done, and against GRD at paper scale it is what remains."""

from __future__ import annotations

import pytest

from mecbench.problems.errors import InputError
from mecbench.problems.evaluation import Sense, beats
from mecbench.problems.p_marl import Instance, bound
from mecbench.solvers.outcome import Budget
from mecbench.solvers.p_marl.per_epoch import PerEpoch


def test_no_episode_beats_the_bound(small, exhaust):
    """On tiny episodes, of every solution; without switch cost some bound is nearly met, as all else it leaves out is whole devices."""
    closest = 0.0
    for seed in range(8):
        instance = small(seed, 2, 2, epochs=3, edge_multiprocessors=3, edge_work=3.0, switch_cost=(0.0, 0.1)[seed % 2])
        outcome = PerEpoch().solve(instance, Budget(), 0)
        assert outcome.bound == bound(instance, outcome.certificate)
        worst, _ = exhaust(instance)
        assert not beats(worst, outcome.bound, Sense.MINIMISE)
        closest = max(closest, outcome.bound / worst)
    assert closest > 0.98


def test_time_that_is_over_leaves_what_devices_prove_alone(small):
    """Still a certificate of all epochs, and not more than with time."""
    instance = small(0, 8, 3, epochs=3)
    hasty, patient = (PerEpoch().solve(instance, Budget(limit), 0) for limit in (0.0, 60.0))
    assert 0 < hasty.bound < patient.bound
    assert bound(instance, hasty.certificate) == hasty.bound


def test_the_worst_mean_is_refused(small):
    """Epochs by themselves bound no mean of one device; the user learns which objective is meant."""
    instance = Instance.model_validate(small(0, 3, 2, epochs=2).model_dump() | {"objective": "worst-mean"})
    with pytest.raises(InputError, match="objective: expected 'mean-worst'"):
        PerEpoch().solve(instance, Budget(), 0)
