"""How noisy an image is."""

from __future__ import annotations

import numpy as np

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne

INFO = MetricInfo(
    name="noise",
    title="Image noise",
    explanation="Estimated standard deviation of the image noise.",
    unit="levels",
    higher_is_better=False,
    tolerance=0.5,
    range=(0.0, 427.0),
    formula="√(π/2) / 6 · mean absolute response to the difference of two Laplacians; mean over the channels",
    paper="Immerkær 1996, doi 10.1006/cviu.1996.0060",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to="noise that is coarser than a pixel; fine texture counts as noise",
)


def noise(image: Pixels) -> float:
    """Standard deviation of Gaussian noise in an image, estimated, in levels; mean over the channels.

    Immerkær 1996 (doi 10.1006/cviu.1996.0060): `√(π/2) / 6` times the mean absolute response to the difference of two
    Laplacians, `1 -2 1 / -2 4 -2 / 1 -2 1`, which responds neither to gradients nor to straight edges along an axis.
    Fine texture counts as noise. The highest value, 427, belongs to a chessboard of single pixels.

    Args:
        image: `[height, width, 3]`, at least 3 pixels in each direction.

    Raises:
        ValueError: the image is smaller.
    """
    if min(image.shape[:2]) < 3:
        raise ValueError(f"{image.shape[1]}x{image.shape[0]} pixels are too few; noise takes 3 each way")
    # The kernel is a second difference vertically and then horizontally.
    response = np.diff(np.diff(image.astype(np.float64), n=2, axis=0), n=2, axis=1)
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(response).mean())


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", lambda sample: noise(to_pixels(sample.image)))
