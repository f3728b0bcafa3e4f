"""Balls around images and reference images, and who lies in whose.

Every image has a ball around it that reaches to its fifth nearest neighbour of its own set (Kynkäänniemi et al. 2019,
arXiv 1904.06991), as Naeem et al. 2020 (arXiv 2002.09797) have it for density and coverage.
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
"""The neighbour that a ball reaches to."""
BLOCK = 1024
"""Rows whose distances are in memory at a time."""
EQUAL = 1e-12
"""Share of their squared lengths below which two rows are the same: rounding shall not tell equal images apart."""

NEAREST = 40
"""Neighbours that are kept of each row: of any half of the rows, five are all but sure to be among them."""

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
    return (each <= radii for each in _blocks(rows - reference.mean, others))


def reached_in_reference_balls(rows: Floats, reference: Reference) -> Reached:
    """Reference images in whose ball any image lies; as `reference_balls`."""
    packed = np.concatenate([np.packbits(each, axis=1) for each in reference_balls(rows, reference)])
    return lambda chosen: _any_of(packed[chosen], reference.count)


def reached_by_own_balls(rows: Floats, reference: Reference) -> Reached:
    """Reference images that lie in the ball of any image; as `reference_balls`, with more than `K` rows chosen.

    A ball changes with the rows that are chosen. What it holds is therefore found once for every neighbour that it may
    reach to, one bit for each reference image: `any (NEAREST - K) m / 8` bytes.
    """
    centred, others = rows - reference.mean, reference.all_rows() - reference.mean
    near, radii = _nearest(centred)
    packed = _held(centred, others, radii[:, K:])

    def reached(chosen: Rows) -> npt.NDArray[np.bool_]:
        among = np.zeros(len(rows), dtype=bool)
        among[chosen] = True
        enough = among[near[chosen]].cumsum(axis=1)[:, K:] > K
        known = enough[:, -1]
        found = _any_of(packed[chosen[known], enough[known].argmax(axis=1)], reference.count)
        # Too few of the chosen are on the list of these: their balls reach further than it, and are measured again.
        rest = centred[chosen[~known]]
        for start in range(0, len(rest), BLOCK):
            within, across = (
                _squared_distances(rest[start : start + BLOCK], each) for each in (centred[chosen], others)
            )
            found |= (across <= _nth(within)[:, None]).any(axis=0)
        return found

    return reached


def _any_of(packed: Bits, count: int) -> npt.NDArray[np.bool_]:
    """Which of `count` bits are set in any of the rows `[n, count / 8]`."""
    return np.unpackbits(np.bitwise_or.reduce(packed), count=count).astype(bool)


def _nearest(rows: Floats) -> tuple[Rows, Floats]:
    """Numbers and squared distances of the rows nearest to each, itself counted in, `[n, NEAREST]`."""
    most = min(NEAREST, len(rows))
    numbers, distances = [], []
    for each in _blocks(rows, rows):
        some = np.argpartition(each, most - 1, axis=1)[:, :most]
        order = np.take_along_axis(some, np.take_along_axis(each, some, axis=1).argsort(axis=1), axis=1)
        numbers.append(order)
        distances.append(np.take_along_axis(each, order, axis=1))
    return np.concatenate(numbers), np.concatenate(distances)


def _held(rows: Floats, others: Floats, radii: Floats) -> Bits:
    """Which other rows lie within each of a row's radii `[n, r]`: `[n, r, m / 8]`."""
    held = np.empty((*radii.shape, math.ceil(len(others) / 8)), dtype=np.uint8)
    for number, each in enumerate(_blocks(rows, others)):
        part = slice(number * BLOCK, number * BLOCK + len(each))
        for place, radius in enumerate(radii[part].T):
            held[part, place] = np.packbits(each <= radius[:, None], axis=1)
    return held


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
