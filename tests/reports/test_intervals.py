from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mecbench.reports.intervals import bootstrap_interval, trimmed_mean


@pytest.mark.parametrize("size", range(1, 30))
def test_interquartile_mean_is_scipys_trim_mean(size: int) -> None:
    """A quarter is cut from either end, rounded down, at every sample size."""
    values = np.random.Generator(np.random.PCG64(size)).lognormal(size=(3, size))
    np.testing.assert_allclose(trimmed_mean(values), stats.trim_mean(values, 0.25, axis=-1), rtol=1e-12)


@pytest.mark.parametrize("trim", [0.25, 0.0])
def test_interval_is_scipys_on_one_stratum(trim: float) -> None:
    """The percentile interval agrees with an independent implementation up to resampling noise."""
    values = np.random.Generator(np.random.PCG64(1)).normal(10.0, 2.0, 60)
    expected = stats.bootstrap(
        (values,),
        lambda x, axis: trimmed_mean(np.moveaxis(x, axis, -1), trim),
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    low, high = bootstrap_interval(values, trim=trim, resamples=20_000)
    assert low == pytest.approx(expected.low, abs=0.03)
    assert high == pytest.approx(expected.high, abs=0.03)


def test_interval_is_scipys_on_two_strata() -> None:
    """Strata are resampled apart, as scipy does with several samples; mixing them would give a far wider interval."""
    random = np.random.Generator(np.random.PCG64(2))
    first, second = random.normal(0.0, 0.1, 30), random.normal(10.0, 0.1, 20)
    expected = stats.bootstrap(
        (first, second),
        lambda x, y, axis: np.concatenate([x, y], axis=axis).mean(axis=axis),
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    low, high = bootstrap_interval(np.concatenate([first, second]), np.repeat(["a", "b"], [30, 20]), 0.0, resamples=20_000)
    assert low == pytest.approx(expected.low, abs=0.003)
    assert high == pytest.approx(expected.high, abs=0.003)
    mixed = bootstrap_interval(np.concatenate([first, second]), None, 0.0)
    assert mixed[1] - mixed[0] > 10 * (high - low)


def test_interval_is_reproducible_and_collapses_without_spread() -> None:
    """The same seed gives the same leaderboard, and a constant has no interval."""
    values = np.arange(12.0)
    assert bootstrap_interval(values, seed=5) == bootstrap_interval(values, seed=5)
    assert bootstrap_interval(np.full(8, 0.25)) == (0.25, 0.25)
    assert bootstrap_interval(np.array([0.5])) == (0.5, 0.5)


def test_many_values_are_resampled_less_often_and_in_blocks() -> None:
    """A hundred thousand runs must not take minutes; the interval of the mean still is the normal one."""
    values = np.random.Generator(np.random.PCG64(4)).normal(0.0, 1.0, 40_000)
    low, high = bootstrap_interval(values, trim=0.0)
    assert high - low == pytest.approx(2 * 1.96 / 200, rel=0.15)
    assert low < values.mean() < high


def test_one_row_or_one_column_is_the_plain_interval() -> None:
    """A table of one seed is its instances; of one instance its seeds: then scipy's interval of the interquartile mean holds."""
    values = np.random.Generator(np.random.PCG64(5)).lognormal(size=40)
    assert bootstrap_interval(values[None]) == bootstrap_interval(values)
    expected = stats.bootstrap(
        (values,),
        lambda x, axis: stats.trim_mean(x, 0.25, axis=axis),
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    low, high = bootstrap_interval(values[:, None], resamples=20_000)
    assert low == pytest.approx(expected.low, rel=0.02)
    assert high == pytest.approx(expected.high, rel=0.02)


@pytest.mark.parametrize(("trim", "hole"), [(0.25, False), (0.25, True), (0.0, True)])
def test_seeds_and_instances_are_both_resampled(trim: float, hole: bool) -> None:
    """A resample is a table of drawn rows and drawn columns, as written out here; what is missing is in none."""
    random = np.random.Generator(np.random.PCG64(6))
    table = random.normal(0.0, 1.0, (5, 1)) + random.normal(0.0, 1.0, (5, 12))
    if hole:
        table[2, 3] = table[4, 0] = np.nan
    strata = np.repeat(["a", "b"], [7, 5])
    means = []
    for _ in range(2000):
        columns = np.concatenate([random.integers(0, 7, 7), random.integers(7, 12, 5)])
        cells = table[random.integers(0, 5, 5)][:, columns]
        means.append(stats.trim_mean(cells[~np.isnan(cells)], trim))
    expected = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(bootstrap_interval(table, strata, trim, resamples=8000), expected, atol=0.1)


def test_a_seed_is_good_or_bad_everywhere() -> None:
    """Five seeds of very different worth on sixty instances: cells drawn apart would promise far more than five seeds can."""
    random = np.random.Generator(np.random.PCG64(7))
    table = np.arange(5.0)[:, None] + random.normal(0.0, 0.1, (5, 60))
    low, high = bootstrap_interval(table, trim=0.0)
    assert high - low == pytest.approx(2 * 1.96 * np.arange(5.0).std() / np.sqrt(5), rel=0.15)
    apart = bootstrap_interval(table.ravel(), trim=0.0)
    assert apart[1] - apart[0] < (high - low) / 5
