"""What inpainting changed outside the mask, where nothing should change: mean, maximum and 99th percentile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.imaging.similarity import same_size
from sdeval.metrics.base import Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.masks import band, grow, painted_area
from sdeval.metrics.per_image import OneByOne, Registered, init_of, levels_of, mask_of

INFO = MetricInfo(
    name="outside_change",
    title="Change outside the mask",
    explanation="How much the image differs from the init image outside the mask, where nothing should change.",
    unit="levels",
    higher_is_better=False,
    tolerance=1.0,
    range=(0.0, 255.0),
    needs=("image", "mask"),
    tasks=("inpainting",),
    formula=(
        "mean of |image - init image| over the pixels outside the mask and a band of 1/64 of the longer side beside it"
    ),
    paper="sdeval's own",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to="whatever happens inside the mask; a small area that changed much hides in the mean",
)

Statistic = Callable[[Floats], float]
"""Takes differences `[pixels, 3]` in levels and returns one number."""


def outside_change(image: Pixels, init: Pixels, mask: Pixels, value: Statistic = np.mean) -> float:
    """A statistic of the absolute differences from the init image outside the mask, in levels 0 to 255.

    A band beside the mask, 1/64 of the longer side wide, does not count as outside: see `masks.band`.

    Args:
        image: `[height, width, 3]`.
        init: `[height, width, 3]`.
        mask: `[height, width]`, 128 and above is painted.
        value: the statistic of the differences of all pixels and channels.

    Raises:
        ValueError: sizes differ, or the mask leaves nothing outside.
    """
    same_size(image=image, init=init, mask=mask)
    inside = painted_area(mask)
    outside = ~grow(inside, band(inside))
    if not outside.any():
        raise ValueError(f"the mask and {band(inside)} pixels around it cover the whole image: there is no outside")
    return float(value(np.abs(image.astype(np.float64) - init)[outside]))


def _percentile_99(differences: Floats) -> float:
    return float(np.percentile(differences, 99))


def _metric(info: MetricInfo, value: Statistic) -> SampleMetric:
    def score(image: GeneratedImage) -> float:
        mask = levels_of(mask_of(image))
        return outside_change(to_pixels(image.image), to_pixels(init_of(image)), mask, value)

    # Version 2 leaves out the band beside the mask.
    return OneByOne(info, "2", score)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric of the mean."""
    return _metric(INFO, np.mean)


_MAX = replace(
    INFO,
    name="outside_change_max",
    title="Largest change outside the mask",
    explanation="The largest difference from the init image of any pixel outside the mask.",
    tolerance=8.0,
    formula="maximum of |image - init image| over the pixels outside the mask and the band beside it",
    blind_to="whatever happens inside the mask, and how many pixels changed",
)
_P99 = replace(
    INFO,
    name="outside_change_p99",
    title="99th percentile of the change outside the mask",
    explanation="The difference from the init image that 99 in 100 values outside the mask stay below.",
    tolerance=2.0,
    formula="99th percentile of |image - init image| over the pixels outside the mask and the band beside it",
    blind_to="whatever happens inside the mask, and changes of less than a hundredth of the rest",
)

maximum = Registered(_MAX, lambda options: _metric(_MAX, np.max))
"""Detects even a single changed pixel, which the mean over all unchanged pixels would hide."""
p99 = Registered(_P99, lambda options: _metric(_P99, _percentile_99))
"""Detects a small changed area, and ignores a single changed pixel."""
