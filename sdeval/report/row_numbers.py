"""Numbers that stand in one row: in one unit, with one number of decimals, and never at odds with the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdeval._utils.formatting import probability
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.results.verdict import Verdict

DECIMALS = 6
"""More decimals than this are not shown,"""
HUGE = 1e9
"""Values from here on are written with four digits and a power of ten."""
FURTHER = 3
"""and at most so many more than the tolerance deserves, where rounding would hide on which side of it a value lies."""
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class RowNumbers:
    """How the numbers of one row are written."""

    unit: str
    decimals: int
    factor: float = 1.0
    """Of the unit that values come in, to the unit that is shown."""

    @classmethod
    def of(cls, verdict: Verdict, unit: str) -> RowNumbers:
        """Of a verdict whose values come in a unit."""
        values = [value for value in (verdict.baseline, verdict.current) if value is not None]
        numbers = cls.fitting(values, verdict.tolerance, unit)
        least = numbers.decimals
        enough = (places for places in range(least, least + FURTHER) if _keeps_order(verdict, places, numbers.factor))
        return replace(numbers, decimals=next(enough, least + FURTHER))

    @classmethod
    def fitting(cls, values: Sequence[float], tolerance: float | None, unit: str) -> RowNumbers:
        """With two digits of the tolerance, or three of the values where there is none."""
        largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
        unit, factor = ("GiB", 1 / 1024) if unit == "MiB" and largest >= 1024 else (unit, 1.0)
        scale, digits = (tolerance, 1) if tolerance else (largest, 2)
        if not scale or not math.isfinite(scale):
            return cls(unit, 2, factor)
        return cls(unit, min(DECIMALS, max(0, digits - math.floor(math.log10(scale * factor)))), factor)

    def value(self, value: float | None) -> str:
        """A value; a dash where it is not known.

        Example:
            >>> RowNumbers("points", 2).value(91.287), RowNumbers("points", 2).value(None)
            ('91.29', '–')
        """
        if value is None:
            return UNKNOWN
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        shown = value * self.factor
        return f"{shown:.4g}" if abs(shown) >= HUGE else _without_sign_of_zero(f"{shown:.{self.decimals}f}")

    def change(self, value: float | None) -> str:
        """A value with its sign.

        Example:
            >>> RowNumbers("points", 1).change(0.52), RowNumbers("points", 1).change(-0.01)
            ('+0.5', '0.0')
        """
        text = self.value(value)
        return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text

    def bounds(self, verdict: Verdict) -> str:
        """Between which bounds a change lies, as far as they are known."""
        parts = []
        if verdict.low is not None or verdict.high is not None:
            parts.append(f"95% bounds {self._bound(verdict.low, -1)} and {self._bound(verdict.high, 1)}")
        if verdict.corrected_low is not None or verdict.corrected_high is not None:
            ends = self._bound(verdict.corrected_low, -1), self._bound(verdict.corrected_high, 1)
            parts.append(f"corrected for all metrics {ends[0]} and {ends[1]}")
        return "; ".join(parts)

    def _bound(self, value: float | None, side: int) -> str:
        """A bound; one that is not known bounds nothing."""
        return self.change(side * math.inf if value is None else value)


def p_value(value: float | None) -> str:
    """A p-value, with more decimals where three would show it on the wrong side of the level of the session.

    Example:
        >>> p_value(0.0079), p_value(0.04), p_value(None)
        ('0.0079', '0.040', '–')
    """
    text = probability(value)
    if value is None or value < 0.001 or (float(text) < ALPHA_METRICS) == (value < ALPHA_METRICS):
        return text
    return next((text for text in (f"{value:.{places}f}" for places in (4, 5, 6)) if _as_level(text, value)), text)


def _as_level(text: str, value: float) -> bool:
    return (float(text) < ALPHA_METRICS) == (value < ALPHA_METRICS)


def _keeps_order(verdict: Verdict, places: int, factor: float) -> bool:
    """Whether rounded changes lie on the same sides of the tolerance, and rounded corrected bounds of zero."""
    tolerance = verdict.tolerance or 0.0
    corrected, changes = (verdict.corrected_low, verdict.corrected_high), (verdict.change, verdict.low, verdict.high)
    pairs = [(bound, 0.0) for bound in _finite(corrected)]
    pairs += [(value, mark) for value in _finite(changes) if tolerance for mark in (tolerance, -tolerance)]
    return all(
        _sign(value - mark) == _sign(round(value * factor, places) - round(mark * factor, places))
        for value, mark in pairs
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _finite(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _without_sign_of_zero(text: str) -> str:
    return text if text.strip("-0.") else text.removeprefix("-")
