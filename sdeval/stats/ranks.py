"""The signed-rank test: of many cases, most lost, whatever a few of them did."""

from __future__ import annotations

import math

from sdeval.stats.arrays import Floats
from sdeval.stats.estimates import Estimate

FEWEST_RANKED = 12
"""Cases that changed, from which on ranks show more than a mean does."""

RANKED_SHARE = 0.45
"""Of the error level that is spent on ranks, where there are enough cases."""
LEAST_ERROR = 2 / 3
"""Ranks may make a mean surer by this factor, no more: what they show, the 95% bounds of the mean do not contradict."""


def ranked_mean(gains: Floats, error: float) -> Estimate | None:
    """The mean of gains, as sure as the signed ranks of the gains are; None where too few cases changed.

    Few cases that change much swell the error of a mean, and hide that nearly all others lost a little. Ranks do not
    let them (Wilcoxon 1945; exact where nothing changed, as a gain is then as likely to be negative as positive). The
    error is the one with which Student's test of the mean has the p-value of the ranks; where mean and ranks disagree
    in direction, nothing is known.

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
    # Ties make p-values approximate; none is below what signs alone can give.
    t = -float(stdtrit(freedom, max(p_value, 0.5 ** len(changed))))
    return Estimate(mean, max(abs(mean) / t, LEAST_ERROR * error) if t > 0 and mean else math.inf, freedom)
