"""Numbers as people read them."""

from __future__ import annotations

from sdeval.errors import plural


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
    # Less is the rounding of a mean.
    if abs(value) < 1e-12:
        return "0"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def with_sign(value: float | None) -> str:
    """A change with its sign."""
    text = number(value)
    return f"+{text}" if value is not None and value > 0 and text != "0" else text


def probability(value: float | None) -> str:
    """A p-value."""
    return "–" if value is None else ("<0.001" if value < 0.001 else f"{value:.3f}")


def size(count: int) -> str:
    """Bytes in a unit that can be read.

    Example:
        >>> size(512), size(605_143_884)
        ('512 bytes', '605.1 MB')
    """
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= bytes_each:
            return f"{count / bytes_each:.1f} {unit}"
    return plural(count, "byte")


def plain_line(text: str, most: int = 300) -> str:
    r"""Anybody's text for a message: on one line, without control characters, and of a long one its end.

    Example:
        >>> plain_line("\x1b[31mred\nalert"), plain_line("0123456789", most=4)
        ('?[31mred alert', '…789')
    """
    line = "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
    return line if len(line) <= most else f"…{line[len(line) - most + 1 :]}"
