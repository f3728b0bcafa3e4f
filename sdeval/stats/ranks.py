"""The signed-rank test: it shows that most of many cases lost, even if a few of them gained much."""

from __future__ import annotations

import math

from sdeval.stats.arrays import Floats
from sdeval.stats.estimates import Estimate

FEWEST_RANKED = 12
"""The number of changed cases from which on ranks can show more than a mean does."""

RANKED_SHARE = 0.45
"""The share of the error level that is spent on ranks, where there are enough cases."""
LEAST_ERROR = 2 / 3
"""Ranks may reduce the error of a mean to this share at most, so that its 95% bounds do not contradict the ranks."""


def ranked_mean(gains: Floats, error: float) -> Estimate | None:
    """The mean of gains, with an error derived from their signed ranks; None where too few cases changed.

    A few cases that change much inflate the error of a mean, and hide that nearly all others lost a little. They have
    little influence on ranks (Wilcoxon 1945; exact where nothing changed, as a gain is then as likely to be negative as
    positive). The error is the one with which Student's test of the mean has the p-value of the ranks. It is infinite
    where mean and ranks disagree in direction.

    Args:
        gains: `[cases]`, positive for better.
        error: standard error of their mean.
    """
    from scipy.special import stdtrit
    from scipy.stats import wilcoxon

    changed = gains[gains != 0]
    if len(changed) < FEWEST_RANKED:
        return None
    mean, freedom = float(gains.mean()), float(len(changed) - 1)
    p_value = float(wilcoxon(math.copysign(1.0, mean) * changed, alternative="greater").pvalue)
    # Ties make p-values approximate, so they are bounded by the smallest p-value that signs alone can give.
    t = -float(stdtrit(freedom, max(p_value, 0.5 ** len(changed))))
    return Estimate(mean, max(abs(mean) / t, LEAST_ERROR * error) if t > 0 and mean else math.inf, freedom)
