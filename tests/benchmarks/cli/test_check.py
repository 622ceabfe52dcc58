from __future__ import annotations

from pathlib import Path


def test_each_check_is_a_line(mecbench, workplace: Path) -> None:  # type: ignore[no-untyped-def]
    """Ticks for people, the same for scripts, and an exit code for both."""
    good = mecbench("check", f"{workplace / 'mine.py'}:greedy")
    assert good.code == 0
    assert good.out.count("✓") == 9
    assert "all checks passed" in good.out
    bad = mecbench("check", f"{workplace / 'mine.py'}:broken")
    assert bad.code == 1
    assert (bad.out.count("✓"), bad.out.count("✗"), bad.out.count("–")) == (1, 1, 7)
    assert "✗ runs                 ZeroDivisionError: of all things" in bad.out
    result = mecbench("check", f"{workplace / 'mine.py'}:liar", "--json")
    assert (result.code, result.json["passed"], result.json["problem"]) == (1, False, "p-edge")
    assert [item["check"] for item in result.json["checks"] if not item["passed"]] == ["claims hold"]


def test_bad_input_is_refused(refused, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A mistyped name is not a failed check."""
    assert "expected a readable Python file" in refused("check", tmp_path / "nowhere.py:f")
    assert "unknown problem 'p-egde'" in refused("check", "p-edge/threshold", "--problem", "p-egde")
