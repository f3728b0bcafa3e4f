"""Metrics of a suite, as the page shows them: a line of a table each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.report.titles import title_of, unit_of
from sdeval.report.words import SYMBOLS, bounds, times_variability
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict, worst_first

_ACCEPTABLE = ("regressed", "not_comparable", "new", "inconclusive", "improved", "passed")


@dataclass(frozen=True, slots=True)
class Bar:
    """A change and its bounds around zero, in percent of the width; the band is the tolerance."""

    left: float
    width: float
    """Between the 95% bounds."""
    corrected_left: float
    corrected_width: float
    """Between those that are corrected for all metrics of the session."""
    point: float
    band_left: float
    band_width: float


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One line of a suite's table."""

    verdict: Verdict
    symbol: str
    title: str
    unit: str
    baseline: str
    current: str
    change: str
    variability: str
    """The change in multiples of what other seeds do."""
    allowed: str
    p_value: str
    bounds: str
    """In words."""
    bar: Bar | None
    acceptable: bool
    """Whether its scores can be accepted alone."""


def metric_rows(verdicts: Sequence[Verdict], run: Run) -> tuple[MetricRow, ...]:
    """Verdicts on a whole suite, worst first."""
    return tuple(
        _metric(verdict, run) for verdict in worst_first([verdict for verdict in verdicts if not verdict.case])
    )


def _metric(verdict: Verdict, run: Run) -> MetricRow:
    return MetricRow(
        verdict=verdict,
        symbol=SYMBOLS[verdict.verdict],
        title=title_of(verdict.metric, run),
        unit=unit_of(verdict.metric, run),
        baseline=number(verdict.baseline),
        current=number(verdict.current),
        change=with_sign(verdict.change),
        variability=times_variability(verdict),
        allowed=number(verdict.tolerance),
        p_value=probability(verdict.p_value),
        bounds=bounds(verdict),
        bar=_bar(verdict),
        acceptable=verdict.metric in run.metrics and verdict.verdict in _ACCEPTABLE,
    )


def _bar(verdict: Verdict) -> Bar | None:
    values = (verdict.low, verdict.high, verdict.change, verdict.tolerance)
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if len(finite) < len(values):
        return None
    low, high, change, tolerance = finite
    # What was not tested has no corrected bounds.
    lowest = low if verdict.corrected_low is None else min(low, verdict.corrected_low)
    highest = high if verdict.corrected_high is None else max(high, verdict.corrected_high)
    reach = 1.15 * max(abs(low), abs(high), abs(change), tolerance, 1e-12)

    def place(value: float) -> float:
        """In percent; what lies further ends at the edge."""
        return round(50 + 50 * max(-1.0, min(1.0, value / reach)), 2)

    return Bar(
        left=place(low),
        width=round(place(high) - place(low), 2),
        corrected_left=place(lowest),
        corrected_width=round(place(highest) - place(lowest), 2),
        point=place(change),
        band_left=place(-tolerance),
        band_width=round(place(tolerance) - place(-tolerance), 2),
    )
