"""Numbers as people read them."""

from __future__ import annotations


def number(value: float | None) -> str:
    """A value with as many decimals as its size deserves.

    Example:
        >>> number(0.01234), number(31.6863), number(None)
        ('0.0123', '31.69', '–')
    """
    if value is None:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def with_sign(value: float | None) -> str:
    """A change with its sign."""
    return "–" if value is None else ("+" if value > 0 else "") + number(value)


def probability(value: float | None) -> str:
    """A p-value."""
    return "–" if value is None else ("<0.001" if value < 0.001 else f"{value:.3f}")
