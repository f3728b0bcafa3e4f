"""How sharp an image is."""

from __future__ import annotations

import numpy as np

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne

INFO = MetricInfo(
    name="sharpness",
    title="Sharpness",
    explanation="How much fine detail the image has.",
    unit="dB",
    higher_is_better=True,
    tolerance=1.0,
    range=(0.0, 60.2),
    formula="10 · log10(1 + variance of the Laplacian of the luminance)",
    paper="Pech-Pacheco et al. 2000, doi 10.1109/ICPR.2000.903548, on a logarithmic scale",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to=(
        "whether detail is wanted: noise raises it, and a blurred background lowers it; read it together with noise"
    ),
)

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue, as in Rec. ITU-R BT.601."""


def sharpness(image: Pixels) -> float:
    """`10 log10(1 + variance)` of the Laplacian of the luminance, 0 to 60.2 dB; 0 for a flat image or an even slope.

    Pech-Pacheco et al. 2000 (doi 10.1109/ICPR.2000.903548), with the four-neighbour Laplacian, in levels. The logarithm
    makes a blur lose as much on a detailed image as on a plain one. The 1, which is below the rounding of pixels to
    levels, gives flat images a score. Noise raises the value too: read it together with the metric noise.

    Args:
        image: `[height, width, 3]`, at least 3 pixels in each direction.

    Raises:
        ValueError: the image is smaller.
    """
    if min(image.shape[:2]) < 3:
        raise ValueError(f"{image.shape[1]}x{image.shape[0]} pixels are too few; sharpness takes 3 each way")
    levels = image @ LUMINANCE
    middle = levels[1:-1, 1:-1]
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:] - 4 * middle
    return float(10 * np.log10(1 + laplacian.var()))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", lambda sample: sharpness(to_pixels(sample.image)))
