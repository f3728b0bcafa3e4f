"""Sets with the images of some cases swapped between baseline and candidate; used by all set metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Difference, Features, Floats, Reference, check_features

Rows = npt.NDArray[np.int64]
FITTED_TO = 20
"""Number of random swaps on which a sum is fitted to the difference that it replaces."""


def pool(before: Features, after: Features, reference: Reference) -> Floats:
    """Features of the baseline, then those of the candidate, `[2 n, d]`.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or other dimensions than the reference has.
    """
    return np.concatenate([check_features(features, reference.dimensions) for features in (before, after)])


def difference_of(value: Callable[[Rows], float], cases: Rows) -> Difference:
    """How a value of a subset of the pooled rows differs between the two sides.

    Args:
        value: function of the numbers of the rows, in the order of `pool`.
        cases: `[n]`, the number of each row's case.
    """
    index, count = np.arange(len(cases)), len(cases)

    def difference(swapped: npt.NDArray[np.bool_]) -> float:
        side = swapped[cases]
        return value(index + count * ~side) - value(index + count * side)

    return difference


def difference_of_sums(values: Floats, cases: Rows) -> Difference:
    """How a sum over images differs between the two sides: swapping a case changes the sign of its part.

    Args:
        values: `[2 n]`, what each of the pooled rows adds to the sum of its side.
        cases: `[n]`, the number of each row's case.
    """
    before, after = np.split(values, 2)
    by_case = np.bincount(cases, weights=after - before)
    return lambda swapped: float((1.0 - 2.0 * swapped) @ by_case)


def fit(exact: Difference, parts: Sequence[Floats], cases: Rows) -> Difference:
    """A sum over images that replaces a slow difference, fitted by least squares over `FITTED_TO` random swaps.

    A random swap of data that are already swapped is another random swap. If nothing has changed, the fit therefore
    carries no information about which swap was observed, and a permutation test with it stays valid.

    Args:
        exact: the difference to replace; called `FITTED_TO` times, in this function.
        parts: what each of the pooled rows can add to its side, `[2 n]` each; only the weights of the parts are fitted.
        cases: `[n]`, the number of each row's case.
    """
    # These swaps differ from those of the test, which uses another seed.
    swaps = np.random.default_rng(FITTED_TO).random((FITTED_TO, cases.max() + 1)) < 0.5
    part_differences = np.array([[difference_of_sums(part, cases)(swapped) for part in parts] for swapped in swaps])
    weights = np.linalg.lstsq(part_differences, np.array([exact(swapped) for swapped in swaps]))[0]
    return difference_of_sums(weights @ np.array(parts), cases)
