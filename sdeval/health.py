"""Is it a picture at all? Named defects that no quality score sees: CLIP rates some black frames as healthy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sdeval.images import Pixels

Defect = Literal["not finite", "safety checker", "wrong size", "black", "flat", "noise"]

BLACK = 8
"""A picture with no level above this (of 255) is black."""
FLAT = 1.5
"""A picture whose levels deviate less than this (of 255) in every channel is flat."""
NOISE = 0.5
"""Pure noise: neighbouring pixels agree less than this (correlation, 0 to 1) on every axis and channel."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect and the figures that show it."""

    defect: Defect
    detail: str


def examine(pixels: Pixels, *, finite: bool, flagged: bool, size: tuple[int, int] | None) -> Finding | None:
    """The first defect of a picture, most telling first; None for a healthy one.

    Args:
        pixels: `[height, width, 3]`.
        finite: whether every value was finite before it became a pixel.
        flagged: whether a safety checker replaced the picture.
        size: width and height asked for, if any.
    """
    height, width = pixels.shape[:2]
    if not finite:
        return Finding("not finite", "the pipeline put out NaN or infinite values")
    if flagged:
        return Finding("safety checker", "the safety checker replaced the picture with black")
    if size is not None and (width, height) != size:
        return Finding("wrong size", f"{width}x{height} instead of {size[0]}x{size[1]}")
    brightest = int(pixels.max())
    if brightest <= BLACK:
        return Finding("black", f"no level above {brightest} of 255")
    spread = float(pixels.reshape(-1, pixels.shape[-1]).std(axis=0).max())
    if spread < FLAT:
        return Finding("flat", f"levels deviate by {spread:.1f} of 255")
    agreement = neighbour_agreement(pixels)
    if agreement < NOISE:
        return Finding("noise", f"neighbouring pixels correlate {agreement:.2f}")
    return None


def neighbour_agreement(pixels: Pixels) -> float:
    """Largest lag-1 correlation over both axes and the three channels: near 1 in pictures, near 0 in noise.

    A channel without any variation says nothing and is left out.
    """
    levels = pixels.astype(np.float64)
    pairs = [(levels[:, :-1], levels[:, 1:]), (levels[:-1], levels[1:])]
    values = [_correlation(one[..., c], other[..., c]) for one, other in pairs for c in range(levels.shape[-1])]
    known = [value for value in values if value is not None]
    return max(known, default=1.0)


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    a, b = one - one.mean(), other - other.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale > 0 else None
