"""What is kept of the difference of two images: a few numbers, and where it is largest."""

from __future__ import annotations

from dataclasses import dataclass

from sdeval._utils.validation import Checked, Number

CHANGED_ABOVE = 16
"""Levels of 255, a sixteenth of the scale: a pixel has changed if one of its channels differs by more. Never another
number, for runs store shares of such pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDifference(Checked):
    """How far an image is from the baseline's, pixel by pixel at full size."""

    mean: Number
    """Mean absolute difference in levels, over pixels and channels."""
    maximum: int
    """Largest difference of a channel, in levels."""
    changed: Number
    """Share of pixels of which a channel differs by more than 16 levels, 0 to 1."""
    psnr: Number
    """In dB, 100 where identical."""
    box: tuple[int, int, int, int] | None = None
    """Where it changed most: left, top, width and height in pixels; None where it is identical."""


IDENTICAL = ImageDifference(mean=0.0, maximum=0, changed=0.0, psnr=100.0)
