"""Which losses a suite can detect, known before anything is generated."""

from __future__ import annotations

import math

import numpy as np

from sdeval.stats.estimates import Prior, Spread, stated_mean

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
    """About the smallest loss that a mean over cases shows, if it takes the same from every case.

    Besides, every image is as if by another seed; a change that leaves images mostly as they are shows sooner. The loss
    must be shown by `moderated_mean`, and the estimate must lie beyond the tolerance. A loss that falls on some cases
    only makes the cases differ, and shows later: see `detectable_anyhow`.

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


def detectable_anyhow(
    spread: Spread | None,
    cases: int,
    seeds: int,
    tolerance: float,
    level: float,
    power: float = POWER,
    *,
    margin_unit: float | None = None,
) -> float:
    """About the smallest mean loss that is shown however it falls on the cases: also where one case bears all of it.

    What `stated_mean` shows depends on the mean alone, and not on how much cases differ.

    Args:
        spread: of single scores over the seeds of a case; None where it is unknown.
        cases: of the suite.
        seeds: generated for each of them.
        tolerance: the smallest loss that matters.
        level: of the one-sided test, after correction; its own share of the error level.
        power: chance of showing it.
        margin_unit: the tolerance of which margins are a multiple, where that is another one.

    Returns:
        Infinite where no loss can be shown.
    """
    if spread is None:
        return math.inf
    unit = tolerance if margin_unit is None else margin_unit
    estimate = stated_mean(np.zeros(cases), spread, seeds, unit)
    shown = quantile(1 - level, estimate.freedom) * estimate.error
    return max(shown, tolerance) + _chance(spread, cases, seeds, power)


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
