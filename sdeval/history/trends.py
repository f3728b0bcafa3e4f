"""Finds what no single session shows: a metric that slowly became worse over many sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from sdeval._utils.formatting import number, with_sign
from sdeval.errors import SdevalError
from sdeval.history.store import HISTORY, Entry, Point, Series, read, series, suites_and_targets
from sdeval.stats import cusum

WORTH = 0.25
"""The loss, in tolerances, from which on a trend is reported."""
LAST = 3
"""Number of latest sessions whose mean is the current value of a metric."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A metric that became worse over sessions none of which reported it."""

    loss: float | None
    """In tolerances; None where the tolerance is 0."""
    since: str
    """Name of the session with the first worse value."""
    sessions: int
    accepted: int
    """Number of baselines that were accepted in these sessions."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric of a suite on a target over many sessions, and its trend."""

    suite: str
    target: str
    series: Series
    trend: Trend | None


def watch(entries: Sequence[Entry]) -> list[Watched]:
    """Every metric in the history. The more there are, the stronger a trend must be to be reported."""
    all_series = [
        (suite, target, metric_series)
        for suite, target in suites_and_targets(entries)
        for metric_series in series(entries, suite, target)
    ]
    limit = cusum.threshold(sum(metric_series.gating for *_, metric_series in all_series))
    return [
        Watched(suite, target, metric_series, trend_of(metric_series, limit))
        for suite, target, metric_series in all_series
    ]


def trend_notes(output: Path, session: str) -> list[str]:
    """The trends of the suites and targets of a session, a line each."""
    if not (output / HISTORY).exists():
        return []
    try:
        entries = read(output / HISTORY)
    except SdevalError as error:
        return [str(error)]
    in_session = {(run.suite, run.target) for entry in entries if entry.session == session for run in entry.runs}
    lines = [sentence(watched) for watched in watch(entries) if (watched.suite, watched.target) in in_session]
    return [line for line in lines if line]


def sentence(watched: Watched) -> str:
    """The line about the trend of a metric; empty without a trend."""
    return f"{watched.suite} on {watched.target}: {watched.trend.sentence}" if watched.trend else ""


def trend_of(series: Series, limit: float) -> Trend | None:
    """The trend of a series, if there is one.

    Args:
        series: a metric, session after session.
        limit: `cusum.threshold` of the number of series that are watched.
    """
    points = _since_the_last_known_step(series.points) if series.gating else ()
    return (_slow(series, points, limit) or _creep(series, points)) if points else None


def _since_the_last_known_step(points: Sequence[Point]) -> Sequence[Point]:
    """The points since a change that a session flagged and that was then accepted: such a change is no hidden trend."""
    start, flagged = 0, False
    for index, point in enumerate(points):
        if flagged and point.baseline_changed:
            start = index
        flagged = point.failed or (flagged and not point.baseline_changed)
    return points[start:]


def _slow(series: Series, points: Sequence[Point], limit: float) -> Trend | None:
    """A trend by CUSUM over the points that no session flagged; consecutive points with the same images count once."""
    quiet = [point for point in points if not point.failed]
    fresh = quiet[:1] + [
        point for previous, point in pairwise(quiet) if not point.images or point.images != previous.images
    ]
    values = np.array([point.value for point in fresh])
    alarm = cusum.watch(-series.sign * values, limit)
    if alarm is None:
        return None
    earlier = float(values[: max(1, alarm.since)].mean())
    # The latest values count, not those at the alarm: a metric that recovered is no longer reported.
    latest = float(values[max(alarm.since, len(values) - LAST) :].mean())
    lost, tolerance = series.sign * (earlier - latest), points[-1].tolerance
    if lost <= WORTH * tolerance:
        return None
    worse = points[points.index(fresh[alarm.since]) :]
    change = f"{number(earlier)} → {number(latest)} ({with_sign(latest - earlier)}, tolerance {number(tolerance)})"
    text = f"{series.metric} has a trend: {change} since {worse[0].session}, {_over(worse)}"
    return Trend(
        lost / tolerance if tolerance else None,
        worse[0].session,
        len(worse),
        _count_accepted(worse),
        text,
    )


def _creep(series: Series, points: Sequence[Point]) -> Trend | None:
    """A trend where the latest value is worse than the first by more than the tolerance, and no session reported it."""
    first, last = points[0], points[-1]
    lost = series.sign * (first.value - last.value)
    if not last.tolerance or lost <= last.tolerance or any(point.failed for point in points):
        return None
    loss = lost / last.tolerance
    text = f"{series.metric} lost {loss:.1f} tolerances in {_over(points)}"
    return Trend(loss, first.session, len(points), _count_accepted(points), text)


def _count_accepted(points: Sequence[Point]) -> int:
    return sum(point.baseline_changed for point in points)


def _over(points: Sequence[Point]) -> str:
    """The number of sessions, and what happened in them."""
    failed, accepted = sum(point.failed for point in points), _count_accepted(points)
    baselines = "1 baseline was" if accepted == 1 else f"{accepted} baselines were"
    acceptances = f": {baselines} accepted on the way" if accepted else ""
    return f"{len(points)} sessions, and failed in {failed or 'none'} of them{acceptances}"
