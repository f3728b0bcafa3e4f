"""Measures of an image: a few numbers that a baseline stores, so that other images can be compared with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval.imaging.defects.flat import measure_flat
from sdeval.imaging.defects.grids import measure_grids
from sdeval.imaging.defects.noise import measure_noise
from sdeval.imaging.io import Pixels

DIGITS = 4
"""Significant digits of a stored measure."""
SAMPLED = 131072
"""Pixels that stand for all of them where levels are counted."""
ROW_PAIRS = 64
"""Pairs of rows from which neighbours are compared."""
COLOURED = 80
"""Levels between the channels of a pixel above which it is a colour and not a grey."""
BLOCK = 8
"""Edge of the squares whose means are compared, in pixels; less in images below 256 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """A summary of an image's pixels. Levels go from 0 to 255."""

    brightest: float
    """Highest level of any channel."""
    deviation: float
    """Standard deviation of the channel that varies most, in levels."""
    correlation: float
    """Of neighbouring pixels' luma, along the axis where it is larger: -1 to 1; 1 where nothing varies."""
    repeats: float
    """Share of pixels that equal the next pixel in their row: small in every image with noise."""
    fine_noise: float
    """Deviation of luma noise from pixel to pixel, in levels, where the image is quietest."""
    wide_noise: float
    """The same for means of 2x2 pixels: half as much in white noise, as much in natural texture."""
    colour_noise: float
    """Deviation of the noise of one channel that the others do not have, in levels, where the image is quietest."""
    blotches: float
    """Colour differences between squares of 8 and of 16 pixels, in levels, where the image is quietest."""
    blotch_evenness: float
    """How much of such differences the quietest tenth of the image has, as a part of the mean: 0.6 to 0.9 in noise."""
    luma_whiteness: float
    """Detail of middle size over coarse detail of luma: 16 in white noise, about 1 in images."""
    colour_whiteness: float
    """The same for colour differences."""
    flat_area: float
    """Part of the image in 8x8 tiles of exactly one colour."""
    gap_area: float
    """Part of the image that the largest rectangle of one colour takes; 0 where there is none."""
    gap_level: float
    """Its highest level."""
    gap_left: float
    """Its left edge, as a part of the width."""
    gap_top: float
    gap_right: float
    gap_bottom: float
    seam_column: float
    """Strength of the strongest vertical line of steps, in levels, mean over its length."""
    seam_column_at: float
    """Where it is, as a part of the width."""
    seam_row: float
    """The same for horizontal lines."""
    seam_row_at: float
    pattern: float
    """Deviation of what repeats in every patch of the image, in levels per pixel."""
    pattern_period: float
    """Edge of that patch, in pixels."""
    blocks_8: float
    """How much larger or smaller steps are at the edges of patches of 8 pixels, in levels, as a deviation."""
    blocks_16: float
    """The same for patches of 16 and of 32 pixels, without what those of 8 explain."""
    burnt: float
    """How much of the image is coloured and clipped at both ends of the scale, as a part of it, without plain areas."""
    clipped: float
    """The same with plain areas."""
    primaries: float
    """Part of the image in black, white, and pure red, green, blue, cyan, magenta and yellow."""

    def as_dict(self) -> dict[str, float]:
        """For a file: by name, with four significant digits."""
        return {name: float(f"{value:.{DIGITS}g}") for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, float]) -> Measures | None:
        """From a file; None where a measure is missing, as in files of other versions."""
        names = [field.name for field in fields(cls)]
        if not all(math.isfinite(stored.get(name, math.nan)) for name in names):
            return None
        return cls(**{name: float(stored[name]) for name in names})


def measure(pixels: Pixels) -> Measures:
    """Measure an image.

    Args:
        pixels: `[height, width, 3]`, at least one pixel.
    """
    height, width = pixels.shape[:2]
    edge = BLOCK
    while edge > 1 and min(height, width) < 32 * edge:
        edge //= 2
    noise = measure_noise(pixels, block_means(pixels, edge), edge)
    grids = measure_grids(np.asarray(Image.fromarray(pixels).convert("L")))
    flat_area, gap = measure_flat(pixels)
    correlation, repeats = _neighbours(pixels)
    # Whole rows, and an odd step: halftones repeat every 2, 4 or 8 pixels, of which every one has to be seen.
    sample = pixels[:: height * width // SAMPLED | 1]
    return Measures(
        brightest=float(pixels.max()),
        deviation=max(float(sample[..., channel].std(dtype=np.float32)) for channel in range(3)),
        correlation=correlation,
        repeats=repeats,
        **asdict(noise),
        flat_area=flat_area,
        **{f"gap_{name}": float(value) for name, value in asdict(gap).items()},
        **asdict(grids),
        **_clipping(sample),
    )


def block_means(pixels: Pixels, edge: int) -> npt.NDArray[np.float32]:
    """Means of squares, `[height / edge, width / edge, 3]`; what is left over at the ends is left out."""
    height, width = (length // edge * edge for length in pixels.shape[:2])
    rows = pixels[:height, :width].reshape(height // edge, edge, width * 3)
    sums = rows[:, 0].astype(np.uint16)
    for row in range(1, edge):
        sums += rows[:, row]
    columns = sums.reshape(height // edge, width // edge, edge, 3)
    sums = columns[:, :, 0].copy()
    for column in range(1, edge):
        sums += columns[:, :, column]
    return np.asarray(sums / np.float32(edge**2), dtype=np.float32)


def _neighbours(pixels: Pixels) -> tuple[float, float]:
    """Correlation of neighbouring pixels' luma, and the part of pixels that are like the next in their row."""
    height, width = pixels.shape[:2]
    if height < 2 or width < 2:
        return 1.0, 1.0
    first = np.unique(np.linspace(0, height - 2, min(ROW_PAIRS, height - 1)).astype(int))
    upper, lower = _sums(pixels[first]), _sums(pixels[first + 1])
    correlation = max(_correlation(upper[:, :-1], upper[:, 1:]), _correlation(upper, lower))
    return correlation, float(_like_next(pixels[first]).mean())


def _sums(rows: Pixels) -> npt.NDArray[np.float32]:
    """Sums over the channels, `[rows, width]`; slices are several times as fast as a sum over three values."""
    return np.asarray(np.add(rows[..., 0], rows[..., 1], dtype=np.float32) + rows[..., 2], dtype=np.float32)


def _like_next(rows: Pixels) -> npt.NDArray[np.bool_]:
    """Which pixels are exactly like the next one in their row, `[rows, width - 1]`."""
    same = rows[:, 1:] == rows[:, :-1]
    return np.asarray(same[..., 0] & same[..., 1] & same[..., 2])


def _correlation(values: npt.NDArray[np.float32], neighbours: npt.NDArray[np.float32]) -> float:
    """Pearson's; 1 where one of them does not vary."""
    value_deviations, neighbour_deviations = values - values.mean(), neighbours - neighbours.mean()
    scale = math.sqrt(
        float((value_deviations * value_deviations).sum()) * float((neighbour_deviations * neighbour_deviations).sum())
    )
    return float((value_deviations * neighbour_deviations).sum()) / scale if scale > 0 else 1.0


def _clipping(rows: Pixels) -> dict[str, float]:
    """`burnt`, `clipped` and `primaries` of rows of an image.

    The first two are geometric means of the parts that are coloured with a channel at 255, and with a channel at 0.
    Pixels that are exactly like the next, or of which every channel is at an end, are plain areas of a generating.
    """
    red, green, blue = (np.ascontiguousarray(rows[:, :-1, channel]) for channel in range(3))
    if not red.size:
        return {"burnt": 0.0, "clipped": 0.0, "primaries": 0.0}
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    middle = red ^ green ^ blue ^ high ^ low
    coloured, primary = high - low > COLOURED, _at_end(high) & _at_end(middle) & _at_end(low)
    textured = coloured & ~_like_next(rows) & ~primary
    bright, dark = high == 255, low == 0
    return {
        "burnt": math.sqrt(float((textured & bright).mean()) * float((textured & dark).mean())),
        "clipped": math.sqrt(float((coloured & bright).mean()) * float((coloured & dark).mean())),
        "primaries": float(primary.mean()),
    }


def _at_end(levels: Pixels) -> npt.NDArray[np.bool_]:
    return np.asarray((levels == 0) | (levels == 255))
