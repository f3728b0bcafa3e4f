"""Balls around pictures and reference pictures, and who lies in whose.

Every picture has a ball around it that reaches to its fifth nearest neighbour of its own set (Kynkäänniemi et al. 2019,
arXiv 1904.06991), as Naeem et al. 2020 (arXiv 2002.09797) have it for density and coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Floats, Reference
from sdeval.metrics.swaps import Rows

K = 5
"""The neighbour that a ball reaches to."""
BLOCK = 1024
"""Rows whose distances are in memory at a time."""
EQUAL = 1e-12
"""Share of their squared lengths below which two rows are the same: rounding shall not tell equal pictures apart."""

Hits = npt.NDArray[np.bool_]
"""`[n, m]`: whether the ball reaches from picture to reference picture, or the other way round."""
HitsOf = Callable[[Rows], Hits]
"""Hits of the given rows as one set, where only recall changes with what else is in the set."""


def reference_balls(rows: Floats, reference: Reference) -> HitsOf:
    """Whether each picture lies in the ball of each reference picture.

    Args:
        rows: `[any, d]`.
        reference: in the same features, more than `K` pictures.

    Raises:
        ValueError: the reference has no rows.
    """
    radii, others = _reference_radii(reference), reference.all_rows() - reference.mean
    hits = np.concatenate([each <= radii for each in _blocks(rows - reference.mean, others)])
    return lambda chosen: hits[chosen]


def own_balls(rows: Floats, reference: Reference) -> HitsOf:
    """Whether the ball of each picture, among those chosen, holds each reference picture.

    Takes memory for all distances at once; otherwise as `reference_balls`, with more than `K` rows to be chosen.
    """
    centred = rows - reference.mean
    across = _squared_distances(centred, reference.all_rows() - reference.mean)
    within = _squared_distances(centred, centred)
    return lambda chosen: across[chosen] <= _nth(within[np.ix_(chosen, chosen)])[:, None]


@lru_cache(maxsize=4)
def _reference_radii(reference: Reference) -> Floats:
    """Three metrics ask for them, and they are the same for every set: squared, `[m]`."""
    rows = reference.all_rows() - reference.mean
    return np.concatenate([_nth(each) for each in _blocks(rows, rows)])


def _nth(distances: Floats) -> Floats:
    """To the `K`-th nearest other row: the nearest is the row itself."""
    return np.asarray(np.partition(distances, K, axis=1)[:, K])


def _blocks(rows: Floats, others: Floats) -> Iterator[Floats]:
    return (_squared_distances(rows[start : start + BLOCK], others) for start in range(0, len(rows), BLOCK))


def _squared_distances(one: Floats, other: Floats) -> Floats:
    """Of rows `[n, d]` and `[m, d]`: `[n, m]`."""
    lengths = (one * one).sum(axis=1)[:, None] + (other * other).sum(axis=1)
    squares = lengths - 2 * one @ other.T
    return np.where(squares < EQUAL * lengths, 0.0, squares)
