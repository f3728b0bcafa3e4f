"""Measures of noise: how fine, how wide, how coloured it is, and whether anything larger than it is in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdeval.imaging.io import Pixels

Floats = npt.NDArray[np.float32]

SMALL = 256
"""Below this edge, in pixels, an image has too few places to tell noise and grids from its details."""
STRIP, STRIDE = 16, 64
"""Fine noise is measured in strips of 16 rows every 64 rows: it is everywhere or it is none."""
CELL = 32
"""Width of the cells whose noise is compared, in pixels."""
QUIET = 0.1
"""The noise of an image is that of its quietest tenth: details lie in places, noise lies everywhere."""
COARSEST = 64
"""Edge of the largest blocks, in pixels."""
TO_SIGMA = float(np.sqrt(np.pi / 2))
"""Standard deviation over mean absolute value of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What `Measures` holds of noise; explained there."""

    fine_noise: float
    wide_noise: float
    colour_noise: float
    blotches: float
    blotch_evenness: float
    luma_whiteness: float
    colour_whiteness: float


def measure_noise(pixels: Pixels, blocks: Floats, edge: int) -> Noise:
    """Noise of an image.

    Args:
        pixels: `[height, width, 3]`.
        blocks: `[height / edge, width / edge, 3]`, means of squares in levels.
        edge: of these squares, in pixels.
    """
    fine, wide = _strip_noise(pixels)
    opponent = opponents(blocks)
    blotches, blotch_evenness = _blotches(opponent[..., 1:], edge)
    luma_whiteness, colour_whiteness = _whiteness(opponent, edge)
    return Noise(
        fine_noise=float(fine[0]),
        wide_noise=float(wide[0]),
        # The difference of two channels with noise of their own has √2 times its deviation.
        colour_noise=float(max(*fine[1:], *wide[1:]) / np.sqrt(2)),
        blotches=blotches,
        blotch_evenness=blotch_evenness,
        luma_whiteness=luma_whiteness,
        colour_whiteness=colour_whiteness,
    )


def opponents(rgb: Floats) -> Floats:
    """Red, green and blue as luma (their mean), red minus green, and yellow minus blue; `[..., 3]`."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], axis=-1)


def _strip_noise(pixels: Pixels) -> tuple[Floats, Floats]:
    """Noise of luma and of both colour differences, at one pixel and at two; levels.

    The response is `(a - b - c + d) / 2` of the four pixels of a square, which sees neither slopes nor straight edges
    along an axis; of white noise it has the same deviation.
    """
    height, width = pixels.shape[0], pixels.shape[1] // CELL * CELL
    if min(height, width) < SMALL:
        return np.zeros(3, np.float32), np.zeros(3, np.float32)
    starts = np.linspace(0, height - STRIP, (height - STRIP) // STRIDE + 1).astype(int)
    strips = np.stack([pixels[top : top + STRIP, :width] for top in starts]).astype(np.int16)
    sums = _square_sums(strips)
    return _quiet(_square_contrasts(strips) / 2, CELL // 2), _quiet(_square_contrasts(sums) / 8, CELL // 4)


def _square_contrasts(strips: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """`a - b - c + d` of every square of four, `[strips, rows / 2, width / 2, 3]`."""
    down = strips[:, ::2] - strips[:, 1::2]
    return np.asarray(down[:, :, ::2] - down[:, :, 1::2])


def _square_sums(strips: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    down = strips[:, ::2] + strips[:, 1::2]
    return np.asarray(down[:, :, ::2] + down[:, :, 1::2])


def _quiet(response: npt.NDArray[np.float64], across: int) -> Floats:
    """Deviation of a response in the quietest tenth of its cells, for luma and both colour differences."""
    values = np.abs(opponents(response.astype(np.float32)))
    strips, rows, width = values.shape[:3]
    cells = values.reshape(strips, rows, width // across, across, 3).mean(axis=(1, 3))
    return np.asarray(np.quantile(cells.reshape(-1, 3), QUIET, axis=0) * TO_SIGMA, dtype=np.float32)


def halve(blocks: Floats) -> Floats:
    """Means of squares of four; an odd row or column at the end is left out."""
    height, width = (edge // 2 * 2 for edge in blocks.shape[:2])
    even = blocks[:height, :width]
    down = even[::2] + even[1::2]
    return np.asarray((down[:, ::2] + down[:, 1::2]) / 4, dtype=np.float32)


def _detail(blocks: Floats) -> Floats:
    """Squared difference of every block from the mean of the square of four it is in."""
    means = halve(blocks)
    whole = blocks[: means.shape[0] * 2, : means.shape[1] * 2]
    return np.asarray((whole - means.repeat(2, axis=0).repeat(2, axis=1)) ** 2, dtype=np.float32)


def _blotches(colours: Floats, edge: int) -> tuple[float, float]:
    """Deviation of colour differences between neighbouring squares of 8 and of 16 pixels, and how even it is.

    Of cells of four squares each way: the deviation is that of the quietest tenth, in levels, both sizes added. Its
    evenness is what the quietest tenth has of the mean, mean of both sizes: 0 to 1.
    """
    if edge != 8 or min(colours.shape[:2]) * edge < SMALL:
        return 0.0, 0.0
    total, evenness = 0.0, 0.0
    for _ in range(2):
        detail = _detail(colours)
        rows, columns = detail.shape[0] // 4, detail.shape[1] // 4
        cells = detail[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4, 2).mean(axis=(1, 3)).reshape(-1, 2)
        total += float(np.sqrt(np.quantile(cells, QUIET, axis=0).max()))
        both = cells.sum(axis=1)
        evenness += float(np.sqrt(np.quantile(both, QUIET) / max(float(both.mean()), 1e-3))) / 2
        colours = halve(colours)
    return total, evenness


def _whiteness(opponent: Floats, edge: int) -> tuple[float, float]:
    """Detail in blocks of a size over detail in blocks of four times that size: luma, and the larger of both colours.

    16 in white noise, whose means vary with one over the area; about 1 in images, whose large parts differ most.
    """
    coarse = edge
    while coarse * 2 <= min(COARSEST, min(opponent.shape[:2]) * edge // 4):
        coarse *= 2
    if coarse < edge * 4:
        return 0.0, 0.0
    energies = {}
    while True:
        energies[edge] = _detail(opponent).mean(axis=(0, 1))
        if edge == coarse:
            break
        opponent, edge = halve(opponent), edge * 2
    ratio = energies[coarse // 4] / (energies[coarse] + 1e-3)
    return float(ratio[0]), float(ratio[1:].max())
