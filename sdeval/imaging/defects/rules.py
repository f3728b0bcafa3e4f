"""Rules that name the defect of an image from its measures, and from those of the baseline's image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sdeval.imaging.defects import wording
from sdeval.imaging.defects.flat import MOST_ELSEWHERE
from sdeval.imaging.defects.measures import Measures

Defect = Literal[
    "non_finite",
    "safety_filtered",
    "size_mismatch",
    "black",
    "uniform",
    "noise",
    "undenoised",
    "residual_noise",
    "missing_area",
    "tile_seams",
    "patch_grid",
    "burnt_colours",
]


NOT_IN_PIXELS: tuple[Defect, ...] = ("non_finite", "safety_filtered", "size_mismatch")
"""Defects that are not measured in pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect, and a sentence with the numbers that show it."""

    defect: Defect
    detail: str


class Limit(NamedTuple):
    """Smallest value of a measure that is a defect."""

    without_baseline: float
    """Above what healthy images of any style have."""
    with_baseline: float
    """Enough where the baseline's image has at most half of it."""


BLACK = 8
"""An image with no level above this (of 255) is black."""
UNIFORM = 1.5
"""An image whose levels deviate less than this (of 255) in every channel is uniform."""
UNCORRELATED = 0.3
"""Neighbouring pixels of pure noise correlate less than this; those of sharpened grass 0.45."""
OPPOSITE = 0.5
"""Neighbouring pixels of halftones correlate less than this."""
WHITE = 4.0
"""Detail of middle size over coarse detail: less in images, 16 in white noise."""
NOISY_REPEATS = 0.05
"""Noise leaves no more than this part of the pixels exactly like the next one; halftones and edge maps leave more."""
BLOTCHY_REPEATS = 0.15
"""The same for decoded noise, which a decoder of few colours may cut off at the ends of the scale."""
FLAT_STYLE_REPEATS = 0.5
"""Drawings, halftones, pixel art and plain grounds have more pixels than this that are exactly like the next one."""
BLOTCHES_OVER_NOISE = 2.0
"""Blotches are at least so many times as strong as the noise from pixel to pixel; weaker ones belong to that noise."""
FINE_OVER_WIDE = 1.6
"""Luma noise from pixel to pixel over that of 2x2 pixels: 2 in white noise, about 1 in texture."""
FLAT_ELSEWHERE = Limit(0.05, MOST_ELSEWHERE)
"""A gap is one if no more than this part of the image is flat outside it: otherwise it may be part of a drawing."""

EVEN = 0.55
"""Noise has blotches at least as even as this all over an image; small things are in some places and not in others."""

# Limits in the units of `Measures`. `python -m benchmarks.defects` prints detection rates and false alarms.
BLOTCHES = Limit(10.0, 8.0)
BLOTCH_WHITENESS = Limit(2.2, 1.6)
COLOUR_NOISE = Limit(12.0, 4.2)
GREY_NOISE = Limit(12.0, 4.5)
SEAMS = Limit(4.2, 2.6)
PATTERN = Limit(1.1, 0.75)
PATTERN_8 = Limit(1.7, 1.4)
"""JPEG leaves a pattern of this period, which edge maps and sharpening raise."""
BLOCKS_8 = Limit(2.2, 1.4)
BLOCKS_16 = Limit(3.0, 1.5)
MANY_EDGES = 0.35
"""If steps at every 8, 16 or 32 pixels are this strong, in levels, a seam is one edge of many patches."""
BURNT = Limit(0.3, 0.16)
CLIPPED = 0.1
"""With a baseline whose image has at most a quarter of it, and is no drawing in pure colours."""
PURE = 0.3
"""Drawings in black, white and pure colours have more than this part in them."""
BLACK_GAP = Limit(1 / 100, 1 / 150)
PLAIN_GAP = Limit(1 / 70, 1 / 70)
OUTGROWN = 2.0
"""A value shows a defect only if it is at least so many times that of the baseline's image; otherwise it is style."""


def defect_of(
    measures: Measures,
    baseline: Measures | None = None,
    *,
    finite: bool = True,
    flagged: bool = False,
    size: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> Finding | None:
    """The first rule that applies to an image names its defect; None for a healthy image.

    Args:
        measures: of the image.
        baseline: measures of the baseline's image, if they are known.
        finite: whether every value was finite before it became a pixel.
        flagged: whether a safety checker replaced the image.
        size: width and height of the image, and the requested ones; None if no size was requested.
    """
    if not finite:
        return Finding("non_finite", wording.NON_FINITE)
    if flagged:
        return Finding("safety_filtered", wording.SAFETY_FILTERED)
    if size is not None and size[0] != size[1]:
        return Finding("size_mismatch", wording.size_mismatch(*size))
    for rule in RULES:
        finding = rule(measures, baseline)
        if finding is not None:
            return finding
    return None


def _exceeds(
    limit: Limit, measures: Measures, baseline: Measures | None, value_of: Callable[[Measures], float]
) -> bool:
    """Whether a value is a defect that the baseline's image does not have."""
    value = value_of(measures)
    if baseline is None:
        return value >= limit.without_baseline
    return value >= limit.with_baseline and value >= OUTGROWN * value_of(baseline)


def _black(measures: Measures, baseline: Measures | None) -> Finding | None:
    if measures.brightest > BLACK:
        return None
    return Finding("black", wording.black(measures.brightest))


def _uniform(measures: Measures, baseline: Measures | None) -> Finding | None:
    if measures.deviation >= UNIFORM:
        return None
    return Finding("uniform", wording.uniform(measures.deviation))


def _is_noise(measures: Measures) -> bool:
    return (
        -UNCORRELATED < measures.correlation < UNCORRELATED
        and measures.luma_whiteness > WHITE
        and measures.repeats < NOISY_REPEATS
    )


def _noise(measures: Measures, baseline: Measures | None) -> Finding | None:
    if not _is_noise(measures) or (baseline is not None and _is_noise(baseline)):
        return None
    return Finding("noise", wording.noise(measures.correlation))


def _undenoised(measures: Measures, baseline: Measures | None) -> Finding | None:
    whiteness = BLOTCH_WHITENESS.without_baseline if baseline is None else BLOTCH_WHITENESS.with_baseline
    if (
        not _exceeds(BLOTCHES, measures, baseline, lambda image: image.blotches)
        or measures.colour_whiteness < whiteness
        or measures.blotch_evenness < EVEN
        or measures.repeats > BLOTCHY_REPEATS
        or measures.blotches < BLOTCHES_OVER_NOISE * measures.colour_noise
    ):
        return None
    return Finding("undenoised", wording.blotches(measures.blotches))


def _residual_noise(measures: Measures, baseline: Measures | None) -> Finding | None:
    # A chessboard or a halftone of middle grey is no noise: neighbours are opposites.
    if measures.repeats > NOISY_REPEATS or measures.correlation < 0:
        return None
    if _exceeds(COLOUR_NOISE, measures, baseline, lambda image: image.colour_noise):
        return Finding("residual_noise", wording.colour_noise(measures.colour_noise))
    grey = measures.fine_noise > FINE_OVER_WIDE * measures.wide_noise
    if grey and _exceeds(GREY_NOISE, measures, baseline, lambda image: image.fine_noise):
        return Finding("residual_noise", wording.grey_noise(measures.fine_noise))
    return None


def _missing_area(measures: Measures, baseline: Measures | None) -> Finding | None:
    elsewhere = measures.flat_area - measures.gap_area
    allowed = FLAT_ELSEWHERE.without_baseline
    if baseline is not None:
        allowed = min(FLAT_ELSEWHERE.with_baseline, baseline.flat_area + 0.05)
    limit = BLACK_GAP if measures.gap_level <= BLACK else PLAIN_GAP
    if elsewhere > allowed or not _exceeds(limit, measures, baseline, lambda image: image.gap_area):
        return None
    across, down = (measures.gap_left + measures.gap_right) / 2, (measures.gap_top + measures.gap_bottom) / 2
    black = measures.gap_level <= BLACK
    return Finding("missing_area", wording.missing_area(measures.gap_area, across, down, black=black))


def _patch_grid(measures: Measures, baseline: Measures | None) -> Finding | None:
    # Of the styles of drawings, ordered halftones may have few repeats; their neighbours are opposites.
    if measures.repeats > FLAT_STYLE_REPEATS or measures.correlation < OPPOSITE:
        return None
    if _exceeds(
        PATTERN_8 if measures.pattern_period == 8 else PATTERN, measures, baseline, lambda image: image.pattern
    ):
        return Finding("patch_grid", wording.pattern(measures.pattern_period, measures.pattern))
    if _exceeds(BLOCKS_8, measures, baseline, lambda image: image.blocks_8):
        return Finding("patch_grid", wording.patch_edges(measures.blocks_8, "8"))
    if _exceeds(BLOCKS_16, measures, baseline, lambda image: image.blocks_16):
        return Finding("patch_grid", wording.patch_edges(measures.blocks_16, "16 or 32"))
    return None


def _tile_seams(measures: Measures, baseline: Measures | None) -> Finding | None:
    # Horizons and walls are straight in one direction; tiles have seams in both.
    if measures.repeats > FLAT_STYLE_REPEATS or not _exceeds(SEAMS, measures, baseline, _weaker_seam):
        return None
    if max(measures.blocks_8, measures.blocks_16) >= MANY_EDGES:
        step = max(measures.blocks_8, measures.blocks_16)
        return Finding("patch_grid", wording.patch_edges(step, "8, 16 or 32"))
    seams = wording.tile_seams(_weaker_seam(measures), measures.seam_column_at, measures.seam_row_at)
    return Finding("tile_seams", seams)


def _weaker_seam(measures: Measures) -> float:
    return min(measures.seam_column, measures.seam_row)


def _burnt_colours(measures: Measures, baseline: Measures | None) -> Finding | None:
    if not _exceeds(BURNT, measures, baseline, lambda image: image.burnt) and not _has_clipped(measures, baseline):
        return None
    return Finding("burnt_colours", wording.burnt_colours(measures.clipped))


def _has_clipped(measures: Measures, baseline: Measures | None) -> bool:
    """Whether colours are clipped that the baseline's image has in their range."""
    if baseline is None or baseline.primaries > PURE or baseline.repeats > FLAT_STYLE_REPEATS:
        return False
    return measures.clipped >= max(CLIPPED, 2 * OUTGROWN * baseline.clipped)


RULES: tuple[Callable[[Measures, Measures | None], Finding | None], ...] = (
    _black,
    _uniform,
    _noise,
    _undenoised,
    _residual_noise,
    _missing_area,
    _patch_grid,
    _tile_seams,
    _burnt_colours,
)
