"""The page in a real browser, offline, on a phone and on a desk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from mecbench.reports import wording
from mecbench.reports.page import render
from mecbench.reports.profiles import performance_profile
from mecbench.reports.scores import score

pytestmark = pytest.mark.slow

ALGORITHMS, INSTANCES = 14, 120  # more than are drawn at once, more than a table shows at first
SEES, KINDS = ("clairvoyant", "central", "local"), ("exact", "heuristic", "learned", "trivial")
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
PLOTS = 9
ATTACK = "<img src=x onerror=alert(1)>"


def _runs() -> pd.DataFrame:
    """Algorithms of every label, failures among them; one has markup in its name."""
    random = np.random.Generator(np.random.PCG64(7))
    rows = []
    for algorithm in range(ALGORITHMS):
        for instance in range(INSTANCES):
            best = 100.0 + instance
            objective = best * (1 + 0.02 * algorithm * random.random())
            wall = 0.01 * (ALGORITHMS - algorithm) * float(random.lognormal())
            status = "crash" if random.random() < 0.01 * algorithm else "infeasible" if random.random() < 0.02 * algorithm else "ok"
            rows.append(
                {
                    "instance": f"demo-{'near' if instance % 2 else 'far'}-{instance:04d}",
                    "instance_sha256": f"{instance:064x}",
                    "problem": "demo",
                    "suite": "quick",
                    "algorithm": f"demo/method-{algorithm:02d}" + (ATTACK if algorithm == 3 else ""),
                    "kind": KINDS[algorithm % 4],
                    "sees": SEES[algorithm % 3],
                    "seed": 0,
                    "status": status,
                    "message": "" if status == "ok" else f"ended by {status}",
                    "sense": "minimise",
                    "objective": None if status == "crash" else objective,
                    "feasible": status == "ok",
                    "bound": None,
                    "bound_kind": "none",
                    "reference_bound": best,
                    "best_objective": best,
                    "violation": {"ok": 0.0, "infeasible": 0.2, "crash": None}[status],
                    "wall_seconds": wall,
                    "cpu_seconds": wall,
                    "peak_memory_mib": 50.0,
                    "time_limit": 5.0,
                    "limited_value": None if status == "crash" else 3.0 * (0.8 + 0.03 * algorithm) + (status == "infeasible"),
                    "limited_limit": 3.0,
                    "log_tail": "" if status == "ok" else f"Traceback {ATTACK}",
                    "violations": {} if status == "crash" else {"capacity": 0.2 if status == "infeasible" else 0.0, "least_share": 0.0},
                    "trace": [[0.3 * wall, 2 * objective, None], [wall, objective, None]],
                }
            )
    return pd.DataFrame(rows)


def _curves() -> pd.DataFrame:
    """Two seeds of one agent with a multiplier, one of another without."""
    steps = np.arange(60.0)
    agents = (("demo/method-02", "demo/agent", 0), ("demo/method-06", "demo/agent", 1), ("demo/method-10", f"demo/other{ATTACK}", 0))
    frames = []
    for algorithm, agent, seed in agents:
        names = {"problem": "demo", "algorithm": algorithm, "agent": agent, "training_seed": seed}
        figures = {"transitions": 1000 * steps, "reward": -100 / (1 + steps), "cost": 2.5 + 30 / (1 + steps + seed), "limit": 3.0}
        frames.append(pd.DataFrame(names | figures | {"multiplier": np.nan if "other" in agent else steps / 60, "chosen": 41_000.0}))
    return pd.concat(frames)


def _frames() -> dict[str, pd.DataFrame]:
    """A server with four clients and a curve for each."""
    names = ["server", "a", "b", "c", "d"]
    nodes = pd.DataFrame({"id": names, "kind": ["server"] + ["client"] * 4, "label": names, "clock [GHz]": [9.0, 1.0, 2.0, 3.0, None]})
    links = pd.DataFrame({"source": names[1:], "target": "server", "kind": "link", "label": ""})
    points = {"line": np.repeat(names[1:], 5), "x": np.tile(np.arange(5.0), 4), "y": np.arange(20.0)}
    return {
        "nodes": nodes,
        "links": links,
        "series": pd.DataFrame({"panel": "load", **points, "x_label": "time [s]", "y_label": "load [1]"}),
    }


@dataclass
class Visit:
    """An open page and what went wrong in it."""

    page: Any
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def board(self) -> Any:
        """The leaderboard."""
        return self.page.locator(".board")

    def column(self, table: Any, name: str) -> list[str]:
        """Texts of a column of a table, in the order shown."""
        heads = [head.strip("↕↑↓ \n") for head in table.locator("thead th").all_inner_texts()]
        return [str(text) for text in table.locator(f"tbody td:nth-child({heads.index(name) + 1})").all_inner_texts()]


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Runs of the page."""
    return _runs()


@pytest.fixture(scope="module")
def file(runs: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("site") / "index.html"
    pictures = [(f"{instance:064x}", _frames()) for instance in range(3)]
    path.write_text(render(runs, environment=[{"processor": "a processor"}], pictures=pictures, curves=_curves()), encoding="utf-8")
    return path


@pytest.fixture(params=[360, 1440])
def visit(request: pytest.FixtureRequest, browser: Any, file: Path) -> Iterator[Visit]:
    """The page, open; whatever the test does, no error and no request may come of it."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, accept_downloads=True)
    context.set_offline(True)
    visit = Visit(context.new_page())
    visit.page.on("console", lambda message: visit.faults.append(message.text) if message.type in ("error", "warning") else None)
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    visit.page.on("dialog", lambda dialog: visit.faults.append(f"a name was run as code: {dialog.message}"))
    visit.page.on("request", lambda made: visit.requests.append(made.url))
    visit.page.goto(file.as_uri())
    yield visit
    visit.page.wait_for_timeout(100)
    assert visit.faults == []
    assert [url for url in visit.requests if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    context.close()


def test_every_figure_shows_something(visit: Visit) -> None:
    """Traces hold points, the picture differs from a blank one of its size, and nothing makes the page scroll sideways."""
    figures = visit.page.locator(".figures .plot")
    assert figures.count() == PLOTS
    for figure in figures.all():
        points = figure.evaluate("plot => plot.data.map(trace => (trace.z ?? trace.y ?? []).flat().filter(value => value !== null).length)")
        assert points
        assert min(points) > 0
        figure.scroll_into_view_if_needed()
        drawn = figure.screenshot()
        figure.evaluate("plot => { plot.firstElementChild.style.visibility = 'hidden'; }")
        assert drawn != figure.screenshot()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_curves_have_their_panels(visit: Visit) -> None:
    """Reward, what is limited with its limit, and the multiplier of those that have one, one colour for each agent."""
    heading = visit.page.locator("h3", has_text="How they learned")
    figure = heading.locator("xpath=following-sibling::figure[1]")
    drawn = figure.locator(".plot").evaluate("plot => plot.data.map(({mode, yaxis, line}) => [mode, yaxis ?? 'y', line?.color])")
    lines = [(side, colour) for mode, side, colour in drawn if mode == "lines"]
    assert [side for side, _ in lines] == ["y"] * 3 + ["y2"] * 3 + ["y3"] * 2
    assert len({colour for _, colour in lines}) == 2
    assert figure.locator(".plot").evaluate("plot => plot.layout.shapes.map(({yref, y0}) => [yref, y0])") == [["y2", 3]]
    assert figure.locator(".key li").count() == 2


def test_tables_sort_by_mouse_and_keyboard(visit: Visit) -> None:
    """A click sorts up, another down; Enter and the space bar do the same, the focus is seen, and the order is announced."""
    board = visit.board
    initial = visit.column(board, "algorithm")
    button = board.get_by_role("button", name="algorithm", exact=True)
    header = button.locator("xpath=ancestor::th")
    button.click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert visit.column(board, "algorithm") == sorted(initial)
    button.click()
    assert header.get_attribute("aria-sort") == "descending"
    assert visit.column(board, "algorithm") == sorted(initial, reverse=True)
    visit.page.keyboard.press("Tab")
    sees = board.get_by_role("button", name="sees", exact=True)
    assert sees.evaluate("button => button === document.activeElement")
    assert sees.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    visit.page.keyboard.press("Enter")
    assert visit.column(board, "sees") == sorted(visit.column(board, "sees"))
    visit.page.keyboard.press(" ")
    assert visit.column(board, "sees") == sorted(visit.column(board, "sees"), reverse=True)
    assert board.locator("th[aria-sort]").count() == 1


def test_numbers_sort_as_numbers(visit: Visit, runs: pd.DataFrame) -> None:
    """9 ms come before 0.2 s, and infinite last: by value, not by what is written."""
    visit.page.get_by_text("Show 1680 runs of demo").click()
    table = visit.page.locator("details.runs")
    table.get_by_role("button", name="time", exact=True).click()
    fastest = [wording.seconds(float(f"{value:.5g}")) for value in runs["wall_seconds"].sort_values().head(100)]
    assert visit.column(table, "time") == fastest
    table.get_by_role("button", name="Show more").click()
    assert len(visit.column(table, "time")) == 1100


def test_tables_filter_by_mouse_and_keyboard(visit: Visit) -> None:
    """By label from a list, by words typed; the count says how many are left, and the file holds what is shown."""
    board = visit.board
    board.get_by_label("sees").select_option("local")
    assert set(visit.column(board, "sees")) == {"local"}
    assert board.get_by_text("4 of 14 algorithms").count() == 1
    board.get_by_label("Filter").focus()
    visit.page.keyboard.type("method-05")
    assert visit.column(board, "algorithm") == ["demo/method-05"]
    with visit.page.expect_download() as saved:
        board.get_by_role("button", name="CSV: demo: leaderboard").click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text())))
    assert [row["algorithm"] for row in rows] == ["demo/method-05"]
    assert 0 < float(rows[0]["mean gap"]) < 1


def test_the_reader_chooses_what_is_drawn(visit: Visit, runs: pd.DataFrame) -> None:
    """At most twelve at once; the profile is that of the pair shown, as Python computes it for those two alone."""
    page, board = visit.page, visit.board
    boxes = board.locator("tbody input")
    assert [boxes.nth(place).is_checked() for place in range(ALGORITHMS)] == [True] * 12 + [False] * 2
    assert boxes.nth(13).is_disabled()
    boxes.nth(0).uncheck()
    boxes.nth(13).check()
    profile = page.locator("h3", has_text="Who is fastest").locator("xpath=following-sibling::figure[1]").locator(".plot")
    assert len(profile.evaluate("plot => plot.data.map(trace => trace.name)")) == 12
    page.get_by_role("button", name="Draw the first two only").click()
    traces = profile.evaluate("plot => plot.data.map(({name, x, y}) => ({name, x: [...x], y: [...y]}))")
    names = [trace["name"] for trace in traces]
    assert names == visit.column(board, "algorithm")[:2]
    expected = performance_profile(score(runs[runs["algorithm"].isin(names)]))
    for trace in traces:
        curve = expected[expected["algorithm"] == trace["name"]]
        np.testing.assert_allclose(trace["x"][:-1], curve["ratio"], rtol=1e-4)
        np.testing.assert_allclose(trace["y"][:-1], curve["share"], rtol=1e-9)


def test_every_figure_has_its_table_and_files(visit: Visit) -> None:
    """The table behind a figure opens, and both downloads are what they say."""
    page = visit.page
    summaries = page.locator(".figures > details > summary", has_text="The same as a table")
    assert summaries.count() == PLOTS
    # What is saved is read where it is made: Chromium holds back some of twelve downloads in as many moments.
    page.evaluate(
        "() => { window.saved = []; URL.createObjectURL = blob => { blob.text().then(text => saved.push(text)); return '#saved'; }; }"
    )
    for kind in ("SVG", "CSV"):
        buttons = page.locator(f".figures > .tools button[aria-label^='{kind}: ']")
        assert buttons.count() == PLOTS
        for number, button in enumerate(buttons.all()):
            button.click()
            page.wait_for_function("count => saved.length === count", arg=number + 1)
        for text in page.evaluate("saved.splice(0)"):
            if kind == "SVG":
                assert ElementTree.fromstring(text).tag.endswith("svg")
            else:
                assert len(list(csv.reader(io.StringIO(text)))) > 2
    for summary in summaries.all():
        summary.click()
    assert page.locator(".figures > details[open] tbody:has(tr)").count() == PLOTS


def test_an_instance_opens_with_its_runs_and_picture(visit: Visit) -> None:
    """The focus follows, the runs are those of the instance, the picture has its nodes and curves; one without says how to see it."""
    page = visit.page
    page.get_by_role("button", name="demo-far-0002", exact=True).focus()
    page.keyboard.press("Enter")
    panel = page.locator(".instance .panel")
    assert panel.locator("h4").evaluate("heading => heading === document.activeElement")
    assert len(visit.column(panel.locator(".scroll").first, "algorithm")) == ALGORITHMS
    nodes, series = panel.locator(".plot").all()
    assert nodes.evaluate("plot => plot.data.flatMap(trace => trace.mode === 'markers' ? [...trace.x] : []).length") == 5
    assert series.evaluate("plot => plot.data.length") == 4
    page.get_by_role("button", name="demo-near-0011", exact=True).click()
    assert panel.locator(".plot").count() == 0
    assert panel.get_by_text("mecbench show demo-near-0011").count() == 1


def test_no_barrier(visit: Visit) -> None:
    """Axe finds nothing against WCAG 2.2 A and AA, with everything opened."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit.page
    page.get_by_role("button", name="demo-far-0002", exact=True).click()
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    page.wait_for_timeout(300)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": list(STANDARDS)}}).response
    faults = [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found["violations"]]
    assert faults == []
    assert len(found["passes"]) > 10
    page.evaluate("document.querySelector('.tools label').htmlFor = 'nowhere'")
    assert "label" in [rule["id"] for rule in Axe().run(page, options={"runOnly": ["label"]}).response["violations"]]


def test_the_page_words_figures_as_the_terminal_does(visit: Visit) -> None:
    """Two languages, one wording: a figure read on the page can be found in the terminal."""
    random = np.random.Generator(np.random.PCG64(9))
    values = [0.0, 1e-15, 1e-9, 1e-6, 4e-5, 0.00123, 0.0312, 0.0994, 0.5, 0.999, 1.0, 1.5, 25.0, 99.4, 123.456, 1e6, None]
    values += (10.0 ** random.uniform(-10, 8, 200)).tolist()
    for name in ("percent", "share", "seconds", "quantity", "probability"):
        shown = visit.page.evaluate(f"{json.dumps(values)}.map(value => wording.{name}(value))")
        assert shown == [getattr(wording, name)(float("nan") if value is None else value) for value in values]
    assert visit.page.evaluate("[0.125, 0.375].map(wording.share)") == [wording.share(0.125), wording.share(0.375)]
