from __future__ import annotations

import json
import sys

import pytest

from mecbench.benchmarks.studies import algorithm_1


def test_the_study_finds_what_theory_says() -> None:
    """Only the repaired minmax reading is exact; without the fix a reading fails at least where the loop would not end."""
    findings = {(f.eps, f.reading, f.fix): f for f in algorithm_1.measure("nsg-cuts", 5, 256, 20)}
    assert len(findings) == 8
    for eps in algorithm_1.STEPS:
        assert findings[eps, "minmax", True].suboptimal == 0.0
        for reading in ("literal", "minmax"):
            fixed, unfixed = findings[eps, reading, True], findings[eps, reading, False]
            assert fixed.would_not_end == unfixed.would_not_end
            assert fixed.suboptimal <= unfixed.suboptimal
            assert fixed.max_excess <= unfixed.max_excess
    assert findings[1e-2, "literal", False].would_not_end > 0
    assert findings[1e-3, "literal", True].suboptimal > 0


def test_the_command_prints_a_table_and_the_same_as_data(monkeypatch, capsys) -> None:
    """Who reads the documentation can make its table again with the one command it names."""
    monkeypatch.setattr(algorithm_1, "SIZES_STUDIED", ((3, 8), (4, 16)))
    monkeypatch.setattr(sys, "argv", ["algorithm_1", "--instances", "4"])
    algorithm_1.main()
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + 2 * 2 * 2
    assert len({row.count(" | ") for row in table if "---" not in row}) == 1
    monkeypatch.setattr(sys, "argv", ["algorithm_1", "--instances", "4", "--json"])
    algorithm_1.main()
    findings = json.loads(capsys.readouterr().out)
    assert len(findings) == 2 * 2 * 2 * 4
    assert all(finding["instances"] == 4 for finding in findings)


@pytest.mark.parametrize(("share", "text"), [(1.0, "100 %"), (0.996, "99.6 %"), (0.00066, "0.066 %")])
def test_percentages_have_three_digits(share: float, text: str) -> None:
    """Shares near one and excesses near zero are both readable."""
    assert algorithm_1._percent(share) == text
