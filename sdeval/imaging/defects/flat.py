"""Measures of areas without any detail: how much of an image they are, and the largest that is a rectangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdeval.imaging.io import Pixels

TILE = 8
"""Edge of the tiles that are flat or not, in pixels."""
SMALLEST = 1 / 150
"""Smallest part of an image that counts as a gap."""
MOST_ELSEWHERE = 0.2
"""A rectangle is not looked for if more than this part of the image is flat outside it: it is part of a generating."""
NARROWEST = 4
"""Smallest width and height of a gap, in tiles, so that details of small images are none."""
FILLED = 0.98
"""Part of its bounding box that a rectangle fills, at least."""
MIRRORED = 0.8
"""Bars of one colour on two opposite sides are a frame if at least this part of them matches."""
OPEN = 0.5
"""A side along which more than this part continues in the same colour is no edge."""

Box = tuple[slice, slice]
"""Rows and columns of tiles."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A rectangle of one colour, in parts of the image's width and height."""

    area: float
    level: int
    """Its highest level."""
    left: float
    top: float
    right: float
    bottom: float


NO_GAP = Gap(0.0, 0, 0.0, 0.0, 0.0, 0.0)


def measure_flat(pixels: Pixels) -> tuple[float, Gap]:
    """Part of an image that lies in tiles of exactly one colour, and the largest rectangle made of them.

    Bars of the same colour on two opposite sides are a frame, not a gap.
    """
    high, low = _extremes(pixels)
    flat = (high == low).all(axis=-1)
    share = float(flat.mean()) if flat.size else 0.0
    fewest = max(SMALLEST, share - MOST_ELSEWHERE) * flat.size
    if share * flat.size < fewest:
        return share, NO_GAP
    colours = high.astype(np.uint32) @ np.array([1, 256, 65536], dtype=np.uint32)
    candidates = []
    values, counts = np.unique(colours[flat], return_counts=True)
    for colour in values[counts >= fewest]:
        alike = flat & (colours == colour)
        labels, _ = ndimage.label(alike)
        boxes = ndimage.find_objects(labels)
        # Number 0 is for pixels of other colours.
        for number in np.flatnonzero(np.bincount(labels.ravel())[1:] >= fewest) + 1:
            box = boxes[number - 1]
            if _is_rectangle(labels[box] == number, flat.size) and not _is_framed(box, alike):
                candidates.append(_gap(box, pixels))
    return share, max(candidates, key=lambda gap: gap.area, default=NO_GAP)


def _extremes(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Highest and lowest level of every tile, `[height / 8, width / 8, 3]`."""
    height, width = (edge // TILE * TILE for edge in pixels.shape[:2])
    tiles = pixels[:height, :width].reshape(height // TILE, TILE, width * 3)
    extremes = []
    for extreme in (np.maximum, np.minimum):
        rows = tiles[:, 0]
        for row in range(1, TILE):
            rows = extreme(rows, tiles[:, row])
        columns = rows.reshape(height // TILE, width // TILE, TILE, 3)
        rows = columns[:, :, 0]
        for column in range(1, TILE):
            rows = extreme(rows, columns[:, :, column])
        extremes.append(rows)
    return extremes[0], extremes[1]


def _is_rectangle(inside: npt.NDArray[np.bool_], tiles: int) -> bool:
    """Whether a connected part of an image of so many tiles is large enough and fills its bounding box."""
    return inside.size >= SMALLEST * tiles and min(inside.shape) >= NARROWEST and float(inside.mean()) >= FILLED


def _is_framed(box: Box, alike: npt.NDArray[np.bool_]) -> bool:
    """Whether a bar from one end of the image to the other has a bar of the same colour on the opposite side.

    Args:
        box: the bar.
        alike: which tiles have its colour.
    """
    rows, columns = box
    if columns.stop - columns.start >= alike.shape[1] - 1:
        return bool(alike[::-1][rows].mean() >= MIRRORED)
    if rows.stop - rows.start >= alike.shape[0] - 1:
        return bool(alike[:, ::-1][:, columns].mean() >= MIRRORED)
    return False


def _gap(box: Box, pixels: Pixels) -> Gap:
    """A rectangle of tiles, if the image has other colours around it; otherwise none."""
    height, width = pixels.shape[:2]
    top, bottom = box[0].start * TILE, box[0].stop * TILE
    left, right = box[1].start * TILE, box[1].stop * TILE
    colour = pixels[top, left]
    # Lines outside the tiles at the border, of which a part may belong to the rectangle.
    borders = [pixels[row, left:right] for row in (top - TILE, bottom + TILE - 1) if 0 <= row < height] + [
        pixels[top:bottom, column] for column in (left - TILE, right + TILE - 1) if 0 <= column < width
    ]
    if not borders or any(float((line == colour).all(axis=-1).mean()) > OPEN for line in borders):
        return NO_GAP
    area = (bottom - top) * (right - left) / (height * width)
    return Gap(area, int(colour.max()), left / width, top / height, right / width, bottom / height)
