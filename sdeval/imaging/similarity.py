"""How far an image has moved from the one it replaces, in a word."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from sdeval.imaging.difference import CHANGED_ABOVE, IDENTICAL, ImageDifference
from sdeval.imaging.io import Pixels

ImageChange = Literal["identical", "imperceptible", "changed"]

HIGHEST_PSNR = 100.0
"""What identical images get, whose ratio is infinite. One level off in 150,000 values reaches it too."""
CLOSE = 40.0
"""PSNR in dB from which two images count as the same to the eye: 2.55 levels off on average (root mean square), a
hundredth of the scale. A convention, not a law: lossy compression lies between 30 and 50 dB, and quality is
often called high from 40 on (so in Unity's graphics test framework, which tests rendered images as we do)."""
BLOCK = 8
"""Edge of the squares that are looked at one by one, in pixels; JPEG codes as large ones."""
LOCAL = 8.0
"""Mean difference in levels that no square may exceed: three times what `CLOSE` allows everywhere. Without it a change
of one place in a large image, such as an eye, would be averaged away."""

WINDOW = 8
"""The place of the largest change is looked for in squares whose edge is this part of the image's."""


def psnr(image: Pixels, baseline: Pixels) -> float:
    """`10 log10(255² / mean squared difference)`, over pixels and channels, 0 to 100 dB; 100 where identical.

    Args:
        image: `[height, width, 3]`.
        baseline: the same shape.

    Raises:
        ValueError: sizes differ.
    """
    same_size(one=image, other=baseline)
    error = float(np.mean((image.astype(np.float64) - baseline) ** 2))
    return HIGHEST_PSNR if error == 0 else min(HIGHEST_PSNR, float(10 * np.log10(255**2 / error)))


def same_size(**images: Pixels) -> None:
    """Make sure that images, given by what they are called in the message, can be laid on one another.

    Raises:
        ValueError: heights or widths differ.
    """
    if len({image.shape[:2] for image in images.values()}) > 1:
        sizes = ", ".join(f"{name} {image.shape[1]}x{image.shape[0]}" for name, image in images.items())
        raise ValueError(f"sizes differ: {sizes}")


def image_change(before: Pixels, now: Pixels) -> ImageChange:
    """Whether two images are identical, cannot be told apart at a glance, or have changed.

    Imperceptible: PSNR at least 40 dB, and no square of 8x8 pixels, wherever it lies, differs by more than 8 levels on
    average over its pixels and channels. Images of different sizes have changed.

    Args:
        before: `[height, width, 3]`.
        now: `[height, width, 3]`.
    """
    if before.shape != now.shape:
        return "changed"
    if np.array_equal(before, now):
        return "identical"
    return "imperceptible" if psnr(before, now) >= CLOSE and _worst_square(before, now) <= LOCAL else "changed"


def _worst_square(before: Pixels, now: Pixels) -> float:
    """Largest mean difference in levels over all squares, also those that overlap."""
    difference: npt.NDArray[np.int64] = np.abs(before.astype(np.int64) - now).sum(axis=-1)
    height, width = (min(BLOCK, edge) for edge in difference.shape)
    # Sums over all rectangles from the corner: four of them make the sum over a square.
    sums = np.pad(difference.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    squares = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return float(squares.max() / (height * width * before.shape[-1]))


def image_difference(before: Pixels, now: Pixels) -> ImageDifference:
    """How far two images of the same size are from each other.

    Args:
        before: `[height, width, 3]`.
        now: the same shape.

    Raises:
        ValueError: sizes differ.
    """
    same_size(before=before, now=now)
    levels: Pixels = np.maximum(before, now) - np.minimum(before, now)
    counts = np.bincount(levels.ravel(), minlength=256)
    if counts[0] == levels.size:
        return IDENTICAL
    scale = np.arange(256)
    largest = np.maximum(np.maximum(levels[..., 0], levels[..., 1]), levels[..., 2])
    error = float(counts @ scale**2) / levels.size
    return ImageDifference(
        mean=round(float(counts @ scale) / levels.size, 3),
        maximum=int(np.flatnonzero(counts)[-1]),
        changed=round(float(np.count_nonzero(largest > CHANGED_ABOVE)) / largest.size, 5),
        psnr=round(min(HIGHEST_PSNR, float(10 * np.log10(255**2 / error))), 2),
        box=_box_of_largest_change(largest),
    )


def _box_of_largest_change(levels: Pixels) -> tuple[int, int, int, int]:
    """What changed in the square that changed most: left, top, width and height."""
    height, width = levels.shape
    edge = max(1, min(height, width) // WINDOW)
    # Sums of blocks are quick to make of a large image; four of them, a square, may begin at any block.
    block = max(1, edge // 2)
    rows, columns = -(-height // block), -(-width // block)
    padded = np.pad(levels, ((0, rows * block - height), (0, columns * block - width)))
    blocks = padded.reshape(rows, block, columns, block).sum(axis=(1, 3), dtype=np.int64)
    around = np.pad(blocks, ((0, 1), (0, 1)))
    squares = around[:-1, :-1] + around[1:, :-1] + around[:-1, 1:] + around[1:, 1:]
    row, column = divmod(int(squares.argmax()), columns)
    top, left = row * block, column * block
    square = levels[top : top + 2 * block, left : left + 2 * block]
    changed = square > (CHANGED_ABOVE if square.max() > CHANGED_ABOVE else 0)
    down, across = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return (
        left + int(across[0]),
        top + int(down[0]),
        int(across[-1] - across[0]) + 1,
        int(down[-1] - down[0]) + 1,
    )
