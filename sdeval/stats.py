"""Tests, intervals and corrections. Pure: values in, values out; no files, no torch, no clock.

Differences are candidate minus baseline, one for each case, turned so that negative is worse. All tests draw their
permutations from a fixed seed: the same values give the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLOCK = 10_000
"""Random sign flips drawn at a time; the first of all flips nothing."""
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
        alpha: level of the test; where there are too many cases to try all flips, so many are drawn that a p-value can
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


def interval(differences: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean difference: all shifts that the two-sided sign-flip test does not reject.

    A row of flips is as extreme as the observation after a shift where the mean of the flipped cases is below that
    shift; so the bounds are quantiles of the means of random subsets of cases (Hartigan 1969).

    None with so few cases that nothing can be rejected: the interval is unbounded.
    """
    signs = _all_signs(len(differences)) if len(differences) <= EXACT_UP_TO else _first_signs(len(differences))
    rank = math.floor((1 - level) / 2 * len(signs))
    if rank < 1:
        return None
    flipped = (1 - signs[1:]) / 2
    means = np.sort(flipped @ differences / flipped.sum(axis=1))
    return (float(means[rank - 1]), float(means[-rank]))


def cases_to_decide(
    loss: float, error: float, cases: int, tolerance: float, alpha: float, level: float = 0.05
) -> int | None:
    """About how many cases would decide, if the loss stays what it is: excluded if tolerable, shown if not.

    By the normal distribution, with a chance of 80%.

    Args:
        loss: mean loss seen, positive is worse.
        error: its standard error.
        cases: how many it was seen on.
        tolerance: the smallest loss that matters.
        alpha: level at which a loss is shown, after Holm.
        level: at which one as large as the tolerance is excluded.

    Returns:
        None where the loss is the tolerance itself, or nothing is known of the error.
    """
    margin, at = (loss, alpha) if loss > tolerance else (tolerance - loss, level)
    if not (margin > 0 and error > 0):
        return None
    return math.ceil(cases * ((normal_quantile(1 - at) + normal_quantile(0.8)) * error / margin) ** 2)


def standard_error(values: Floats) -> float:
    """Of the mean; 0 where there is one value, or no spread."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def detectable(deviation: float, cases: int, alpha: float) -> float:
    """The smallest mean loss that so many cases show four times in five.

    Args:
        deviation: of the differences of single cases.
        cases: how many.
        alpha: level of the one-sided test, after Holm.

    Example:
        >>> round(detectable(1.34, 50, 0.01), 2)
        0.6
    """
    return (normal_quantile(1 - alpha) + normal_quantile(0.8)) * deviation / math.sqrt(cases)


def normal_quantile(share: float) -> float:
    """Of the standard normal distribution."""
    return NormalDist().inv_cdf(share)


def t_quantile(share: float, freedom: int) -> float:
    """Of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def not_worse_p(differences: Floats, tolerance: float) -> float:
    """P-value against "worse by the tolerance or more": small where such a loss is excluded (non-inferiority)."""
    return sign_flip_p(-(differences + tolerance))


def holm(p_values: Sequence[float], total: int | None = None) -> list[float]:
    """P-values adjusted for looking at all of them (Holm 1979).

    Args:
        p_values: those at hand.
        total: how many there are in all, if more than are at hand; the missing ones count as never rejected.

    Example:
        >>> holm([0.01, 0.04])
        [0.02, 0.04]
    """
    total = max(total or 0, len(p_values))
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        running = max(running, min(1.0, p_values[index] * (total - rank)))
        adjusted[index] = running
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the share of false discoveries (Benjamini and Hochberg 1995).

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    count = len(p_values)
    adjusted = [0.0] * count
    running = 1.0
    order = sorted(range(count), key=lambda each: p_values[each], reverse=True)
    for place, index in enumerate(order):
        running = min(running, p_values[index] * count / (count - place))
        adjusted[index] = running
    return adjusted


@dataclass(frozen=True, slots=True)
class SwapTest:
    """What swapping labels showed about a set metric."""

    p_worse: float
    p_better: float
    deviation: float
    """Of the difference, under "nothing changed"."""


MIN_SWAPS, ENOUGH = 199, 20


def label_swap(difference: Callable[[npt.NDArray[np.bool_]], float], cases: int, max_swaps: int = 4999) -> SwapTest:
    """Paired permutation test: whether a difference between two sets stays as large when cases swap their sides.

    Exact where swapping baseline and candidate of a case changes nothing under "nothing changed". It stops early once
    `ENOUGH` swaps on both sides were as extreme as what was observed (Besag and Clifford 1991), which keeps it valid.

    Args:
        difference: candidate minus baseline with the marked cases (`[cases]` of bool) swapped; positive is worse.
        cases: how many there are.
        max_swaps: decides how small the p-values can become.
    """
    observed = difference(np.zeros(cases, dtype=bool))
    rng = np.random.default_rng(0)
    slack = 1e-9 * max(1.0, abs(observed))
    seen: list[float] = []
    worse = better = 0
    while len(seen) < max_swaps:
        value = difference(rng.random(cases) < 0.5)
        seen.append(value)
        worse += value >= observed - slack
        better += value <= observed + slack
        if len(seen) >= MIN_SWAPS and min(worse, better) >= ENOUGH:
            break
    swaps = len(seen)
    return SwapTest((1 + worse) / (1 + swaps), (1 + better) / (1 + swaps), float(np.std(seen)))
