"""Sets with the images of some cases swapped between baseline and candidate: what set metrics share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Difference, Features, Floats, Reference, checked_features

Rows = npt.NDArray[np.int64]
FITTED_TO = 20
"""Random swaps by which a sum is fitted to the difference that it stands for."""


def pooled(before: Features, after: Features, reference: Reference) -> Floats:
    """Features of the baseline, then those of the candidate, `[2 n, d]`.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or other dimensions than the reference has.
    """
    return np.concatenate([checked_features(each, reference.dimensions) for each in (before, after)])


def difference_of(value: Callable[[Rows], float], cases: Rows) -> Difference:
    """How a value of some of the pooled rows differs between the two sides.

    Args:
        value: of the given rows, numbered as in `pooled`.
        cases: `[n]`, the number of each row's case.
    """
    index, count = np.arange(len(cases)), len(cases)

    def difference(swapped: npt.NDArray[np.bool_]) -> float:
        side = swapped[cases]
        return value(index + count * ~side) - value(index + count * side)

    return difference


def difference_of_sums(values: Floats, cases: Rows) -> Difference:
    """How a sum over images differs between the two sides: a case that is swapped changes its sign.

    Args:
        values: `[2 n]`, what each of the pooled rows adds to the sum of its side.
        cases: `[n]`, the number of each row's case.
    """
    before, after = np.split(values, 2)
    by_case = np.bincount(cases, weights=after - before)
    return lambda swapped: float((1.0 - 2.0 * swapped) @ by_case)


def fitted(exact: Difference, parts: Sequence[Floats], cases: Rows) -> Difference:
    """A sum over images in place of a difference that takes long, by least squares over `FITTED_TO` random swaps.

    A random swap of data that are swapped already is just another random swap: under no change the fit says nothing of
    which swap was observed, and a test by swaps stays valid with it.

    Args:
        exact: what is stood for; called `FITTED_TO` times, here.
        parts: what each of the pooled rows may add to its side, `[2 n]` each; only their weights are fitted.
        cases: `[n]`, the number of each row's case.
    """
    # Other swaps than those of the test, which generates from another seed.
    swaps = np.random.default_rng(FITTED_TO).random((FITTED_TO, cases.max() + 1)) < 0.5
    found = np.array([[difference_of_sums(part, cases)(swapped) for part in parts] for swapped in swaps])
    weights = np.linalg.lstsq(found, np.array([exact(swapped) for swapped in swaps]))[0]
    return difference_of_sums(weights @ np.array(parts), cases)
