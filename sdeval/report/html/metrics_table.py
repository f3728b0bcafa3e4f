"""Metrics of a suite, as the page shows them: a row of a table each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import resolved
from sdeval.config.suite import SPEEDS
from sdeval.history.store import HISTORY_PAGE, Series
from sdeval.report.html.sparklines import Sparkline, sparkline_of
from sdeval.report.row_numbers import RowNumbers, p_value
from sdeval.report.titles import blind_spot_of, chapter_of, explanation_of, repository, title_of, unit_of
from sdeval.report.words import SYMBOLS, times_variability
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict, worst_first

_ACCEPTABLE = ("regressed", "not_comparable", "new", "inconclusive", "improved", "passed")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a bar, in percent of its width."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A change and its bounds around zero, in percent of the width; what lies further ends at the edge."""

    point: float
    band: Span
    """The tolerance, to both sides."""
    interval: Span | None
    """Between the 95% bounds; None where no bounds were computed."""
    corrected: Span | None
    """Between those that are corrected for all metrics of the session; None where the metric was not tested."""


@dataclass(frozen=True, slots=True)
class About:
    """What a page says of a metric besides its values."""

    title: str
    """Empty where it is but the name in other letters."""
    better: Literal["higher", "lower"]
    explanation: str
    blind_to: str
    """What it cannot see; empty where that is not known."""
    chapter: str
    """Where it is documented; empty for metrics of other packages."""
    address: str
    """The same as a link; empty where the package names no address of its documents."""

    @classmethod
    def of(cls, verdict: Verdict, run: Run) -> About:
        """As far as the run and sdeval know the metric."""
        name = verdict.metric
        chapter, title = chapter_of(name), title_of(name, run)
        return cls(
            title="" if title == name.replace("_", " ") else title,
            better="higher" if verdict.higher_is_better else "lower",
            explanation=explanation_of(name, run),
            blind_to=blind_spot_of(name),
            chapter=chapter,
            address=f"{repository()}/{chapter}" if chapter and repository() else "",
        )


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One line of a suite's table."""

    verdict: Verdict
    symbol: str
    about: About
    unit: str
    baseline: str
    current: str
    change: str
    variability: str
    """The change in multiples of what other seeds do."""
    tolerance: str
    p_value: str
    bounds: str
    """In words."""
    bar: Bar | None
    history: Sparkline | None
    """Its values over past sessions; None where there are fewer than two."""
    acceptable: bool
    """Whether its scores can be accepted alone."""


def history_address(session: Path) -> str:
    """The address of the page of the history from the page of a session; empty where there is no such page."""
    return f"../{HISTORY_PAGE}" if resolved(session).parent.joinpath(HISTORY_PAGE).is_file() else ""


def metric_rows(
    verdicts: Sequence[Verdict], run: Run, past: Sequence[Series] = (), session: str = ""
) -> tuple[MetricRow, ...]:
    """Verdicts on a whole suite, worst first.

    Args:
        verdicts: on all cases and metrics of the run.
        run: what they are about.
        past: its metrics over sessions, up to this one.
        session: the name of this session.
    """
    by_metric = {series.metric: series for series in past}
    whole_suite = worst_first([verdict for verdict in verdicts if not verdict.case])
    return tuple(_row(verdict, run, by_metric, session) for verdict in whole_suite)


def _row(verdict: Verdict, run: Run, past: Mapping[str, Series], session: str) -> MetricRow:
    numbers = RowNumbers.of(verdict, unit_of(verdict.metric, run))
    series = past.get(verdict.metric)
    return MetricRow(
        verdict=verdict,
        symbol=SYMBOLS[verdict.verdict],
        about=About.of(verdict, run),
        unit=numbers.unit,
        baseline=numbers.value(verdict.baseline),
        current=numbers.value(verdict.current),
        change=numbers.change(verdict.change),
        variability=times_variability(verdict),
        tolerance=numbers.value(verdict.tolerance),
        p_value=p_value(verdict.p_value),
        bounds=numbers.bounds(verdict),
        bar=_bar(verdict),
        history=sparkline_of(series, session) if series else None,
        acceptable=verdict.metric in run.metrics and verdict.verdict in _ACCEPTABLE,
    )


def _bar(verdict: Verdict) -> Bar | None:
    """The bar of a change; None where nothing was compared."""
    change, tolerance = verdict.change, verdict.tolerance
    if change is None or tolerance is None or not math.isfinite(change):
        return None
    known = [abs(value) for value in (verdict.low, verdict.high) if value is not None and math.isfinite(value)]
    reach = 1.15 * max(*known, abs(change), tolerance, 1e-12)

    def place(value: float) -> float:
        return round(50 + 50 * max(-1.0, min(1.0, value / reach)), 2)

    def span(low: float | None, high: float | None) -> Span:
        left = place(-math.inf if low is None else low)
        return Span(left, round(place(math.inf if high is None else high) - left, 2))

    bounds = (verdict.low, verdict.high)
    # Without cases or seeds enough, nothing bounds the change; a time or a size in memory has no bounds at all.
    has_bounds = bounds != (None, None) or (verdict.verdict == "inconclusive" and verdict.metric not in SPEEDS)
    corrected = (verdict.corrected_low, verdict.corrected_high)
    return Bar(
        point=place(change),
        band=span(-tolerance, tolerance),
        interval=span(*bounds) if has_bounds else None,
        corrected=span(*corrected) if corrected != (None, None) else None,
    )
