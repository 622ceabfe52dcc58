from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from mecbench.reports.page import render


class Reader(HTMLParser):
    """Collects what a page would load, its scripts apart, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.identifiers: list[str] = []
        self.anchors: list[str] = []
        self.words = ""
        self.raw = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note addresses, identifiers."""
        given = dict(attributes)
        self.sources += [str(given[key]) for key in ("src", "data") if given.get(key)]
        if tag in ("link", "use", "image"):
            self.sources.append(str(given.get("href")))
        if tag == "a":
            self.anchors.append(str(given["href"]))
        if given.get("id"):
            self.identifiers.append(str(given["id"]))
        self.raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        self.raw = False

    def handle_data(self, data: str) -> None:
        """Collect words, not code."""
        if not self.raw:
            self.words += data


def _sections(page: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    sections: list[dict[str, Any]] = json.loads(found.group(1))
    return sections


@pytest.fixture(scope="module")
def page(runs: pd.DataFrame) -> str:
    """A page of the synthetic runs."""
    return render(runs, environment=[{"cpu": "a processor", "packages": {"numpy": "2.0"}}])


def test_a_page_loads_nothing(page: str) -> None:
    """It opens on a train and in ten years: all addresses stay inside, and the browser is told to refuse others."""
    reader = Reader(page)
    assert [source for source in reader.sources if not source.startswith("data:")] == []
    assert all(anchor.removeprefix("#") in reader.identifiers for anchor in reader.anchors)
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert not re.search(r"url\((?!['\"]?data:)", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


def test_a_page_says_everything(page: str) -> None:
    """Failures with what they printed, the machine, the caveats; leaderboard, runs and instances as data, none left out."""
    reader = Reader(page)
    for words in ("demo: leaderboard", "Segmentation fault", "a processor", "numpy 2.0", "How to read", "What this suite can not tell"):
        assert words in reader.words
    (section,) = _sections(page)
    assert [row["algorithm"] for row in section["board"]] == ["demo/exact", "demo/good", "demo/fragile", "demo/greedy"]
    assert {len(section["runs"][name]) for name in ("algorithm", "instance", "gap", "seconds", "status")} == {40}
    assert len(section["instances"]["name"]) == 10
    assert section["runs"]["statuses"] == ["crash", "infeasible", "ok"]


def test_failures_of_a_kind_stand_together(page: str) -> None:
    """A hundred crashes of one cause are one line with its count, so that a rare cause is not buried."""
    words = " ".join(Reader(page).words.split())
    assert "infeasible, 10 runs: demo/greedy" in words
    assert "crash, 4 runs: demo/fragile" in words


def test_an_alarm_stands_at_the_top(runs: pd.DataFrame) -> None:
    """A beaten bound is read before the leaderboard it spoils."""
    broken = runs.copy()
    broken.loc[broken["algorithm"] == "demo/exact", "objective"] -= 1.0
    text = render(broken)
    assert text.index("A bound was beaten") < text.index("demo: leaderboard")
    assert any(row["alarm"] for row in _sections(text)[0]["board"])
    assert "A bound was beaten" not in render(runs)


def test_machines_of_different_speed_are_said(runs: pd.DataFrame) -> None:
    """Folders of several machines merge; their times do not compare."""
    fast, slow = {"calibration_seconds": 0.05}, {"calibration_seconds": 0.09}
    assert "machines of different speed" in render(runs, environment=[fast, slow])
    assert "machines of different speed" not in render(runs, environment=[fast, {"calibration_seconds": 0.055}])


def test_pictures_are_those_of_their_instances(runs: pd.DataFrame) -> None:
    """A picture is found by the hash of what it shows, however instances are sorted."""
    frame = pd.DataFrame({"id": ["a"], "kind": ["node"], "label": ["a"]})
    links = pd.DataFrame({"source": [], "target": [], "kind": [], "label": []})
    series = pd.DataFrame({name: [] for name in ("panel", "line", "x", "y", "x_label", "y_label")})
    frames = {"nodes": frame, "links": links, "series": series}
    (section,) = _sections(render(runs, pictures=[("hash of demo-7", frames), ("unknown", frames)]))
    assert [section["instances"]["name"][int(place)] for place in section["pictures"]] == ["demo-7"]


def test_names_and_logs_cannot_inject_code(runs: pd.DataFrame) -> None:
    """A user's file name and what a solver prints are text, in tables, figures and logs."""
    attack = "</script><script>alert(1)</script>"
    broken = runs.assign(algorithm=runs["algorithm"] + attack, log_tail=attack, instance=runs["instance"] + attack)
    assert attack not in render(broken)


def test_an_empty_store_has_a_page(runs: pd.DataFrame) -> None:
    """Nothing has run yet: the page says so."""
    assert "nothing has run yet" in render(runs.iloc[:0])
