"""Which losses a suite can detect, known before anything is generated."""

from __future__ import annotations

import math

from sdeval.stats.estimates import Prior, Spread

POWER = 0.8
"""The probability with which a detectable loss is shown."""
MOST_CASES = 100_000
"""The largest number of cases that a suite is said to need."""


def quantile(share: float, freedom: float) -> float:
    """A quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def detectable_loss(
    spread: Spread | None,
    cases: int,
    seeds: int,
    tolerance: float,
    level: float,
    power: float = POWER,
    *,
    margin_unit: float | None = None,
) -> float:
    """About the smallest loss that a mean over cases shows, if a change alters images as much as another seed does.

    The loss must be significant by `moderated_mean`, and its estimate must also lie beyond the tolerance.
    A change that hardly alters images is shown at a smaller loss.

    Args:
        spread: of single scores over the seeds of a case; None where it is unknown.
        cases: number of cases in the suite.
        seeds: number of seeds for each case.
        tolerance: the smallest loss that matters.
        level: of the one-sided test, after correction.
        power: probability that the loss is shown.
        margin_unit: the tolerance that margins are a multiple of, if it is not `tolerance`.

    Returns:
        Infinite where no loss can be shown.
    """
    if spread is None:
        return math.inf
    chance = _chance(spread, cases, seeds, power)
    unit = tolerance if margin_unit is None else margin_unit
    return max(_significant_loss(spread, cases, seeds, unit, level), tolerance) + chance


def _chance(spread: Spread, cases: int, seeds: int, power: float = POWER) -> float:
    """How far an estimate errs towards better, at most, with the probability `power`."""
    return quantile(power, math.inf) * math.sqrt(2 * spread.variance / seeds / cases)


def _significant_loss(spread: Spread, cases: int, seeds: int, tolerance: float, level: float) -> float:
    """The smallest estimated loss that is significant."""
    regenerated, prior = 2 * spread.variance / seeds, Prior.of(spread, seeds, tolerance)
    freedom = prior.freedom + cases - 1
    variance = (prior.freedom * prior.variance + (cases - 1) * regenerated) / freedom
    # Where all cases lose the same, `stated_mean` never shows more, and `ranked_mean` a little more from 12 cases on.
    return quantile(1 - level, freedom) * math.sqrt(variance / cases)


def needed_cases(spread: Spread, seeds: int, tolerance: float, level: float) -> int:
    """About how many cases it takes to show a loss beyond the tolerance four times in five."""
    low, high = 1, MOST_CASES
    while low < high:
        middle = (low + high) // 2
        detectable = _significant_loss(spread, middle, seeds, tolerance, level) + _chance(spread, middle, seeds)
        enough = detectable <= tolerance
        low, high = (low, middle) if enough else (middle + 1, high)
    return low
