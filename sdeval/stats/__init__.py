"""Tests, intervals and corrections. Pure: values in, values out; no files, no torch, no clock."""

from sdeval.stats.arrays import Floats, Marks
from sdeval.stats.estimates import (
    PRIOR_FREEDOM,
    Estimate,
    Prior,
    Spread,
    between_cases,
    moderated_mean,
    seed_spread,
    stated_mean,
)
from sdeval.stats.multiplicity import adjusted_p, share_of_level
from sdeval.stats.outliers import FEWEST_SEEDS, moderated_variances, p_among_cases, p_among_seeds
from sdeval.stats.permutations import fewest_cases, not_worse_p, sign_flip_p, swap_estimate
from sdeval.stats.power import POWER, detectable_loss, needed_cases, quantile
from sdeval.stats.ranks import FEWEST_RANKED, RANKED_SHARE, ranked_mean

__all__ = [
    "FEWEST_RANKED",
    "FEWEST_SEEDS",
    "POWER",
    "PRIOR_FREEDOM",
    "RANKED_SHARE",
    "Estimate",
    "Floats",
    "Marks",
    "Prior",
    "Spread",
    "adjusted_p",
    "between_cases",
    "detectable_loss",
    "fewest_cases",
    "moderated_mean",
    "moderated_variances",
    "needed_cases",
    "not_worse_p",
    "p_among_cases",
    "p_among_seeds",
    "quantile",
    "ranked_mean",
    "seed_spread",
    "share_of_level",
    "sign_flip_p",
    "stated_mean",
    "swap_estimate",
]
