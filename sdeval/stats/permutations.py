"""Tests by permutation: signs of paired differences, and sides of cases in sets.

Differences are candidate minus baseline, turned so that negative is worse. Permutations come from a fixed seed: the
same values give the same verdict.
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
"""Random sign flips generated at a time; the first of all flips nothing."""
CLEAR = 0.02
"""Where the first block gives a larger p-value than this, further ones cannot change a decision."""
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
    """How few cases can show a loss at all: with fewer, no p-value comes below `alpha`.

    Example:
        >>> fewest_cases(0.005)
        8
    """
    return math.floor(-math.log2(alpha)) + 1


def sign_flip_p(differences: Floats, alpha: float = CLEAR) -> float:
    """One-sided p-value that the mean difference is below zero, by flipping signs.

    Exact under "nothing changed": a paired difference is then as likely to be negative as positive (Fisher 1935;
    Phipson and Smyth 2010 for counting the observed one in). All equal to zero, or no difference at all, gives 1.
    A value that is no number has no place here: whoever calls says `unscored` before.

    Args:
        differences: `[cases]`, finite.
        alpha: level of the test; where there are too many cases to try all flips, so many are tried that a p-value can
            be half of it.

    Example:
        >>> sign_flip_p(np.array([-1.0, -2.0, -1.5, -0.5]))
        0.0625
    """
    if not len(differences) or not differences.any():
        return 1.0
    # A hair of slack: the same sum in another order may differ in its last bit.
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
    """P-value against "worse by the tolerance or more": small where such a loss is excluded (non-inferiority)."""
    return sign_flip_p(-(differences + tolerance))


def swap_estimate(loss: Callable[[Marks], float], cases: int, swaps: int) -> tuple[Estimate, float]:
    """How sure the change of a set metric is, by random swaps of the sides of cases, and how far a swap can go.

    Where nothing changed, it is chance which image of a case came from which side, so the losses that swaps give show
    how far the loss strays. Of a sum over cases, swaps show the mean square of what each case adds; taking the mean
    itself off it gives Student's statistic (`t² = r² (n - 1) / (n - r²)`, with r the loss in deviations of the swaps).
    No p-value comes below `2^-cases`, for all that is known is to which side each case fell.

    Args:
        loss: candidate minus baseline with the marked cases (`[cases]` of bool) swapped, turned so that more is worse.
        cases: how many there are.
        swaps: how many random ones; their deviation is known to `1 / sqrt(2 swaps)` of itself.

    Returns:
        The gain with its error, and the furthest that a sum over so many cases can be swapped.
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
    left = max(cases - t * t, 1e-9)
    t *= math.sqrt(freedom / left)
    furthest = -float(stdtrit(freedom, 0.5**cases))
    t = math.copysign(min(abs(t), furthest), t)
    # A loss of nothing has the error that swaps show.
    return Estimate(-observed, observed / t if t else deviation, freedom), reach
