"""Sets with the images of some cases swapped between baseline and candidate; used by all set metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Difference, Features, Floats, Reference, check_features

Rows = npt.NDArray[np.int64]
LEAN = 3.0
"""How far the swap to which a weight is fitted leans to one side: in standard deviations of the sum over swaps."""


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
    by_case = _by_case(values, cases)
    return lambda swapped: float((1.0 - 2.0 * swapped) @ by_case)


def fit_weight(exact: Difference, shares: Floats, cases: Rows) -> float:
    """The factor with which a sum over images replaces a slow difference: their ratio at one swap.

    Most random swaps change a sum so little that other effects outweigh it. In this swap, each case is therefore more
    likely to have its larger share in the baseline, so that the sum lies `LEAN` standard deviations away from zero,
    which shows the factor as well as `LEAN²` random swaps would. The same images are on the same sides if the data are
    already swapped. The factor therefore carries no information about which swap was observed, and a permutation test
    with it stays valid.

    Args:
        exact: the difference to replace; called once, in this function.
        shares: what each of the pooled rows adds to the sum of its side, `[2 n]`.
        cases: `[n]`, the number of each row's case.
    """
    by_case = _by_case(shares, cases)
    highest = np.abs(by_case).sum()
    lean = min(1.0, LEAN * float(np.linalg.norm(by_case)) / highest) if highest else 1.0
    # The seed differs from that of the test, whose swaps these are not.
    swapped = (by_case > 0) ^ (np.random.default_rng(1).random(len(by_case)) < (1 - lean) / 2)
    total = difference_of_sums(shares, cases)(swapped)
    return exact(swapped) / total if total else 0.0


def _by_case(values: Floats, cases: Rows) -> Floats:
    before, after = np.split(values, 2)
    return np.asarray(np.bincount(cases, weights=after - before), dtype=np.float64)
