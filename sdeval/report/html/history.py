"""The history as a page: a plot and a table for every metric, which needs no network and no script.

The template makes the plots from the numbers that are computed here: a few lines and dots, which link to the
pages of their sessions and whose texts stay as large as those of the page.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from sdeval._utils.files import resolved, write_text
from sdeval.errors import plural
from sdeval.history.store import Point, Series
from sdeval.history.trends import Watched
from sdeval.report.history_table import how_sure, left_out_sessions
from sdeval.report.html.history_plot import Plot, accepted_words, is_doubtful, is_elsewhere, plot_of
from sdeval.report.html.render import rendered
from sdeval.report.row_numbers import RowNumbers
from sdeval.report.words import moment_of
from sdeval.results.session_folder import PAGE

LAST = 100
"""Sessions of a metric that the page shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A metric in one session."""

    session: str
    when: str
    address: str
    """Of the session's page; empty where that does not exist any more."""
    value: str
    baseline: str
    tolerance: str
    remarks: str


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """A metric over sessions."""

    id: str
    metric: str
    title: str
    unit: str
    better: str
    trend: str
    """What became worse; empty where nothing did."""
    notes: tuple[str, ...]
    plot: Plot
    rows: tuple[Row, ...]
    """The latest session first."""


@dataclass(frozen=True, slots=True)
class Section:
    """A suite on a target."""

    suite: str
    target: str
    latest: str
    """Address of the latest session that has a page; empty where none has."""
    left_out: str
    """How many sessions are not in it; empty where all are."""
    metrics: tuple[MetricHistory, ...]


def write_history(page: Path, watched: Sequence[Watched], output: Path) -> None:
    """Write the page of a history.

    Args:
        page: the file.
        watched: metrics, those of a suite and target one after the other.
        output: the folder that holds the sessions.
    """
    addresses = _Addresses(page.parent, output)
    groups = groupby(watched, key=lambda metric: (metric.suite, metric.target))
    sections = [_section(suite, target, list(metrics), addresses) for (suite, target), metrics in groups]
    write_text(page, rendered("history.html", sections=sections, how_sure=how_sure(watched)))


class _Addresses:
    """Addresses of the pages of sessions, each looked up once.

    Args:
        home: the folder of the page that names them.
        output: the folder that holds the sessions.
    """

    def __init__(self, home: Path, output: Path) -> None:
        self._home, self._output = home, output
        self._known: dict[str, str] = {}

    def of(self, session: str) -> str:
        """The address of a session's page; empty where there is none."""
        if session not in self._known:
            page = self._output / session / PAGE
            path = Path(os.path.relpath(resolved(page), resolved(self._home))) if page.is_file() else None
            self._known[session] = quote(path.as_posix()) if path else ""
        return self._known[session]


def _section(suite: str, target: str, metrics: Sequence[Watched], addresses: _Addresses) -> Section:
    sessions = sorted({point.session for metric in metrics for point in metric.series.points}, reverse=True)
    latest = next(filter(None, map(addresses.of, sessions)), "")
    return Section(
        suite, target, latest, left_out_sessions(metrics), tuple(_metric(metric, addresses) for metric in metrics)
    )


def _metric(watched: Watched, addresses: _Addresses) -> MetricHistory:
    series, trend = watched.series, watched.trend
    points = sorted((*series.points, *series.elsewhere), key=lambda point: point.session)[-LAST:]
    numbers = RowNumbers.fitting([point.value for point in points], series.points[-1].tolerance, series.unit)
    rows = tuple(_row(point, numbers, series, addresses) for point in points)
    return MetricHistory(
        id=f"{watched.suite}/{watched.target}/{series.metric}",
        metric=series.metric,
        title=series.title,
        unit=numbers.unit,
        better="higher" if series.higher_is_better else "lower",
        trend=trend.sentence if trend else "",
        notes=_notes(series, points),
        plot=plot_of(points, series, numbers, [row.address for row in rows], trend.since if trend else ""),
        rows=rows[::-1],
    )


def _row(point: Point, numbers: RowNumbers, series: Series, addresses: _Addresses) -> Row:
    remarks = ["failed"] if point.failed else []
    remarks += [accepted_words(point)] if point.baseline_changed else []
    remarks += [f"on {point.measured_on}"] if is_elsewhere(point, series) else []
    remarks += ["not judged"] if series.gating and not point.judged else []
    remarks += [point.busy] if point.busy else []
    return Row(
        session=point.session,
        when=moment_of(point.session),
        address=addresses.of(point.session),
        value=numbers.value(point.value),
        baseline=numbers.value(point.baseline),
        tolerance=numbers.value(point.tolerance),
        remarks="; ".join(remarks),
    )


def _notes(series: Series, points: Sequence[Point]) -> tuple[str, ...]:
    """What a reader must know of the plot."""
    total = len(series.points) + len(series.elsewhere)
    other = [point for point in points if is_elsewhere(point, series)]
    notes = [f"the latest {len(points)} of {total} sessions"] if total > len(points) else []
    if other:
        here = series.points[-1].measured_on
        those = f"{plural(len(other), 'session')} on another machine or with another batch size (hollow squares)"
        notes.append(f"{those} cannot be compared with those on {here}")
    if any(is_doubtful(point, series) for point in points):
        notes.append("hollow dots: not judged in their session, or other programs used the machine")
    return tuple(notes)
