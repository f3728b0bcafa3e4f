"""How visible the edge of the mask is in an inpainted image."""

from __future__ import annotations

import numpy as np

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.imaging.similarity import same_size
from sdeval.metrics.base import Floats, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.masks import Marked, band, near_edge, painted_area
from sdeval.metrics.per_image import OneByOne, levels_of, mask_of

INFO = MetricInfo(
    name="seam",
    title="Seam at the mask's edge",
    explanation="How visible the edge of the mask is in the image.",
    unit="levels",
    higher_is_better=False,
    tolerance=1.0,
    range=(0.0, 255.0),
    needs=("mask",),
    tasks=("inpainting",),
    formula="mean difference of neighbouring pixels across the mask's edge, minus that of pairs beside it; at least 0",
    paper="sdeval's own",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to=(
        "a smooth transition to content that does not belong there; the outline of an object that the mask "
        "follows counts as a seam"
    ),
)

WIDE = 4
"""The edge is compared with its surroundings up to this many bands away: texture further away is not comparable."""


def seam(image: Pixels, mask: Pixels) -> float:
    """How much more neighbouring pixels differ across the mask's edge than beside it, in levels 0 to 255.

    Computed over pairs of vertical or horizontal neighbours: the mean absolute difference of the pairs with one pixel
    inside the mask and one outside, minus the mean of the pairs whose pixels are both more than one band
    (`masks.band`) and at most four bands from the edge; 0 where that is negative. So neither a gradient nor texture
    counts as a seam. The outline of an object that the mask follows does: compare the value with the baseline's, not
    with 0.

    Args:
        image: `[height, width, 3]`.
        mask: `[height, width]`, 128 and above is painted.

    Raises:
        ValueError: sizes differ, the mask has no edge, or nothing is left beside it.
    """
    same_size(image=image, mask=mask)
    inside = painted_area(mask)
    if inside.all() or not inside.any():
        raise ValueError(f"the mask is all {'white' if inside.any() else 'black'}: it has no edge")
    beside = near_edge(inside, WIDE * band(inside)) & ~near_edge(inside, band(inside))
    across, elsewhere = (np.concatenate(parts) for parts in zip(*_jumps(image, inside, beside), strict=True))
    if not elsewhere.size:
        raise ValueError("the mask leaves no pixels to compare its edge with")
    return max(0.0, float(across.mean() - elsewhere.mean()))


def _jumps(image: Pixels, inside: Marked, beside: Marked) -> list[tuple[Floats, Floats]]:
    """Differences across the edge and beside it, `[pairs]` each: first along columns, then along rows."""
    pairs = []
    for levels, in_mask, in_strip in ((image, inside, beside), (image.swapaxes(0, 1), inside.T, beside.T)):
        jumps = np.abs(np.diff(levels.astype(np.float64), axis=0)).mean(axis=-1)
        pairs.append((jumps[in_mask[1:] != in_mask[:-1]], jumps[in_strip[1:] & in_strip[:-1]]))
    return pairs


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", lambda sample: seam(to_pixels(sample.image), levels_of(mask_of(sample))))
