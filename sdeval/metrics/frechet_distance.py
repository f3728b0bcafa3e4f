"""Fréchet distance: how far the pictures as a set are from reference pictures, in the features of an extractor."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
    of the square roots of the eigenvalues of `A C2 Aᵀ`, where `AᵀA = C1`: exact in float64, and cheap where there are
    fewer pictures than dimensions. Biased upwards for small n: compare only at equal n.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or another number of dimensions.
    """
    values = checked_features(features, len(reference.mean))
    mean = values.mean(axis=0)
    centred = (values - mean) / np.sqrt(len(values) - 1)
    root = _trace_of_root(centred @ reference.covariance @ centred.T)
    spread = (centred * centred).sum() + np.trace(reference.covariance)
    return float(((mean - reference.mean) ** 2).sum() + spread - 2 * root)


def _trace_of_root(gram: Floats) -> float:
    return float(np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0.0, None)).sum())


def swapped_difference(
    baseline: Features, candidate: Features, cases: npt.NDArray[np.int64], reference: Reference
) -> Difference:
    """Distance of the candidate minus that of the baseline, with marked cases swapped, as `stats.label_swap` asks it.

    Works on inner products of all rows, made once: each call then costs `n` cubed instead of `n n d`.

    Args:
        baseline: `[n, d]`.
        candidate: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features.
    """
    count = len(baseline)
    rows = np.concatenate([checked_features(baseline), checked_features(candidate)]) - reference.mean
    plain = rows @ rows.T
    weighted = rows @ reference.covariance @ rows.T

    def distance(chosen: npt.NDArray[np.int64]) -> float:
        block = np.ix_(chosen, chosen)
        products = plain[block]
        # Mean of all inner products: the squared distance of the means. The trace of the rest: the spread.
        between = products.mean()
        spread = (np.trace(products) - count * between) / (count - 1)
        return float(between + spread - 2 * _trace_of_root(_centred(weighted[block]) / (count - 1)))

    def difference(swapped: npt.NDArray[np.bool_]) -> float:
        side = swapped[cases]
        index = np.arange(count)
        return distance(index + count * ~side) - distance(index + count * side)

    return difference


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

    def swapped(
        self, before: Features, after: Features, cases: npt.NDArray[np.int64], reference: Reference
    ) -> Difference:
        """`swapped_difference`."""
        return swapped_difference(before, after, cases, reference)


def create(options: MetricOptions) -> SetMetric:
    """With the suite's extractor."""
    return FrechetDistance(load_extractor(options))
