"""Balls around images and reference images in feature space, and which points lie in which balls.

The ball around an image reaches to its fifth nearest neighbour in its own set (Kynkäänniemi et al. 2019, arXiv
1904.06991). Naeem et al. 2020 (arXiv 2002.09797) define density and coverage with the same balls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Floats, Reference
from sdeval.metrics.sets.swaps import Rows

K = 5
"""A ball reaches to the neighbour of this rank."""
BLOCK = 1024
"""Rows whose distances are in memory at a time."""
EQUAL = 1e-12
"""Two rows closer than this share of their squared lengths count as equal, so that rounding makes no difference."""

NEAREST = 40
"""Neighbours stored for each row: in any half of the rows, five of them almost certainly occur."""

Hits = npt.NDArray[np.bool_]
"""`[n, m]`: whether each image lies in the ball of each reference image."""
Bits = npt.NDArray[np.uint8]
Reached = Callable[[Rows], npt.NDArray[np.bool_]]
"""Which reference images, `[m]`, the given rows reach as one set."""


def reference_balls(rows: Floats, reference: Reference) -> Iterator[Hits]:
    """Whether each image lies in the ball of each reference image, block by block of the images.

    Args:
        rows: `[any, d]`.
        reference: in the same features, more than `K` images.

    Raises:
        ValueError: the reference has no rows.
    """
    radii, others = _reference_radii(reference), reference.all_rows() - reference.mean
    return (distances <= radii for distances in _blocks(rows - reference.mean, others))


def reached_in_reference_balls(rows: Floats, reference: Reference) -> Reached:
    """Reference images in whose ball any image lies; arguments as for `reference_balls`."""
    packed = np.concatenate([np.packbits(hits, axis=1) for hits in reference_balls(rows, reference)])
    return lambda chosen: _any_of(packed[chosen], reference.count)


def reached_by_own_balls(rows: Floats, reference: Reference) -> Reached:
    """Reference images that lie in the ball of any image; as `reference_balls`, with more than `K` rows chosen.

    A ball changes with the rows that are chosen. Its content is therefore computed once for every neighbour that it
    can reach to, one bit for each reference image: `any (NEAREST - K) m / 8` bytes.
    """
    centred, reference_rows = rows - reference.mean, reference.all_rows() - reference.mean
    near, radii = _nearest(centred)
    packed = _rows_in_balls(centred, reference_rows, radii[:, K:])

    def reached(chosen: Rows) -> npt.NDArray[np.bool_]:
        is_chosen = np.zeros(len(rows), dtype=bool)
        is_chosen[chosen] = True
        reaches_k = is_chosen[near[chosen]].cumsum(axis=1)[:, K:] > K
        is_listed = reaches_k[:, -1]
        is_reached = _any_of(packed[chosen[is_listed], reaches_k[is_listed].argmax(axis=1)], reference.count)
        # Fewer than K stored neighbours of these rows are chosen, so their balls reach further: measure them again.
        unlisted = centred[chosen[~is_listed]]
        for start in range(0, len(unlisted), BLOCK):
            within, across = (
                _squared_distances(unlisted[start : start + BLOCK], rows_to)
                for rows_to in (centred[chosen], reference_rows)
            )
            is_reached |= (across <= _nth(within)[:, None]).any(axis=0)
        return is_reached

    return reached


def _any_of(packed: Bits, count: int) -> npt.NDArray[np.bool_]:
    """Which of `count` bits are set in any of the rows `[n, count / 8]`."""
    return np.unpackbits(np.bitwise_or.reduce(packed), count=count).astype(bool)


def _nearest(rows: Floats) -> tuple[Rows, Floats]:
    """Numbers and squared distances of the rows nearest to each row, itself included, `[n, NEAREST]`."""
    count = min(NEAREST, len(rows))
    numbers, distances = [], []
    for block in _blocks(rows, rows):
        candidates = np.argpartition(block, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(candidates, np.take_along_axis(block, candidates, axis=1).argsort(axis=1), axis=1)
        numbers.append(order)
        distances.append(np.take_along_axis(block, order, axis=1))
    return np.concatenate(numbers), np.concatenate(distances)


def _rows_in_balls(rows: Floats, targets: Floats, radii: Floats) -> Bits:
    """Which of the target rows lie within each radius `[n, r]` of a row: `[n, r, m / 8]`."""
    packed = np.empty((*radii.shape, math.ceil(len(targets) / 8)), dtype=np.uint8)
    for number, block in enumerate(_blocks(rows, targets)):
        block_rows = slice(number * BLOCK, number * BLOCK + len(block))
        for column, radius in enumerate(radii[block_rows].T):
            packed[block_rows, column] = np.packbits(block <= radius[:, None], axis=1)
    return packed


@lru_cache(maxsize=4)
def _reference_radii(reference: Reference) -> Floats:
    """Squared radii of the reference balls, `[m]`; cached, because three metrics use them for every set."""
    rows = reference.all_rows() - reference.mean
    return np.concatenate([_nth(block) for block in _blocks(rows, rows)])


def _nth(distances: Floats) -> Floats:
    """Squared distance to the `K`-th nearest other row; the nearest row is the row itself."""
    return np.asarray(np.partition(distances, K, axis=1)[:, K])


def _blocks(rows: Floats, targets: Floats) -> Iterator[Floats]:
    return (_squared_distances(rows[start : start + BLOCK], targets) for start in range(0, len(rows), BLOCK))


def _squared_distances(rows: Floats, targets: Floats) -> Floats:
    """Squared distances between rows `[n, d]` and `[m, d]`: `[n, m]`."""
    lengths = (rows * rows).sum(axis=1)[:, None] + (targets * targets).sum(axis=1)
    squares = lengths - 2 * rows @ targets.T
    return np.where(squares < EQUAL * lengths, 0.0, squares)
