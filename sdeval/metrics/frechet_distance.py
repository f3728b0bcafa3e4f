"""Fréchet distance: how far the pictures as a set are from reference pictures, in the features of an extractor."""

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
    checked_features,
)
from sdeval.metrics.extractors import load_extractor
from sdeval.metrics.swaps import Rows, difference_of, difference_of_sums, pooled

INFO = MetricInfo(
    name="frechet_distance",
    title="distance of the whole set from real pictures (Fréchet)",
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

    Heusel et al. 2017 (arXiv 1706.08500): `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)`. The trace of the root is the sum
    of the square roots of the eigenvalues of `A C2 Aᵀ`, where `AᵀA = C1`: exact in float64. `A` is the centred features
    themselves where there are fewer pictures than dimensions, which is what makes small sets cheap, and a root of C1
    otherwise. Biased upwards for small n: compare only at equal n.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or another number of dimensions.
    """
    values = checked_features(features, reference.dimensions)
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
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)


def swapped_difference(baseline: Features, candidate: Features, cases: Rows, reference: Reference) -> Difference:
    """Distance of the candidate minus that of the baseline, with marked cases swapped, as `stats.label_swap` asks it.

    What means and spreads add is a sum over pictures, because both sides together are always the same pictures. Only
    the trace of the root is computed for each swap, at the cube of n, d or the reference's rank, whichever is least.

    Args:
        baseline: `[n, d]`.
        candidate: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features.

    Raises:
        ValueError: as `frechet_distance`.
    """
    rows = pooled(baseline, candidate, reference) - reference.mean
    count = len(baseline)
    # (|x|² - |sum of x|² / n²) / (n - 1), where the squares of the sums differ by the product with the sum of all.
    shares = ((rows * rows).sum(axis=1) - rows @ rows.sum(axis=0) / count**2) / (count - 1)
    simple = difference_of_sums(shares, cases)
    roots = difference_of(_roots_of(rows, count, reference), cases)
    return lambda swapped: simple(swapped) - 2 * roots(swapped)


def _roots_of(rows: Floats, count: int, reference: Reference) -> Callable[[Rows], float]:
    """The trace of the root for `count` of the pooled rows `[2 count, d]`; what all choices share is done once."""
    if count <= min(reference.dimensions, reference.count):
        weighted = rows @ reference.covariance @ rows.T
        return lambda chosen: _sum_of_roots(_centred(weighted[np.ix_(chosen, chosen)]) / (count - 1))
    projected = rows @ _root(reference.covariance).T

    def roots(chosen: Rows) -> float:
        centred = projected[chosen] - projected[chosen].mean(axis=0)
        return _sum_of_roots(centred.T @ centred / (count - 1))

    return roots


def _centred(gram: Floats) -> Floats:
    columns = gram.mean(axis=0, keepdims=True)
    return np.asarray(gram - columns - columns.T + gram.mean())


class FrechetDistance:
    """The distance in the features of the suite's extractor."""

    info = INFO

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.version = f"1 {extractor.version}"

    def measure(self, features: Features, reference: Reference) -> float:
        """`frechet_distance`."""
        return frechet_distance(features, reference)

    def swapped(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """`swapped_difference`."""
        return swapped_difference(before, after, cases, reference)


def create(options: MetricOptions) -> SetMetric:
    """With the suite's extractor."""
    return FrechetDistance(load_extractor(options))
