"""How much of the init image's structure an img2img result keeps."""

from __future__ import annotations

from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, init_of
from sdeval.metrics.ssim import ssim

INFO = MetricInfo(
    name="init_similarity",
    title="Structure kept from the init image (SSIM)",
    explanation="How much of the init image's structure the image keeps.",
    unit="percent",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image",),
    tasks=("img2img",),
    formula=(
        "100 · SSIM(image, init image): Gaussian window of 11 pixels, standard deviation 1.5, mean over the channels"
    ),
    paper="Wang et al. 2004, doi 10.1109/TIP.2003.819861",
    weights="none",
    licence="Apache-2.0 (torchmetrics)",
    blind_to="whether what changed is what was asked for; a shift of a few pixels costs as much as other content",
)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", _score)


def _score(image: GeneratedImage) -> float:
    return ssim(to_pixels(image.image), to_pixels(init_of(image)))
