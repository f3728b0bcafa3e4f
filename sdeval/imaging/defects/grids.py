"""Measures of lines that do not belong to an image: seams between tiles, and a grid of patches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdeval.images import Pixels
from sdeval.imaging.defects.noise import SMALL

Steps = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

CUT = 24
"""Steps between neighbouring pixels count up to this many levels: larger ones are edges of things."""
SEGMENT = 32
"""Length of the pieces of a line that are looked at one by one, in pixels."""
NEAR = 8
"""Lines on each side of a line that it is compared with."""
SHARP = 2.5
"""A piece of a seam has a step this many times as large as the lines beside it have."""
STEEP = 16.0
"""A mean step above this many levels is an edge of something."""
PLAIN = 0.02
"""On a side with less texture than this many levels a step is the edge of a plain area."""
PERIODS = (8, 16, 32)
"""Edges of patches that are looked for, in pixels: of a VAE's cell, and of two and four of them."""


FEWEST_PATCHES = 100
"""In each half of an image; with fewer, what they have in common by chance is too much."""


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
    patterns = _periodic(_folded(along), _folded(down), grey.size)
    blocks = _periodic(_folded(np.abs(along)), _folded(np.abs(down)), grey.size, axis=0)
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

    The strength is the step in those pieces of a line where it stands out from the lines beside it, which have to
    have some texture on both sides; pieces where it does not count as 0. Mean over the whole line.
    """
    rows, lines = steps.shape
    count = rows // SEGMENT
    sums = steps[: count * SEGMENT].reshape(count, SEGMENT, lines).sum(axis=1, dtype=np.int16)
    means = sums.astype(np.float32) / SEGMENT
    # What a slope has on both sides as well is no step.
    size = np.abs(means[:, 1:-1] - (means[:, :-2] + means[:, 2:]) / 2)
    totals = np.pad(size.cumsum(axis=1), ((0, 0), (1, 0)))
    windows = totals[:, NEAR:] - totals[:, :-NEAR]
    # A step at one line also shows, halved, at the two beside it: they are left out.
    before, after = windows[:, : -NEAR - 3] / NEAR, windows[:, NEAR + 3 :] / NEAR
    first, last = NEAR + 1, NEAR + 1 + before.shape[1]
    middle = size[:, first:last]
    peak = (middle > size[:, first - 1 : last - 1]) & (middle > size[:, first + 1 : last + 1])
    beside = (before + after) / 2
    sharp = peak & (middle > SHARP * beside + 0.5) & (middle < STEEP) & (np.minimum(before, after) > PLAIN)
    strength = np.where(sharp, middle - beside, 0).mean(axis=0)
    place = int(strength.argmax())
    return float(strength[place]), (place + NEAR + 3) / (lines + 1)


def _folded(steps: Steps) -> Floats:
    """Mean steps at every place of a patch of 32 pixels, in both halves of an image; `[2, 32, 32]`."""
    edge = PERIODS[-1]
    half, width = steps.shape[0] // (2 * edge) * edge, steps.shape[1] // edge * edge
    # In two turns, so that sums of 32 steps of at most 24 fit into 16 bits and are fast.
    bands = steps[: 2 * half, :width].reshape(2, half // edge, edge, width).sum(axis=1, dtype=np.int16)
    places = bands.reshape(2, edge, width // edge, edge).sum(axis=2, dtype=np.int32)
    return np.asarray(places / (half * width / edge**2), dtype=np.float32)


def _periodic(along: Floats, down: Floats, pixels: int, axis: int | None = None) -> dict[int, float]:
    """Deviation of what repeats with each period in both halves of an image and in both directions; levels.

    Both halves have it in common: the root of their covariance, which is about 0 for whatever does not repeat. What
    repeats with half the period already is left out.

    Args:
        along: `[2, 32, 32]`, from `_folded`.
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
