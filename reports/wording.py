"""Figures as people read them, the same in the terminal and on the page."""

from __future__ import annotations

import math

__all__ = ["interval", "percent", "probability", "quantity", "seconds", "share"]

NONE = "-"


def percent(value: float) -> str:
    """A ratio in per cent with two decimals; small ones keep one significant digit, rounding noise is zero."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if abs(value) < 1e-12:
        return "0 %"
    if abs(value) < 5e-5:
        return f"{100 * value:.1g} %"
    return f"{100 * value:.2f} %" if abs(value) < 10 else f"{float(f'{100 * value:.3g}'):.0f} %"


def interval(low: float, high: float) -> str:
    """Ends of an interval of ratios in per cent, the unit said once."""
    first, last = percent(low), percent(high)
    return f"{first.removesuffix(' %')} to {last}" if first != last else last


def share(value: float) -> str:
    """A share of cases in whole per cent, never rounded up to all or down to none."""
    if math.isnan(value):
        return NONE
    whole = round(100 * value)
    if whole == 100 and value < 1:
        whole = 99
    elif whole == 0 and value > 0:
        whole = 1
    return f"{whole} %"


def probability(value: float) -> str:
    """A p-value in two significant digits; below one in ten thousand only that is said."""
    if math.isnan(value):
        return NONE
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def seconds(value: float) -> str:
    """A duration [s] in the unit that fits it."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if value < 0.0995:
        return f"{1000 * value:.3g} ms"
    if value < 99.5:
        return f"{value:.3g} s"
    return f"{value:.0f} s"


def quantity(value: float) -> str:
    """A number in six significant digits."""
    return NONE if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.6g}"
