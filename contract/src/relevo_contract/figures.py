"""Figures as sentences and pages show them. Pure."""

from __future__ import annotations


def percent(share: float) -> str:
    """`0.2345` as `23.5 %`."""
    return f"{100 * share:.1f} %"


def significant(value: float, digits: int = 3, sign: str = "-") -> str:
    """A figure in so many significant digits, with commas, and no exponent where people would not write one.

    `sign` is what Python's format calls so: `+` writes the sign of what is above zero, too.
    """
    rounded = float(f"{value:.{digits}g}")
    if rounded and not 1e-4 <= abs(rounded) < 1e15:
        return f"{rounded:{sign}.{digits}g}"
    whole = len(f"{abs(rounded):.0f}") if abs(rounded) >= 1 else 0
    if whole >= digits or not rounded:
        return f"{rounded:{sign},.0f}"
    text = f"{rounded:{sign},.{12}f}".rstrip("0")
    return text.rstrip(".")
