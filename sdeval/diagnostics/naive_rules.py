"""The rules that teams write by hand. They judge nothing here; they are what the rule that ships is measured against.

Each takes the scores of one metric on both sides, `[cases, seeds]`, turned so that more is better, and the smallest
loss that matters, and says whether it would raise an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sdeval.stats import Floats

ByHand = Callable[[Floats, Floats, float], bool]


def fixed_threshold(before: Floats, after: Floats, tolerance: float) -> bool:
    """The mean must not fall below a number that was once noted down: the mean of that day, rounded down.

    What a "CLIP score above 71" is. The number has as many digits as the tolerance has; all of them without one.
    """
    if not tolerance:
        return bool(after.mean() < before.mean())
    digit = 10.0 ** math.floor(math.log10(tolerance))
    # Both sides in digits: multiplied back, rounding could put the floor slightly above the mean it came from.
    return bool(after.mean() / digit < math.floor(before.mean() / digit))


def worse_than_one_percent(before: Floats, after: Floats, tolerance: float) -> bool:
    """The mean must not be 1% worse than the baseline's."""
    return bool(after.mean() - before.mean() < -0.01 * abs(before.mean()))


def unpaired_z(before: Floats, after: Floats, tolerance: float) -> bool:
    """Two means as if of different images, one-sided at 5%; one image has no spread to judge by."""
    if before.size < 2:
        return False
    error = np.sqrt(before.var(ddof=1) / before.size + after.var(ddof=1) / after.size)
    return bool(error > 0 and (after.mean() - before.mean()) / error < -1.645)


def percentile_bootstrap(before: Floats, after: Floats, tolerance: float) -> bool:
    """The 95% interval of the mean difference, over images, lies below zero (Efron 1979, percentile form)."""
    change = (after - before).ravel()
    resamples = np.random.default_rng(0).integers(change.size, size=(1000, change.size))
    return bool(np.quantile(change[resamples].mean(axis=1), 0.975) < 0)


BY_HAND: dict[str, ByHand] = {
    "fixed threshold": fixed_threshold,
    "mean worse than 1%": worse_than_one_percent,
    "unpaired z-test": unpaired_z,
    "bootstrap interval": percentile_bootstrap,
}
