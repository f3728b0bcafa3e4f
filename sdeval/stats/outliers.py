"""Whether one case fell further than chance explains, compared with the other cases and with its own seeds.

A case is measured by the seed that fell least: this module reports cases of which every seed got worse, and
`comparison.collapsed` reports single bad images.
"""

from __future__ import annotations

import math

import numpy as np

from sdeval.stats.arrays import Floats
from sdeval.stats.estimates import Prior

FEWEST_SEEDS = 3
"""The fewest seeds of the baseline that show how much a single case varies; two are too often alike by chance."""


def p_among_cases(baseline_scores: Floats, scores: Floats, prior: Prior | None = None) -> Floats:
    """P-values `[cases]` for the fall of each case, compared with how far the other cases rose.

    Where nothing changed, cases rise as far as they fall, so the rises show how far cases move by chance. A fault makes
    cases fall, so several that collapse do not hide each other. Rises and falls are measured from the median of the
    cases, because a loss that all cases share is a loss of the suite. Where there are few other cases, the prior
    dominates.

    Args:
        baseline_scores: `[cases, seeds]`, higher is better.
        scores: of the run, the same shape.
        prior: for the variance of a case's mean gain; None uses the other cases alone.
    """
    from scipy.special import stdtr

    gains = scores - baseline_scores
    mean_gains, others = gains.mean(axis=1), len(gains) - 1
    # The median of one or two cases is made of the very cases that are tested.
    centre = min(float(np.median(mean_gains)), 0.0) if len(mean_gains) > 2 else 0.0
    fall = gains.max(axis=1) - centre
    rises = np.square(np.maximum(mean_gains - centre, 0.0))
    # Rises are half of all moves, so their squares count twice.
    squares = 2 * (rises.sum() - rises)
    freedom = float(others)
    if prior is not None:
        squares, freedom = squares + prior.freedom * prior.variance, freedom + prior.freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        p_values = np.where(squares > 0, stdtr(freedom, fall / np.sqrt(squares / freedom)), 0.0)
    return np.where(fall < 0, p_values, 1.0)


def p_among_seeds(baseline_scores: Floats, scores: Floats) -> Floats:
    """P-values `[cases]` for the fall of each case, compared with how much its own seeds differ in the baseline.

    This is a moderated t-test. A few seeds do not show precisely how much one case varies, so its variance is shrunk
    towards the variance of all cases (Smyth 2004, "Linear models and empirical Bayes methods", section 3).

    Args:
        baseline_scores: `[cases, at least 3 seeds]`, higher is better.
        scores: of the run, `[cases, seeds]`.
    """
    from scipy.special import stdtr

    fall = scores.max(axis=1) - baseline_scores.mean(axis=1)
    variances, freedom = moderated_variances(baseline_scores.var(axis=1, ddof=1), baseline_scores.shape[1] - 1)
    errors = np.sqrt(variances * (1 / baseline_scores.shape[1] + 1 / scores.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        p_values = np.where(errors > 0, stdtr(freedom, fall / errors), 0.0)
    return np.where(fall < 0, p_values, 1.0)


def moderated_variances(variances: Floats, freedom: int) -> tuple[Floats, float]:
    """Variances shrunk towards a common variance, and their degrees of freedom.

    The common variance and its weight, in degrees of freedom, are those of the scaled F distribution whose logarithm
    has the observed mean and variance (Smyth 2004, section 6.2).

    Args:
        variances: `[n]`.
        freedom: degrees of freedom of each variance.

    Example:
        >>> moderated_variances(np.array([4.0, 4.0, 4.0]), 3)
        (array([4., 4., 4.]), 9.0)
    """
    from scipy.special import digamma, polygamma

    # The logarithm of a variance of zero would be infinite, so small variances are raised to a minimum.
    minimum = 1e-5 * np.median(variances) if len(variances) else 0.0
    if len(variances) < 2 or not minimum > 0:
        return variances, float(freedom)
    logs = np.log(np.maximum(variances, minimum))
    logs = logs - digamma(freedom / 2) + math.log(freedom / 2)
    beyond_chance = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    if beyond_chance <= 0:
        return np.full_like(variances, variances.mean()), float(freedom * len(variances))
    prior = 2 * _inverse_trigamma(beyond_chance)
    common = math.exp(float(logs.mean()) + float(digamma(prior / 2)) - math.log(prior / 2))
    # The weight cannot exceed the degrees of freedom of all variances together.
    weight = min(prior + freedom, float(freedom * len(variances)))
    return (prior * common + freedom * variances) / (prior + freedom), weight


def _inverse_trigamma(value: float) -> float:
    """The positive argument at which the trigamma function has this value."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    # Trigamma lies between 1/x and 1/x + 1/x².
    low, high = 1 / value, 1 / value + 1 / math.sqrt(value)
    return float(brentq(lambda x: float(polygamma(1, x)) - value, low, high))
