"""Tests, intervals and corrections. Pure: values in, values out; no files, no torch, no clock.

Differences are candidate minus baseline, one for each case, turned so that negative is worse. All tests draw their
permutations from a fixed seed: the same values give the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FLIPS = 99_999
"""Random sign flips where there are too many cases to try all: Holm over 400 gates still finds a clear loss."""
INTERVAL_FLIPS = 9999
"""An interval asks for a few percent only, and for many shifts."""
EXACT_UP_TO = 16
"""Cases up to which all sign flips are tried (65,536 of them)."""


@lru_cache(maxsize=8)
def _signs(cases: int, flips: int) -> Floats:
    """Rows of signs, `[flips, cases]`; the first row flips nothing."""
    if cases <= EXACT_UP_TO:
        return np.array(list(product((1.0, -1.0), repeat=cases)))
    random = np.random.default_rng(0).integers(2, size=(flips, cases)) * 2.0 - 1.0
    return np.concatenate([np.ones((1, cases)), random])


def smallest_p(cases: int) -> float:
    """The smallest p-value that so many cases can reach."""
    return 1 / 2**cases if cases <= EXACT_UP_TO else 1 / (FLIPS + 1)


def sign_flip_p(differences: Floats, flips: int = FLIPS) -> float:
    """One-sided p-value that the mean difference is below zero, by flipping signs.

    Exact under "nothing changed": a paired difference is then as likely to be negative as positive (Fisher 1935;
    Phipson and Smyth 2010 for counting the observed one in). All equal to zero, or no difference at all, gives 1.

    Args:
        differences: `[cases]`, finite.
        flips: random flips where there are too many cases to try all.

    Example:
        >>> sign_flip_p(np.array([-1.0, -2.0, -1.5, -0.5]))
        0.0625
    """
    if not len(differences) or not differences.any():
        return 1.0
    totals = _signs(len(differences), flips) @ differences
    # A hair of slack: the same sum in another order may differ in its last bit.
    slack = 1e-12 * np.abs(differences).sum()
    return float((totals <= totals[0] + slack).mean())


def interval(differences: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean difference: all shifts that the two-sided sign-flip test does not reject.

    None with so few cases that nothing can be rejected: the interval is unbounded.
    """
    tail = (1 - level) / 2
    if smallest_p(len(differences)) > tail:
        return None
    if np.ptp(differences) == 0:
        return (float(differences[0]), float(differences[0]))
    low, high = float(differences.min()), float(differences.max())
    mean = float(differences.mean())
    lower = _bisect(lambda shift: sign_flip_p(shift - differences, INTERVAL_FLIPS) > tail, low, mean)
    upper = _bisect(lambda shift: sign_flip_p(differences - shift, INTERVAL_FLIPS) > tail, high, mean)
    return (lower, upper)


def _bisect(kept: Callable[[float], bool], outside: float, inside: float, steps: int = 24) -> float:
    """The edge between shifts that are kept (`inside`) and those that are not."""
    if kept(outside):
        return outside
    for _ in range(steps):
        middle = (outside + inside) / 2
        if kept(middle):
            inside = middle
        else:
            outside = middle
    return inside


def not_worse_p(differences: Floats, tolerance: float) -> float:
    """P-value against "worse by the tolerance or more": small where such a loss is excluded (non-inferiority)."""
    return sign_flip_p(-(differences + tolerance), INTERVAL_FLIPS)


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


def collapse_p(differences: Floats) -> Floats:
    """For each case, how often chance alone makes every one of its seeds fall as far as the best of them did.

    Chance is the other cases: the share of their differences that fell as far, to the power of the seeds. A picture
    that goes wrong now and then is therefore noise, a case whose every seed goes wrong is not, and a loss that all
    cases share accuses none of them. With one seed, or few cases, the values cannot become small.

    Args:
        differences: `[cases, seeds]`, negative is worse.

    Returns:
        `[cases]`.
    """
    cases, seeds = differences.shape
    result = np.empty(cases)
    for case in range(cases):
        others = np.delete(differences, case, axis=0)
        fallen = int((others <= differences[case].max()).sum())
        result[case] = ((1 + fallen) / (1 + others.size)) ** seeds
    return result


def own_noise_p(before: Floats, after: Floats) -> Floats:
    """For each case, a one-sided t-test of its fall against the spread between its own seeds.

    Some prompts vary more than others by nature; a fall that is usual for such a prompt is no collapse.

    Args:
        before: `[cases, seeds]`, higher is better.
        after: the same shape.

    Returns:
        `[cases]`; 1 where there is a single seed, and no spread to compare with.
    """
    from scipy.special import stdtr

    seeds = before.shape[1]
    if seeds < 2:
        return np.ones(len(before))
    error = np.sqrt((before.var(axis=1, ddof=1) + after.var(axis=1, ddof=1)) / seeds)
    fall = (after - before).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, fall / error, np.where(fall < 0, -np.inf, 0.0))
    return np.asarray(stdtr(2 * (seeds - 1), t))


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
