"""Sets with the pictures of some cases swapped between baseline and candidate: what set metrics share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Difference, Features, Floats, Reference, checked_features

Rows = npt.NDArray[np.int64]


def pooled(before: Features, after: Features, reference: Reference) -> Floats:
    """Features of the baseline, then those of the candidate, `[2 n, d]`.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or other dimensions than the reference has.
    """
    return np.concatenate([checked_features(each, reference.dimensions) for each in (before, after)])


def difference_of(figure: Callable[[Rows], float], cases: Rows) -> Difference:
    """How a figure of some of the pooled rows differs between the two sides.

    Args:
        figure: of the given rows, numbered as in `pooled`.
        cases: `[n]`, the number of each row's case.
    """
    index, count = np.arange(len(cases)), len(cases)

    def difference(swapped: npt.NDArray[np.bool_]) -> float:
        side = swapped[cases]
        return figure(index + count * ~side) - figure(index + count * side)

    return difference


def difference_of_sums(values: Floats, cases: Rows) -> Difference:
    """How a sum over pictures differs between the two sides: a case that is swapped changes its sign.

    Args:
        values: `[2 n]`, what each of the pooled rows adds to the sum of its side.
        cases: `[n]`, the number of each row's case.
    """
    before, after = np.split(values, 2)
    by_case = np.bincount(cases, weights=after - before)
    return lambda swapped: float((1.0 - 2.0 * swapped) @ by_case)
