"""What a history shows and no session of it does: a metric that slowly became worse."""

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
"""Tolerances that a metric must have lost for its trend to be reported."""
LAST = 3
"""Sessions whose mean says where a metric is now."""
FLAGGED = ("broken", "regressed")


@dataclass(frozen=True, slots=True)
class Trend:
    """A metric that became worse over sessions none of which reported it."""

    loss: float | None
    """In tolerances; None where nothing is tolerated."""
    since: str
    """Session."""
    sessions: int
    accepted: int
    """Baselines that were accepted on the way."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric of a suite on a target, session after session, and what is said of it."""

    suite: str
    target: str
    series: Series
    trend: Trend | None


def watch(entries: Sequence[Entry]) -> list[Watched]:
    """Every metric that the history knows. The more there are, the more it takes to call one of them having a trend."""
    found = [
        (suite, target, each)
        for suite, target in suites_and_targets(entries)
        for each in series(entries, suite, target)
    ]
    limit = cusum.threshold(sum(each.gating for *_, each in found))
    return [Watched(suite, target, each, trend_of(each, limit)) for suite, target, each in found]


def trend_notes(output: Path, session: str) -> list[str]:
    """What the history says of the suites and targets of its latest session, a line each."""
    if not (output / HISTORY).exists():
        return []
    try:
        entries = read(output / HISTORY)
    except SdevalError as error:
        return [str(error)]
    here = {(run.suite, run.target) for entry in entries if entry.session == session for run in entry.runs}
    lines = [sentence(each) for each in watch(entries) if (each.suite, each.target) in here]
    return [each for each in lines if each]


def sentence(watched: Watched) -> str:
    """What is said of a metric; empty where nothing is."""
    return f"{watched.suite} on {watched.target}: {watched.trend.sentence}" if watched.trend else ""


def trend_of(series: Series, limit: float) -> Trend | None:
    """What is said of a series, if anything.

    Args:
        series: a metric, session after session.
        limit: `cusum.threshold` of the number of series that are watched.
    """
    points = _since_the_last_known_step(series.points) if series.gating else ()
    return (_slow(series, points, limit) or _creep(series, points)) if points else None


def _since_the_last_known_step(points: Sequence[Point]) -> Sequence[Point]:
    """What a session flagged and somebody accepted afterwards is known: it starts again there."""
    start, flagged = 0, False
    for index, point in enumerate(points):
        if flagged and point.baseline_changed:
            start = index
        flagged = point.verdict in FLAGGED or (flagged and not point.baseline_changed)
    return points[start:]


def _slow(series: Series, points: Sequence[Point], limit: float) -> Trend | None:
    """A CUSUM over all that no session flagged; the same images in a row count once."""
    quiet = [each for each in points if each.verdict not in FLAGGED]
    fresh = quiet[:1] + [b for a, b in pairwise(quiet) if not b.images or b.images != a.images]
    values = np.array([each.value for each in fresh])
    alarm = cusum.watch(-series.sign * values, limit)
    if alarm is None:
        return None
    before = float(values[: max(1, alarm.since)].mean())
    # Where it is now, not where it was at the alarm: what came back is not reported any more.
    now = float(values[max(alarm.since, len(values) - LAST) :].mean())
    lost, allowed = series.sign * (before - now), points[-1].tolerance
    if lost <= WORTH * allowed:
        return None
    after = points[points.index(fresh[alarm.since]) :]
    change = f"{number(before)} → {number(now)} ({with_sign(now - before)}, allowed {number(allowed)})"
    said = f"{series.metric} has a trend: {change} since {after[0].session}, {_over(after)}"
    return Trend(lost / allowed if allowed else None, after[0].session, len(after), _accepted(after), said)


def _creep(series: Series, points: Sequence[Point]) -> Trend | None:
    """The latest metric beside the first: worse by more than the tolerance, though no session said so."""
    first, last = points[0], points[-1]
    lost = series.sign * (first.value - last.value)
    if not last.tolerance or lost <= last.tolerance or any(each.verdict in FLAGGED for each in points):
        return None
    loss = lost / last.tolerance
    said = f"{series.metric} lost {loss:.1f} tolerances in {_over(points)}"
    return Trend(loss, first.session, len(points), _accepted(points), said)


def _accepted(points: Sequence[Point]) -> int:
    return sum(each.baseline_changed for each in points)


def _over(points: Sequence[Point]) -> str:
    """How many sessions, and what happened in them."""
    failed, accepted = sum(each.verdict in FLAGGED for each in points), _accepted(points)
    baselines = "1 baseline was" if accepted == 1 else f"{accepted} baselines were"
    way = f": {baselines} accepted on the way" if accepted else ""
    return f"{len(points)} sessions, and failed in {failed or 'none'} of them{way}"
