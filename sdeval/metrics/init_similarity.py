"""How much of the init image's structure an img2img result keeps."""

from __future__ import annotations

from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, init_of
from sdeval.metrics.ssim import ssim

INFO = MetricInfo(
    name="init_similarity",
    title="keeps the init image's structure (SSIM)",
    unit="percent",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image",),
    tasks=("img2img",),
)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", _score)


def _score(image: GeneratedImage) -> float:
    return ssim(to_pixels(image.image), to_pixels(init_of(image)))
