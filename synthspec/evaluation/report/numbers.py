"""Figures as a person reads them."""

from __future__ import annotations


def format_value(value: float, unit: str = "number") -> str:
    """A figure with three or so digits that count; shares as per cent, ratios from 0 to 1 as decimals.

    >>> format_value(0.0312, "share"), format_value(0.5, "share"), format_value(1234.5), format_value(2.417)
    ('3.1%', '50%', '1,234', '2.42')
    """
    if unit == "share":
        percent = value * 100
        if abs(percent) < 0.005:
            return "0%"
        return (
            f"{percent:.0f}%" if abs(percent) >= 10 else f"{percent:.1f}%" if abs(percent) >= 1 else f"{percent:.2f}%"
        )
    if unit == "ratio":
        return f"{value:.2f}" if abs(value) >= 0.095 or value == 0 else f"{value:.3f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
