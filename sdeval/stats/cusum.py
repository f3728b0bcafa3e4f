"""Slow drift in a row of values: a self-starting CUSUM. Pure: values in, an alarm out; no files, no clock.

Every value is reported from those before it: standardised by their mean and spread, and brought to a standard normal by
Student's distribution, so nobody has to know beforehand what the value should be or how much it varies (Hawkins 1987,
Self-starting CUSUM charts for location and scale, The Statistician 36). What is worse than `SLACK` adds up; the sum is
an alarm where it comes above a threshold that is derived from the false alarms one is ready to bear.

The theory presumes that values have nothing to do with those of the session before. Times of a machine do, and so do
images that few changes touch; how much they do is estimated, and counts against an alarm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdeval.stats import Floats

SLACK = 0.5
"""Half of the shift to be found soonest, in standard deviations."""
CLIP = 2.5
"""A single value counts for no more than this many standard deviations: one bad session is no drift."""
MOST_ALIKE = 0.9
"""Correlation of neighbours that is allowed for at most."""
FEWEST = 10
"""Values from which it is estimated."""
FALSE_ALARMS, SESSIONS = 0.01, 100
"""So many of the histories of so many sessions may raise an alarm by any of their series, where nothing changed."""
OVERSHOOT = 1.166
"""How far the sum of normal values comes above a threshold, on average, and below zero, together (Siegmund 1985)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Values that became worse and stayed so."""

    since: int
    """Index of the first of them, as far as that can be told."""
    at: int
    """Index of the value that raised the alarm."""


def scores(values: Floats) -> Floats:
    """How much worse every value is than those before it: standard normal where nothing changes, at most `CLIP`.

    The first two, and all for as long as there is no spread, are 0: there is nothing to tell them from.

    Args:
        values: `[..., sessions]`, finite, turned so that more is worse.
    """
    from scipy.special import ndtri, stdtr

    t = np.zeros(values.shape)
    mean = np.array(values[..., :1].sum(axis=-1))
    squares = np.zeros(values.shape[:-1])
    for n in range(1, values.shape[-1]):
        away = values[..., n] - mean
        spread = np.sqrt(squares / max(1, n - 1))
        known = (spread > 1e-12 * np.abs(mean)) & (n >= 2)
        t[..., n] = np.where(known, away, 0.0) / np.where(known, spread, 1.0) * math.sqrt(n / (n + 1))
        mean = mean + away / (n + 1)
        squares = squares + away**2 * n / (n + 1)
    freedom = np.maximum(1, np.arange(values.shape[-1]) - 1)
    return np.asarray(np.clip(ndtri(stdtr(freedom, t)), -CLIP, CLIP))


def likeness(values: Floats) -> Floats:
    """Up to every value: correlation of neighbours, from 0 to `MOST_ALIKE`, `[..., sessions]`.

    Estimated by differences of neighbours, which a slow drift hardly changes: where each value is r times the one
    before and something new, neighbouring differences have the correlation (r - 1) / 2. A single step looks like r = 1.
    """
    steps = np.diff(values, axis=-1)
    both, squares = np.zeros(values.shape), np.zeros(values.shape)
    both[..., 2:] = np.cumsum(steps[..., 1:] * steps[..., :-1], axis=-1)
    squares[..., 1:] = np.cumsum(steps**2, axis=-1)
    alike = 1 + 2 * both / np.where(squares > 0, squares, 1.0)
    known = (squares > 0) & (np.arange(values.shape[-1]) >= FEWEST)
    return np.where(known, np.clip(alike, 0.0, MOST_ALIKE), 0.0)


def evidence(values: Floats) -> Floats:
    """The sum after every value, `[..., sessions]`: what an alarm is raised by.

    Scores are as much smaller as the mean of values that are so much alike is less certain.
    """
    alike = likeness(values)
    return sums(scores(values) * np.sqrt((1 - alike) / (1 + alike)))


def sums(standing: Floats) -> Floats:
    """The sum after every score, `[..., sessions]`: what is worse than `SLACK` adds up, and it never falls below 0."""
    found = np.zeros(standing.shape)
    running = np.zeros(standing.shape[:-1])
    for n in range(standing.shape[-1]):
        running = np.maximum(0.0, running + standing[..., n] - SLACK)
        found[..., n] = running
    return found


def run_length(limit: float) -> float:
    """How many sessions it takes to a false alarm, on average (Siegmund 1985, Sequential Analysis, chapter 2)."""
    height = 2 * SLACK * (limit + OVERSHOOT)
    return (math.exp(height) - height - 1) / (2 * SLACK**2)


def threshold(series: int) -> float:
    """Above which the sum of one of so many series is an alarm.

    The time to a false alarm is close to exponential; its mean says how likely one is within `SESSIONS`.

    Example:
        >>> round(threshold(1), 2), round(threshold(20), 2)
        (7.35, 10.35)
    """
    wanted = -SESSIONS / math.log1p(-FALSE_ALARMS / max(1, series))
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle) < wanted else (low, middle)
    return high


def watch(values: Floats, limit: float) -> Alarm | None:
    """The first alarm of a series, if there is one.

    Args:
        values: `[sessions]`, finite, turned so that more is worse.
        limit: `threshold` of the number of series that are watched together.
    """
    sum_after = evidence(values)
    above = np.flatnonzero(sum_after > limit)
    if not len(above):
        return None
    at = int(above[0])
    zeros = np.flatnonzero(sum_after[:at] == 0)
    return Alarm(since=int(zeros[-1]) + 1 if len(zeros) else 0, at=at)
