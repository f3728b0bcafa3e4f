"""Permutation tests: sign flips of paired differences, and swaps of cases between two sets.

Differences are candidate minus baseline, with the sign chosen so that negative is worse. Permutations come from a fixed
seed, so the same values give the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import product

import numpy as np

from sdeval.stats.arrays import Floats, Marks
from sdeval.stats.estimates import Estimate

BLOCK = 10_000
"""Random sign flips generated at a time; the very first one flips nothing."""
CLEAR = 0.02
"""Where the first block gives a larger p-value than this, further blocks cannot change the decision."""
EXACT_UP_TO = 16
"""Cases up to which all sign flips are tried (65,536 of them)."""


@lru_cache(maxsize=4)
def _all_signs(cases: int) -> Floats:
    """Every row of signs, `[2**cases, cases]`; the first flips nothing."""
    return np.array(list(product((1.0, -1.0), repeat=cases)))


@lru_cache(maxsize=4)
def _first_signs(cases: int) -> Floats:
    """The first block of random rows of signs, `[BLOCK, cases]`."""
    return _random_signs(cases, 0)


def _random_signs(cases: int, block: int) -> Floats:
    signs = np.random.default_rng((block, cases)).choice(np.array([-1.0, 1.0]), size=(BLOCK, cases))
    if block == 0:
        signs[0] = 1.0
    return signs


def fewest_cases(alpha: float) -> int:
    """The fewest cases that can show a loss: with fewer, no p-value falls below `alpha`.

    Example:
        >>> fewest_cases(0.005)
        8
    """
    return math.floor(-math.log2(alpha)) + 1


def sign_flip_p(differences: Floats, alpha: float = CLEAR) -> float:
    """One-sided p-value that the mean difference is below zero, by flipping signs.

    The test is exact if nothing changed, because a paired difference is then as likely to be negative as positive
    (Fisher 1935; Phipson and Smyth 2010 for including the observed signs). The p-value is 1 if there are no differences
    or all are zero. The caller must exclude values that are not finite, and report them as `unscored`.

    Args:
        differences: `[cases]`, finite.
        alpha: level of the test; where there are too many cases to try all flips, enough of them are tried for
            p-values as small as half of the level.

    Example:
        >>> sign_flip_p(np.array([-1.0, -2.0, -1.5, -0.5]))
        0.0625
    """
    if not len(differences) or not differences.any():
        return 1.0
    # The margin is for rounding: the same sum in another order may differ in its last bit.
    bound = differences.sum() + 1e-12 * np.abs(differences).sum()
    if len(differences) <= EXACT_UP_TO:
        return float((_all_signs(len(differences)) @ differences <= bound).mean())
    count = int((_first_signs(len(differences)) @ differences <= bound).sum())
    blocks = math.ceil(2 / (alpha * BLOCK))
    if blocks <= 1 or count > CLEAR * BLOCK:
        return count / BLOCK
    for block in range(1, blocks):
        count += int((_random_signs(len(differences), block) @ differences <= bound).sum())
    return min(CLEAR, count / (blocks * BLOCK))


def not_worse_p(differences: Floats, tolerance: float) -> float:
    """P-value of "worse by the tolerance or more": small where such a loss is excluded (non-inferiority)."""
    return sign_flip_p(-(differences + tolerance))


def swap_estimate(loss: Callable[[Marks], float], cases: int, swaps: int) -> tuple[Estimate, float]:
    """The change of a set metric with its standard error, from random swaps of cases between baseline and candidate.

    If nothing changed, the images of a case could as well have been swapped between the two sides, so the losses with
    swapped cases show how far the loss varies by chance. For a sum over cases, swaps give the mean square of the terms;
    subtracting the squared mean gives Student's statistic (`t² = r² (n - 1) / (n - r²)`, where r is the loss in
    standard deviations of the swaps). No p-value falls below `2^-cases`, the probability of a single assignment of
    cases to sides.

    Args:
        loss: candidate minus baseline with the marked cases (`[cases]` of bool) swapped, signed so that more is worse.
        cases: the number of cases.
        swaps: the number of random swaps; the relative error of their deviation is `1 / sqrt(2 swaps)`.

    Returns:
        The gain with its error, and the largest loss that swaps of a sum over this many cases can give.
    """
    from scipy.special import stdtrit

    observed = loss(np.zeros(cases, dtype=bool))
    rng = np.random.default_rng(0)
    deviation = math.sqrt(float(np.mean([loss(rng.random(cases) < 0.5) ** 2 for _ in range(swaps)])))
    reach = math.sqrt(cases) * deviation
    if cases < 2 or not deviation > 0:
        return Estimate(-observed, math.inf, 1.0), reach
    freedom = cases - 1
    t = observed / deviation
    remainder = max(cases - t * t, 1e-9)
    t *= math.sqrt(freedom / remainder)
    furthest = -float(stdtrit(freedom, 0.5**cases))
    t = math.copysign(min(abs(t), furthest), t)
    # For a loss of zero, the error is the deviation of the swaps.
    return Estimate(-observed, observed / t if t else deviation, freedom), reach
