"""Squared maximum mean discrepancy between two sets of features, without bias, for any kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Difference, Extractor, Features, Floats, MetricInfo, Reference, check_features
from sdeval.metrics.sets.swaps import Rows, difference_of_sums, pool

LARGEST = 1e4
"""Feature up to which single precision is used: the cube of a product of two features does not overflow."""

Values = npt.NDArray[np.float32] | Floats
Kernel = Callable[[Values, Values], Values]
"""Kernel values `[n, m]` of rows `[n, d]` and `[m, d]`, in their precision."""
SCALE = 1000
"""Factor of the values, as usual in tables."""
BLOCK = 1024
"""Rows whose kernel values are in memory at a time."""
SINGLE_FROM = 2**26
"""Multiplications from which kernel values are computed in single precision, and summed in double. A mean of so many
values is then wrong by about 1e-8 of itself; the smallest tolerance of a metric is 5e-5."""


def squared_mmd(features: Features, reference: Reference, kernel: Kernel) -> float:
    """Unbiased estimate of the squared distance between two mean embeddings.

    Gretton et al. 2012 (JMLR 13:723-773), equation 3: `mean k(x, x') + mean k(y, y') - 2 mean k(x, y)`, where the
    first two means leave out the products of a row with itself. Its expected value is 0 where both sets come from the
    same distribution, at any n, so that it can be negative.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features; every row of it is needed.
        kernel: a symmetric kernel; its mean over the reference is cached for the next call with the same reference.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, other dimensions, or a reference without rows.
    """
    rows = check_features(features, reference.dimensions)
    across = _row_sums(rows, reference.all_rows(), kernel).mean() / reference.count
    return _mean_of_pairs(rows, kernel) + _reference_mean(reference, kernel) - 2 * float(across)


def swapped_difference(
    baseline: Features, candidate: Features, cases: Rows, reference: Reference, kernel: Kernel
) -> Difference:
    """Value of the candidate minus that of the baseline, with marked cases swapped; each call costs one sum of cases.

    With `s` 1 for rows on one side and 0 on the other, `sᵀKs - (1-s)ᵀK(1-s)` is `Σ (2s-1) K1`: both sides together are
    always the same images, so the difference is a sum over them.

    Args:
        baseline: `[n, d]`.
        candidate: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features.
        kernel: as for `squared_mmd`.

    Raises:
        ValueError: as `squared_mmd`.
    """
    rows, count = pool(baseline, candidate, reference), len(baseline)
    within = _sums_with_others(rows, kernel) / (count * (count - 1))
    across = _row_sums(rows, reference.all_rows(), kernel) / (count * reference.count)
    return difference_of_sums(within - 2 * across, cases)


@lru_cache(maxsize=16)
def _reference_mean(reference: Reference, kernel: Kernel) -> float:
    """Mean kernel value of the reference: the slowest part, and the same for every set compared with the reference."""
    return _mean_of_pairs(reference.all_rows(), kernel)


def _mean_of_pairs(rows: Floats, kernel: Kernel) -> float:
    return float(_sums_with_others(rows, kernel).mean() / (len(rows) - 1))


def _row_sums(rows: Floats, columns: Floats, kernel: Kernel) -> Floats:
    left, right = _as_precise_as_needed(rows, columns)
    blocks = (kernel(left[start : start + BLOCK], right) for start in range(0, len(rows), BLOCK))
    return np.concatenate([block.sum(axis=1, dtype=np.float64) for block in blocks])


def _sums_with_others(rows: Floats, kernel: Kernel) -> Floats:
    """For each row the sum of its kernel values with all rows but itself, `[n]`; each pair is computed once."""
    values, _ = _as_precise_as_needed(rows, rows)
    sums = np.zeros(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = kernel(values[start : start + BLOCK], values[start:])
        sums[start : start + BLOCK] += block.sum(axis=1, dtype=np.float64) - block.diagonal()
        sums[start + BLOCK :] += block[:, BLOCK:].sum(axis=0, dtype=np.float64)
    return sums


def _as_precise_as_needed(rows: Floats, columns: Floats) -> tuple[Values, Values]:
    is_small = len(rows) * columns.size < SINGLE_FROM
    if is_small or max(rows.max(), -rows.min(), columns.max(), -columns.min()) > LARGEST:
        return rows, columns
    return rows.astype(np.float32), columns.astype(np.float32)


class KernelMetric:
    """A squared distance by a kernel, times 1000 as tables print it, in the features of an extractor."""

    def __init__(self, info: MetricInfo, kernel: Kernel, extractor: Extractor) -> None:
        self.info = info
        self.extractor = extractor
        self.version = f"1 {extractor.version}"
        self._kernel = kernel

    def measure(self, features: Features, reference: Reference) -> float:
        """`squared_mmd` at the metric's scale."""
        return SCALE * squared_mmd(features, reference, self._kernel)

    def swap_difference(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """`swapped_difference` at the metric's scale."""
        difference = swapped_difference(before, after, cases, reference, self._kernel)
        return lambda swapped: SCALE * difference(swapped)
