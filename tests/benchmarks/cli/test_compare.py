from __future__ import annotations

from pathlib import Path


def test_a_comparison_ends_with_a_table_and_a_page(mecbench, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Several algorithms of one's own stand beside the known ones, failures with their reason; the last line is the page."""
    words = ["compare", *(f"{workplace / 'mine.py'}:{name}" for name in ("greedy", "broken")), "--suite", workplace / "demo.toml"]
    answer = mecbench(*words, "--out", tmp_path)
    assert answer.code == 1
    for name in ("p-edge/auto", "p-edge/greedy-marginal", "p-edge/random", "mine.py:greedy", "mine.py:broken"):
        assert f"{name} " in answer.out
    assert "crash: " in answer.out
    assert "of all things" in answer.out
    page = tmp_path / "report" / "index.html"
    assert answer.out.endswith(f"page:  {page}\n")
    assert page.stat().st_size > 10_000
    result = mecbench(*words, "--out", tmp_path, "--json").json
    assert result["statuses"] == {"ok": 8, "crash": 2}
    assert [run["status"] for run in result["failed"]] == ["crash", "crash"]
    assert (result["planned"], result["done"], result["page"]) == (10, 10, str(page))


def test_bad_input_is_refused(refused, workplace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Nothing is run before every name is known and the place for the page is free."""
    mine = f"{workplace / 'mine.py'}:greedy"
    assert "unknown suite 'quikc'" in refused("compare", mine, "--suite", "quikc", "--out", tmp_path / "none")
    assert "the nearest algorithm in" in refused("compare", f"{mine}y", "--out", tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "expected a path below folders" in refused("compare", mine, "--out", tmp_path / "file" / "below")
    assert not (tmp_path / "none").exists()
