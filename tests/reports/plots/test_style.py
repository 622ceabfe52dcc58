from __future__ import annotations

from mecbench.reports.plots.style import looks


def test_at_most_twelve_looks_and_no_two_alike() -> None:
    """More curves cannot be told apart; the rest stays in the tables."""
    shown = looks(f"demo/{number}" for number in range(20))
    assert len(shown) == 12
    assert len(set(shown.values())) == 12
    assert len({(look.colour, look.dash) for look in shown.values()}) == 12
    assert len({(look.colour, look.symbol) for look in shown.values()}) == 12
