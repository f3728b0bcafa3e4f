"""Fréchet distance of the images, as a set, from reference images, in the features of an extractor."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sdeval.metrics.base import (
    Difference,
    Extractor,
    Features,
    Floats,
    MetricInfo,
    MetricOptions,
    Reference,
    SetMetric,
    check_features,
)
from sdeval.metrics.features.registry import load_extractor
from sdeval.metrics.sets.swaps import Rows, difference_of, difference_of_sums, fit, pool

EXACT_UP_TO = 2**24
"""Highest cost of a swap for which the difference is computed exactly: n times the square of n, or of the reference's
rank if that is smaller. 256 images in any features, or 4096 in 64 dimensions, take 5 ms on one core."""
INFO = MetricInfo(
    name="frechet_distance",
    title="distance of the whole set from real images (Fréchet)",
    unit="",
    higher_is_better=False,
    tolerance=0.10,
    tolerance_is_relative=True,
    scope="set",
    range=(-1e-3, math.inf),
    needs=("references",),
)


def frechet_distance(features: Features, reference: Reference) -> float:
    """Squared Fréchet distance between two Gaussians fitted to features; 0 and above, lower is better.

    `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)`: Dowson and Landau 1982 (J. Multivariate Analysis 12:450-455), used on
    features by Heusel et al. 2017 (arXiv 1706.08500). The trace of the root is the sum of the square roots of the
    eigenvalues of `A C2 Aᵀ`, where `AᵀA = C1`: exact in float64. `A` is the centred features themselves where there are
    fewer images than dimensions, which makes small sets fast, and a root of C1 otherwise. Biased upwards for small n:
    compare only at equal n.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or another number of dimensions.
    """
    values = check_features(features, reference.dimensions)
    mean = values.mean(axis=0)
    centred = (values - mean) / np.sqrt(len(values) - 1)
    rows = centred if len(values) <= reference.dimensions else _root(centred.T @ centred)
    roots = _sum_of_roots(rows @ reference.covariance @ rows.T)
    spread = (centred * centred).sum() + np.trace(reference.covariance)
    return float(((mean - reference.mean) ** 2).sum() + spread - 2 * roots)


def _sum_of_roots(gram: Floats) -> float:
    return float(np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0.0, None)).sum())


def _root(covariance: Floats) -> Floats:
    """Rows `[rank, d]` whose products `rowsᵀ rows` are the covariance `[d, d]`."""
    values, vectors = np.linalg.eigh(covariance)
    positive = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.asarray((vectors[:, positive] * np.sqrt(values[positive])).T)


def swapped_difference(baseline: Features, candidate: Features, cases: Rows, reference: Reference) -> Difference:
    """Distance of the candidate minus that of the baseline, with marked cases swapped, as `stats.label_swap` needs it.

    The part that depends on means and spreads is a sum over images, because both sides together are always the same
    images. The trace of the root is computed exactly for each swap where that is fast (`EXACT_UP_TO`). For larger
    sets, its linear approximation around all images together is a sum over images as well, and both sums are fitted to
    the exact difference of a few swaps. A permutation test is valid with any statistic. Its power is that of the exact
    statistic, except where a direction loses all of its spread: there the root is steepest, and the test is weaker.

    Args:
        baseline: `[n, d]`.
        candidate: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features.

    Raises:
        ValueError: as `frechet_distance`.
    """
    rows = pool(baseline, candidate, reference) - reference.mean
    count, rank = len(baseline), min(reference.dimensions, reference.count - 1)
    # (|x|² - |sum of x|² / n²) / (n - 1), where the squares of the sums differ by the product with the sum of all.
    shares = ((rows * rows).sum(axis=1) - rows @ rows.sum(axis=0) / count**2) / (count - 1)
    sum_part = difference_of_sums(shares, cases)

    def exact(trace_of_root: Callable[[Rows], float]) -> Difference:
        roots = difference_of(trace_of_root, cases)
        return lambda swapped: sum_part(swapped) - 2 * roots(swapped)

    is_cheap = count * min(count, rank) ** 2 <= EXACT_UP_TO
    if is_cheap and count <= rank:
        weighted = rows @ reference.covariance @ rows.T / (count - 1)
        return exact(lambda chosen: _sum_of_roots(_centre_gram(weighted[np.ix_(chosen, chosen)])))
    projected = rows @ _root(reference.covariance).T / np.sqrt(count - 1)
    difference = exact(lambda chosen: _trace_of_root(projected[chosen]))
    return difference if is_cheap else fit(difference, (shares, _root_shares(projected)), cases)


def _centre_gram(gram: Floats) -> Floats:
    columns = gram.mean(axis=0, keepdims=True)
    return np.asarray(gram - columns - columns.T + gram.mean())


def _trace_of_root(rows: Floats) -> float:
    """`tr (C Cᵀ)^½` of the centred rows C `[n, rank]`, by whichever of the two products is smaller."""
    centred = rows - rows.mean(axis=0)
    return _sum_of_roots(centred @ centred.T if len(rows) <= rows.shape[1] else centred.T @ centred)


def _root_shares(rows: Floats) -> Floats:
    """What each of the pooled rows `[2 n, rank]` adds to the trace of the root of its side, up to a common factor.

    With M = ZᵀZ the trace of the root is `tr M^½`, and `d tr M^½ = ½ tr(M^-½ dM)`. If rows are centred around the mean
    of all rows, each adds its `z zᵀ` to the M of its side, and the means of the two sides subtract the same amount,
    because they are opposite. So a row changes the trace by `½ zᵀ M^-½ z`, where M is that of all rows, which no swap
    changes. With `Z = U S Vᵀ` that is half of `Σ U² S`. This holds even where M has no inverse, because every row lies
    in the span of Z.
    """
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return np.asarray(left * left @ values)


class FrechetDistance:
    """The distance in the features of the suite's extractor."""

    info = INFO

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.version = f"1 {extractor.version}"

    def measure(self, features: Features, reference: Reference) -> float:
        """`frechet_distance`."""
        return frechet_distance(features, reference)

    def swap_difference(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """`swapped_difference`."""
        return swapped_difference(before, after, cases, reference)


def create(options: MetricOptions) -> SetMetric:
    """Create the metric with the suite's extractor."""
    return FrechetDistance(load_extractor(options))
