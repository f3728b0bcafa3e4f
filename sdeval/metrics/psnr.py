"""Peak signal-to-noise ratio to the baseline's picture; told, not judged."""

from __future__ import annotations

import numpy as np

from sdeval.imaging.io import Pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, Picture, SampleMetric
from sdeval.metrics.per_image import OneByOne, pair_of, same_size

CAP = 100.0
"""What identical pictures get, whose ratio is infinite. One level off in 150,000 values reaches it too."""

INFO = MetricInfo(
    name="psnr",
    title="has the pixels of the baseline's picture (PSNR)",
    unit="dB",
    higher_is_better=True,
    tolerance=1.0,
    range=(0.0, CAP),
    needs=("baseline",),
    judged=False,
)


def psnr(one: Pixels, other: Pixels) -> float:
    """`10 log10(255² / mean squared difference)`, over pixels and channels, 0 to 100 dB; 100 where identical.

    Args:
        one: `[height, width, 3]`.
        other: the same shape.

    Raises:
        ValueError: sizes differ.
    """
    same_size(one=one, other=other)
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return CAP if error == 0 else min(CAP, float(10 * np.log10(255**2 / error)))


def create(options: MetricOptions) -> SampleMetric:
    """Needs nothing."""
    return OneByOne(INFO, "1", _score)


def _score(picture: Picture) -> float:
    before, now = pair_of(picture)
    return psnr(now, before)
