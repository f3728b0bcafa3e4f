"""Whether one case fell further than chance explains: compared with the other cases, and with its own seeds.

A case counts by the seed that fell least: one bad image is reported by `comparison.collapsed`, a case of
which every seed went wrong is reported here.
"""

from __future__ import annotations

import math

import numpy as np

from sdeval.stats.arrays import Floats
from sdeval.stats.estimates import Prior

FEWEST_SEEDS = 3
"""Of the baseline, to say how much a single case varies; two seeds are alike by chance too often."""


def beside_others(before: Floats, after: Floats, prior: Prior | None = None) -> Floats:
    """P-values `[cases]` of how far each case fell, by how far the others rose.

    Where nothing changed, cases rise as far as they fall, and by their rises it shows how far they move by chance; a
    fault makes them fall, so several that collapse do not hide each other. Both are counted from where half of the
    cases stand: a loss that all of them share is the suite's. Where there are few others, the prior speaks for them.

    Args:
        before: `[cases, seeds]`, higher is better.
        after: the same shape.
        prior: of the variance of a case's mean gain; None counts the others alone.
    """
    from scipy.special import stdtr

    gains = after - before
    moved, others = gains.mean(axis=1), len(gains) - 1
    # One or two cases are their own half.
    centre = min(float(np.median(moved)), 0.0) if len(moved) > 2 else 0.0
    fall = gains.max(axis=1) - centre
    rises = np.square(np.maximum(moved - centre, 0.0))
    rest = rises.sum() - rises
    # What is left of a sum after its largest part was taken away may be a hair beside nothing.
    squares = np.where(rest > 1e-12 * rises.sum(), 2 * rest, 0.0)
    freedom = float(others)
    if prior is not None:
        squares, freedom = squares + prior.freedom * prior.variance, freedom + prior.freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        # Rises are half of all moves, hence twice their squares.
        p_values = np.where(squares > 0, stdtr(freedom, fall / np.sqrt(squares / freedom)), 0.0)
    return np.where(fall < 0, p_values, 1.0)


def beside_seeds(held: Floats, after: Floats) -> Floats:
    """P-values `[cases]` of how far each case fell, by how much its own seeds differ in the baseline.

    A moderated t-test: few seeds say little of how much one case varies; how much all cases vary, and how unlike each
    other they are in that, says the rest (Smyth 2004, "Linear models and empirical Bayes methods", section 3).

    Args:
        held: `[cases, at least 3]`, higher is better.
        after: `[cases, seeds]`.
    """
    from scipy.special import stdtr

    fall = after.max(axis=1) - held.mean(axis=1)
    variances, freedom = moderated_variances(held.var(axis=1, ddof=1), held.shape[1] - 1)
    errors = np.sqrt(variances * (1 / held.shape[1] + 1 / after.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        p_values = np.where(errors > 0, stdtr(freedom, fall / errors), 0.0)
    return np.where(fall < 0, p_values, 1.0)


def moderated_variances(variances: Floats, freedom: int) -> tuple[Floats, float]:
    """Variances shrunk towards what is common to all, and their degrees of freedom.

    The common variance and the weight it has, in degrees of freedom, are those of the scaled F distribution whose
    logarithm has the mean and variance that were seen (Smyth 2004, section 6.2).

    Args:
        variances: `[n]`.
        freedom: of each.

    Example:
        >>> moderated_variances(np.array([4.0, 4.0, 4.0]), 3)
        (array([4., 4., 4.]), 9.0)
    """
    from scipy.special import digamma, polygamma

    if len(variances) < 2 or not np.median(variances) > 0:
        return variances, float(freedom)
    # One case whose seeds are all alike must not count as infinitely unlike the others.
    logs = np.log(np.maximum(variances, 1e-5 * np.median(variances)))
    logs = logs - digamma(freedom / 2) + math.log(freedom / 2)
    beyond_chance = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    if beyond_chance <= 0:
        return np.full_like(variances, variances.mean()), float(freedom * len(variances))
    prior = 2 * _inverse_trigamma(beyond_chance)
    common = math.exp(float(logs.mean()) + float(digamma(prior / 2)) - math.log(prior / 2))
    # All of them together hold no more than this.
    weight = min(prior + freedom, float(freedom * len(variances)))
    return (prior * common + freedom * variances) / (prior + freedom), weight


def _inverse_trigamma(value: float) -> float:
    """Where the trigamma function, which falls from infinity to 0, has this value above 0."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    # Trigamma lies between 1/x and 1/x + 1/x².
    low, high = 1 / value, 1 / value + 1 / math.sqrt(value)
    return float(brentq(lambda x: float(polygamma(1, x)) - value, low, high))
