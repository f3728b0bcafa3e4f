"""Slow trends in a series of values: a self-starting CUSUM. Pure: values in, an alarm out; no files, no clock.

Every value is compared with those before it: it is standardised by their mean and spread and mapped to a standard
normal score by Student's distribution. So nobody has to know beforehand what the value should be or how much it varies
(Hawkins 1987, Self-starting CUSUM charts for location and scale, The Statistician 36). The parts of the scores above
`SLACK` are added up. The sum raises an alarm when it exceeds a threshold that follows from the accepted rate of false
alarms.

The theory assumes that sessions are independent. Times on one machine are not, and neither are images that few changes
affect. Their correlation is estimated, and lowers the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdeval.stats import Floats

SLACK = 0.5
"""Half of the shift that is detected soonest, in standard deviations."""
CLIP = 2.5
"""A single value counts for at most this many standard deviations, because one bad session is no trend."""
MOST_ALIKE = 0.9
"""The largest correlation of neighbouring values that is corrected for."""
FEWEST = 10
"""The number of values from which on the correlation is estimated."""
FALSE_ALARMS, SESSIONS = 0.01, 100
"""Where nothing changed, this share of histories with this many sessions may raise an alarm in any of their series."""
OVERSHOOT = 1.166
"""How far the sum of normal values exceeds a threshold plus how far it falls below 0, on average (Siegmund 1985)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Values that became worse and stayed so."""

    since: int
    """Estimated index of the first worse value."""
    at: int
    """Index of the value that raised the alarm."""


def scores(values: Floats) -> Floats:
    """How much worse every value is than those before it: standard normal where nothing changes, at most `CLIP`.

    The first two scores are 0, and so are all others until the values before them differ.

    Args:
        values: `[..., sessions]`, finite, turned so that more is worse.
    """
    from scipy.special import ndtri, stdtr

    t = np.zeros(values.shape)
    mean = np.array(values[..., :1].sum(axis=-1))
    squares = np.zeros(values.shape[:-1])
    for n in range(1, values.shape[-1]):
        distance = values[..., n] - mean
        spread = np.sqrt(squares / max(1, n - 1))
        has_spread = (spread > 1e-12 * np.abs(mean)) & (n >= 2)
        t[..., n] = np.where(has_spread, distance, 0.0) / np.where(has_spread, spread, 1.0) * math.sqrt(n / (n + 1))
        mean = mean + distance / (n + 1)
        squares = squares + distance**2 * n / (n + 1)
    freedom = np.maximum(1, np.arange(values.shape[-1]) - 1)
    return np.asarray(np.clip(ndtri(stdtr(freedom, t)), -CLIP, CLIP))


def autocorrelation(values: Floats) -> Floats:
    """Correlation of neighbouring values up to each value, from 0 to `MOST_ALIKE`, `[..., sessions]`.

    It is estimated from the differences of neighbours, which a slow trend hardly changes. Where each value is r times
    the value before it plus something new, neighbouring differences have the correlation (r - 1) / 2. A single step
    looks like r = 1.
    """
    steps = np.diff(values, axis=-1)
    products, squares = np.zeros(values.shape), np.zeros(values.shape)
    products[..., 2:] = np.cumsum(steps[..., 1:] * steps[..., :-1], axis=-1)
    squares[..., 1:] = np.cumsum(steps**2, axis=-1)
    correlation = 1 + 2 * products / np.where(squares > 0, squares, 1.0)
    estimable = (squares > 0) & (np.arange(values.shape[-1]) >= FEWEST)
    return np.where(estimable, np.clip(correlation, 0.0, MOST_ALIKE), 0.0)


def evidence(values: Floats) -> Floats:
    """The sum after every value, `[..., sessions]`, which raises an alarm above the threshold.

    Correlated values make a mean less certain, and their scores are made smaller by the same factor.
    """
    correlation = autocorrelation(values)
    return sums(scores(values) * np.sqrt((1 - correlation) / (1 + correlation)))


def sums(standard_scores: Floats) -> Floats:
    """The sum after every score, `[..., sessions]`: it adds the part above `SLACK`, and never falls below 0."""
    results = np.zeros(standard_scores.shape)
    running = np.zeros(standard_scores.shape[:-1])
    for n in range(standard_scores.shape[-1]):
        running = np.maximum(0.0, running + standard_scores[..., n] - SLACK)
        results[..., n] = running
    return results


def run_length(limit: float) -> float:
    """The average number of sessions until a false alarm (Siegmund 1985, Sequential Analysis, chapter 2)."""
    height = 2 * SLACK * (limit + OVERSHOOT)
    return (math.exp(height) - height - 1) / (2 * SLACK**2)


def threshold(series: int) -> float:
    """The sum above which one series out of this many raises an alarm.

    The time until a false alarm is close to exponential. Its mean says how likely a false alarm is within `SESSIONS`.

    Example:
        >>> round(threshold(1), 2), round(threshold(20), 2)
        (7.35, 10.35)
    """
    sessions_to_alarm = -SESSIONS / math.log1p(-FALSE_ALARMS / max(1, series))
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle) < sessions_to_alarm else (low, middle)
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
    # The first two scores are 0, and so are their sums.
    last_zero = np.flatnonzero(sum_after[:at] == 0)[-1]
    return Alarm(since=int(last_zero) + 1, at=at)
