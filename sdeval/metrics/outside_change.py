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
    title="change outside the mask",
    unit="levels",
    higher_is_better=False,
    tolerance=1.0,
    range=(0.0, 255.0),
    needs=("image", "mask"),
    tasks=("inpainting",),
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


_MAX = replace(INFO, name="outside_change_max", title="largest change outside the mask", tolerance=8.0)
_P99 = replace(INFO, name="outside_change_p99", title="change outside the mask, 99 in 100 below", tolerance=2.0)

maximum = Registered(_MAX, lambda options: _metric(_MAX, np.max))
"""Detects even a single changed pixel, which the mean over all unchanged pixels would hide."""
p99 = Registered(_P99, lambda options: _metric(_P99, _percentile_99))
"""Detects a small changed area, and ignores a single changed pixel."""
