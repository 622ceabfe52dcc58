from __future__ import annotations

import re
from html.parser import HTMLParser

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
        self.rows = 0
        self.words = ""
        self.raw = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note addresses, identifiers and rows."""
        given = dict(attributes)
        self.sources += [str(given[key]) for key in ("src", "data") if given.get(key)]
        if tag in ("link", "use", "image"):
            self.sources.append(str(given.get("href")))
        if tag == "a":
            self.anchors.append(str(given["href"]))
        if given.get("id"):
            self.identifiers.append(str(given["id"]))
        self.rows += tag == "tr"
        self.raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        self.raw = False

    def handle_data(self, data: str) -> None:
        """Collect words, not code."""
        if not self.raw:
            self.words += data


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
    assert not re.search(r"url\((?!['\"]?data:)", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))


def test_a_page_says_everything(page: str) -> None:
    """Leaderboard, figures with their tables, failures with what they printed, the machine, and the caveats."""
    reader = Reader(page)
    for words in ("demo: leaderboard", "Segmentation fault", "a processor", "numpy 2.0", "How to read", "What this suite can not tell"):
        assert words in reader.words
    assert page.count("Plotly.newPlot(") >= 3 + page.count("function Plotly.newPlot(")
    assert page.count("The same as a table") == 3
    tables = {"board": 4, "gaps": 4, "times": 4, "profile": 4, "constraints": 4, "instances": 10, "runs": 40}
    assert reader.rows == sum(tables.values()) + len(tables)


def test_an_alarm_stands_at_the_top_in_red(runs: pd.DataFrame) -> None:
    """A beaten bound is read before the leaderboard it spoils."""
    broken = runs.copy()
    broken.loc[broken["algorithm"] == "demo/exact", "objective"] -= 1.0
    text = render(broken)
    assert text.index("A bound was beaten") < text.index("demo: leaderboard")
    assert '<tr class="bad">' in text
    assert "A bound was beaten" not in render(runs)


def test_names_and_logs_cannot_inject_code(runs: pd.DataFrame) -> None:
    """A user's file name and what a solver prints are text, in tables, figures and logs."""
    attack = "</script><script>alert(1)</script>"
    broken = runs.assign(algorithm=runs["algorithm"] + attack, log_tail=attack, instance=runs["instance"] + attack)
    assert attack not in render(broken)


def test_an_instance_row_names_who_was_fastest(runs: pd.DataFrame) -> None:
    """Only runs that reached the best known objective compete."""
    words = Reader(render(runs)).words
    assert "demo/exact (0.2 s)" in words
    assert "nobody" in Reader(render(runs[runs["algorithm"] == "demo/greedy"])).words


def test_an_empty_store_has_a_page(runs: pd.DataFrame) -> None:
    """Nothing has run yet: the page says so."""
    assert "nothing has run yet" in render(runs.iloc[:0])
