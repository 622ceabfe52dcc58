from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from mecbench.reports import pictures


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    """A star of many nodes with many long curves."""
    names = [f"node-{number}" for number in range(500)]
    line, x = np.repeat(np.arange(40), 100), np.tile(np.arange(100.0), 40)
    return {
        "nodes": pd.DataFrame({"id": names, "kind": "node", "label": names, "size [1]": [np.nan, *np.arange(499) / 3]}),
        "links": pd.DataFrame({"source": names[1:], "target": names[0], "kind": "link", "label": "", "rate [bit/s]": 1.0}),
        "series": pd.DataFrame({"panel": "curves", "line": line.astype(str), "x": x, "y": x**2, "x_label": "x [1]", "y_label": "y [1]"}),
    }


def test_a_picture_is_thinned_and_says_so(frames: dict[str, pd.DataFrame]) -> None:
    """A page stays small whatever a problem describes, and the reader learns what is left out."""
    (picture,) = pictures.collect([("hash", frames)]).values()
    assert len(picture["nodes"]["id"]) + picture["left_out"] == 500
    assert picture["nodes"]["size [1]"][:3] == [None, 0.0, 0.3333]
    (panel,) = picture["series"]
    assert len(panel["lines"]) + panel["left_out"] == 40
    assert (panel["lines"][0]["x"][0], panel["lines"][-1]["x"][-1]) == (0.0, 99.0)
    assert max(len(line["x"]) for line in panel["lines"]) <= pictures.POINTS
    assert json.loads(json.dumps(picture, allow_nan=False)) == picture


def test_no_more_instances_are_described_than_fit(frames: dict[str, pd.DataFrame]) -> None:
    """Describing ten thousand instances would take longer than all the rest of the page."""
    asked = 0

    def described() -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
        nonlocal asked
        while True:
            asked += 1
            yield f"hash {asked}", frames

    found = pictures.collect(described())
    assert 1 <= len(found) <= pictures.MOST
    assert asked <= len(found) + 1
    assert len(json.dumps(found)) < 1.1 * pictures.BYTES


def test_families_of_instances_take_turns() -> None:
    """With little room, every family has a picture before one has two."""
    names = [f"{family}-{number}" for family in ("near", "far") for number in range(3)]
    runs = pd.DataFrame({"instance": names * 2, "instance_sha256": names * 2, "problem": "demo"})
    assert pictures.queue(runs) == ["near-0", "far-0", "near-1", "far-1", "near-2", "far-2"]
