from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mecbench.problems.draws import quantise, split_of, stream


def test_streams_are_frozen() -> None:
    """The stream of a path is the same for ever: instances are named by their seeds."""
    drawn = stream("p-edge", "test", "instance", 7).randint(1_000_000, size=5, dtype=np.int64)
    assert drawn.tolist() == [85892, 168281, 805214, 528642, 607850]


def test_streams_of_other_paths_differ() -> None:
    """A seed, a split or a node of its own gives independent numbers, so splits share nothing."""
    paths = [("a", 1), ("a", 2), ("b", 1), ("a", "b", 1), ("ab", 1), ("a",)]
    assert len({stream(*path).uniform() for path in paths}) == len(paths)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_quantised_values_are_nine_digit_decimals(value: float) -> None:
    """Nine digits absorb the last-bit differences of mathematical libraries; rounding again changes nothing."""
    rounded = float(quantise(np.array(value)))
    assert rounded == float(f"{value:.9g}")
    assert quantise(np.array([rounded])).tolist() == [rounded]


def test_quantised_values_forget_the_last_bits() -> None:
    """Two libraries that differ by a few bits give one instance and one hash."""
    values = np.linspace(0.1, 10, 1000)
    np.testing.assert_array_equal(quantise(values * (1 + 4e-16)), quantise(values))


def test_quantise_keeps_the_shape() -> None:
    """Generators quantise whole matrices."""
    assert quantise(np.ones((2, 0, 3))).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("seed", "split"), [(0, "test"), (9_999, "test"), (10_000, "valid"), (19_999, "valid"), (20_000, "train"), (10**9, "train")]
)
def test_seeds_decide_the_split(seed: int, split: str) -> None:
    """The ranges are part of the published rules: nobody trains on test seeds by accident."""
    assert split_of(seed) == split


def test_negative_seeds_are_refused() -> None:
    """A negative seed belongs to no split."""
    with pytest.raises(ValueError, match="expected a seed of at least 0, found -1"):
        split_of(-1)
