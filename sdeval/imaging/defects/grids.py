"""Measures of artificial lines: seams between tiles, and a grid of patches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdeval.imaging.defects.noise import SMALL
from sdeval.imaging.io import Pixels

Steps = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

CUT = 24
"""Steps between neighbouring pixels count up to this many levels: larger ones are edges of things."""
SEGMENT = 32
"""Length of the pieces of a line whose steps are compared one by one, in pixels."""
NEAR = 8
"""Lines on each side of a line that it is compared with."""
SHARP = 2.5
"""A piece of a seam has a step this many times as large as its neighbour lines."""
STEEP = 21.0
"""A mean step above this many levels is an edge of something."""
MANY_STEEP = 0.35
"""A line of which this part is steep is an edge between two images."""
MARGIN = 16
"""Lines within this part (one over it) of the width from an edge are those of a frame."""
PLAIN = 0.02
"""On a side with less texture than this many levels a step is the edge of a plain area."""
PERIODS = (8, 16, 32)
"""Edges of patches that are looked for, in pixels: of a VAE's cell, and of two and four of them."""


FEWEST_PATCHES = 100
"""In each half of an image; with fewer, their mean is not 0 by chance alone."""


@dataclass(frozen=True, slots=True)
class Grids:
    """What `Measures` holds of seams and grids; explained there."""

    seam_column: float
    seam_column_at: float
    seam_row: float
    seam_row_at: float
    pattern: float
    pattern_period: int
    blocks_8: float
    blocks_16: float


def measure_grids(grey: Pixels) -> Grids:
    """Seams and grids of an image, from its grey levels `[height, width]`; none in one that is small."""
    if min(grey.shape) < SMALL:
        return Grids(0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)
    along, down = _steps(grey), _steps(np.ascontiguousarray(grey.T))
    column, column_at = _strongest_seam(along)
    row, row_at = _strongest_seam(down)
    patterns = _periodic(_fold(along), _fold(down), grey.size)
    blocks = _periodic(_fold(np.abs(along)), _fold(np.abs(down)), grey.size, axis=0)
    strongest = max(PERIODS, key=lambda period: patterns[period])
    return Grids(
        seam_column=column,
        seam_column_at=column_at,
        seam_row=row,
        seam_row_at=row_at,
        pattern=patterns[strongest],
        pattern_period=strongest,
        blocks_8=blocks[8],
        blocks_16=max(blocks[16], blocks[32]),
    )


def _steps(grey: Pixels) -> Steps:
    """Steps from every pixel to the next in its row, cut at ±`CUT` levels; `[height, width - 1]`."""
    difference = np.subtract(grey[:, 1:], grey[:, :-1], dtype=np.int16)
    return np.clip(difference, -CUT, CUT, out=difference).astype(np.int8)


def _strongest_seam(steps: Steps) -> tuple[float, float]:
    """Strength of the strongest seam in levels, and where it is, 0 to 1.

    The strength is the step in those pieces of a line where it is larger than in the lines on both sides, which need
    some texture, and where the next piece has a step of the same sign: the mean over the line of the smaller of both
    steps, 0 for other pieces. Lines near an edge are left out.
    """
    rows, lines = steps.shape
    count = rows // SEGMENT
    sums = steps[: count * SEGMENT].reshape(count, SEGMENT, lines).sum(axis=1, dtype=np.int16)
    means = sums.astype(np.float32) / SEGMENT
    # A slope, which has the same step on both sides, is no seam.
    signed = means[:, 1:-1] - (means[:, :-2] + means[:, 2:]) / 2
    size = np.abs(signed)
    totals = np.pad(size.cumsum(axis=1), ((0, 0), (1, 0)))
    windows = totals[:, NEAR:] - totals[:, :-NEAR]
    # Half of a step also appears in the two lines next to it: they are left out.
    left, right = windows[:, : -NEAR - 3] / NEAR, windows[:, NEAR + 3 :] / NEAR
    first, last = NEAR + 1, NEAR + 1 + left.shape[1]
    middle = size[:, first:last]
    peak = (middle > size[:, first - 1 : last - 1]) & (middle > size[:, first + 1 : last + 1])
    around = (left + right) / 2
    sharp = peak & (middle > SHARP * around + 0.5) & (middle < STEEP) & (np.minimum(left, right) > PLAIN)
    excess = np.where(sharp, np.copysign(middle - around, signed[:, first:last]), 0)
    # A tile is lighter or darker than its neighbour along the whole edge; between two images, the sign changes.
    steady = np.minimum(np.abs(excess[1:]), np.abs(excess[:-1])) * (excess[1:] * excess[:-1] > 0)
    strength = steady.mean(axis=0) * ((middle >= STEEP).mean(axis=0) < MANY_STEEP)
    margin = lines // MARGIN - first
    strength[: max(margin, 0)] = strength[strength.size - max(margin, 0) :] = 0
    place = int(strength.argmax())
    return float(strength[place]), (place + NEAR + 3) / (lines + 1)


def _fold(steps: Steps) -> Floats:
    """Mean steps at every place of a patch of 32 pixels, in both halves of an image; `[2, 32, 32]`."""
    edge = PERIODS[-1]
    half, width = steps.shape[0] // (2 * edge) * edge, steps.shape[1] // edge * edge
    # Rows first, because they are contiguous in memory.
    bands = steps[: 2 * half, :width].reshape(2, half // edge, edge, width).sum(axis=1, dtype=np.int32)
    places = bands.reshape(2, edge, width // edge, edge).sum(axis=2, dtype=np.int32)
    return np.asarray(places / (half * width / edge**2), dtype=np.float32)


def _periodic(along: Floats, down: Floats, pixels: int, axis: int | None = None) -> dict[int, float]:
    """Deviation of what repeats with each period in both halves of an image and in both directions; levels.

    Both halves have it in common: the root of their covariance, which is about 0 for whatever does not repeat. What
    repeats with half the period already is left out.

    Args:
        along: `[2, 32, 32]`, from `_fold`.
        down: the same, transposed.
        pixels: of the image.
        axis: of the patch, over which to take the mean first.
    """
    strengths = dict.fromkeys(PERIODS, math.inf)
    for folded in (along, down):
        shorter = np.zeros_like(folded) + folded.mean(axis=(1, 2), keepdims=True)
        for period in PERIODS:
            parts = PERIODS[-1] // period
            cell = folded.reshape(2, parts, period, parts, period).mean(axis=(1, 3))
            own = np.tile(cell, (1, parts, parts))
            first, second = (own - shorter)[:, :period, :period]
            shorter = own
            if axis is not None:
                first, second = first.mean(axis=axis), second.mean(axis=axis)
            strength = float(np.sqrt(max(float((first * second).mean()), 0.0)))
            strengths[period] = min(strengths[period], strength)
    return {period: value if pixels >= 2 * FEWEST_PATCHES * period**2 else 0.0 for period, value in strengths.items()}
