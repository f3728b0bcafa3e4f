"""Monge Inception Distance (MIND): how far images must move to become the reference images, direction by direction."""

from __future__ import annotations

import math
from functools import lru_cache

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
from sdeval.metrics.features.registry import EXTRACTOR_LICENCE, EXTRACTOR_WEIGHTS, load_extractor
from sdeval.metrics.sets.swaps import Rows, difference_of, pool

DIRECTIONS = 1000
"""As many as the authors recommend at most; the same ones in every run."""
SWAPPED_VALUES = 2**16
"""Values of a set, over all directions, that each swap of a test looks at: with 64 images all directions, with more
images fewer of them. Any statistic makes a valid test."""
INFO = MetricInfo(
    name="mind",
    title="MIND",
    explanation="How far the images as a set are from the reference images, whatever the shape of either set.",
    unit="",
    higher_is_better=False,
    tolerance=0.10,
    tolerance_is_relative=True,
    scope="set",
    range=(0.0, math.inf),
    needs=("references",),
    formula=(
        "3 d · mean over 1,000 random directions of the squared 2-Wasserstein distance of the features of dimension d, "
        "projected on the direction"
    ),
    paper="Berthet et al. 2026, arXiv 2605.06797, there with the extractor inception",
    weights=EXTRACTOR_WEIGHTS,
    licence=EXTRACTOR_LICENCE,
    blind_to=(
        "single bad images, and whether an image fits its prompt; few images raise it, so compare only at equal numbers"
    ),
)


def mind(features: Features, reference: Reference) -> float:
    """`3 d / M` times the sum over M directions of the squared 2-Wasserstein distance of projections; 0 and above.

    Berthet et al. 2026 (arXiv 2605.06797). On a line, the distance is that of the sorted values; it is exact for
    sets of different sizes as well. A shift of all features by a vector c gives 3 |c|² on average over directions.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features, with its rows.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, other dimensions, or a reference without rows.
    """
    values = check_features(features, reference.dimensions)
    targets = _projected_reference(reference)
    return _distance(np.sort(values @ directions(reference.dimensions), axis=0), targets, reference.dimensions)


@lru_cache(maxsize=4)
def directions(dimensions: int) -> Floats:
    """Random unit vectors, `[d, 1000]`; the same for the same d."""
    vectors = np.random.default_rng(0).normal(size=(dimensions, DIRECTIONS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))


@lru_cache(maxsize=4)
def _projected_reference(reference: Reference) -> Floats:
    """The rows of the reference on each direction, sorted, `[m, 1000]`."""
    return np.asarray(np.sort(reference.all_rows() @ directions(reference.dimensions), axis=0))


def _distance(values: Floats, targets: Floats, dimensions: int) -> float:
    """3 d times the mean squared distance of sorted values `[n, M]` from sorted targets `[m, M]`."""
    weights, own, other = _pairing(len(values), len(targets))
    squares = np.square(values[own] - targets[other]).mean(axis=1)
    return float(3 * dimensions * (weights @ squares))


@lru_cache(maxsize=16)
def _pairing(count: int, other_count: int) -> tuple[Floats, Rows, Rows]:
    """Which part of the mass goes from which sorted value to which target: shares, and the numbers of both."""
    total = math.lcm(count, other_count)
    step, other_step = total // count, total // other_count
    starts = np.union1d(np.arange(count) * step, np.arange(other_count) * other_step)
    shares = np.diff(np.append(starts, total)) / total
    return shares, starts // step, starts // other_step


def swapped_difference(before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
    """Value of the candidate minus that of the baseline, with the images of marked cases swapped.

    All rows are sorted once; each swap only picks those of a side, in their order.

    Args:
        before: `[n, d]`.
        after: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features, with its rows.

    Raises:
        ValueError: as `mind`.
    """
    rows = pool(before, after, reference)
    count = len(before)
    used = min(DIRECTIONS, max(64, SWAPPED_VALUES // count))
    projected = (rows @ directions(reference.dimensions)[:, :used]).T
    order = np.argsort(projected, axis=1)
    values = np.take_along_axis(projected, order, axis=1)
    # |x - y|² is x² - 2 x y + y², where only the product depends on which target a value goes to.
    squares = np.square(projected).sum(axis=0)
    targets = _slices(count, _projected_reference(reference)[:, :used]).T

    def value(chosen: Rows) -> float:
        is_chosen = np.zeros(2 * count, dtype=bool)
        is_chosen[chosen] = True
        products = np.vdot(values[is_chosen[order]].reshape(used, count), targets)
        return float(3 * reference.dimensions * (squares[chosen].sum() / count - 2 * products) / used)

    return difference_of(value, cases)


def _slices(count: int, targets: Floats) -> Floats:
    """Of sorted targets `[m, M]`, the share that each of `count` sorted values goes to, summed: `[count, M]`."""
    shares, own, other = _pairing(count, len(targets))
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    return np.asarray(np.add.reduceat(shares[:, None] * targets[other], starts, axis=0))


class Mind:
    """The distance in the features of an extractor."""

    info = INFO

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.version = f"1 {DIRECTIONS} directions {extractor.version}"

    def measure(self, features: Features, reference: Reference) -> float:
        """`mind`."""
        return mind(features, reference)

    def swap_difference(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """`swapped_difference`."""
        return swapped_difference(before, after, cases, reference)


def create(options: MetricOptions) -> SetMetric:
    """Create the metric with the suite's extractor."""
    return Mind(load_extractor(options))
