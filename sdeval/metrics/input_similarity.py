"""How much an edit left as it was: SSIM and LPIPS between the result and its first input image. Reported only."""

from __future__ import annotations

from dataclasses import replace

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics import lpips, ssim
from sdeval.metrics.base import GeneratedImage, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, Registered, init_of

_BLIND_TO = "whether what changed is what was asked for, and the other input images"
INFO = replace(
    ssim.INFO,
    name="input_ssim",
    title="SSIM vs input image",
    explanation="How much of the input image's structure is kept; an edit that was asked for lowers it as well.",
    needs=("image",),
    tasks=("edit",),
    formula=(
        "100 · SSIM(image, first input image): Gaussian window of 11 pixels, standard deviation 1.5, mean over the "
        "channels"
    ),
    blind_to=f"{_BLIND_TO}; a shift of a few pixels costs as much as other content",
)
OF_LPIPS = replace(
    lpips.INFO,
    name="input_lpips",
    title="LPIPS vs input image",
    explanation="How different the image looks from the input image; an edit that was asked for raises it as well.",
    needs=("image",),
    tasks=("edit",),
    blind_to=_BLIND_TO,
)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", lambda image: ssim.ssim(*_pair(image)))


def _create_lpips(options: MetricOptions) -> SampleMetric:
    network = lpips.load_network(options.device)
    return OneByOne(OF_LPIPS, network.version, lambda image: network.distance(*_pair(image)))


def _pair(image: GeneratedImage) -> tuple[Pixels, Pixels]:
    return to_pixels(image.image), to_pixels(init_of(image))


of_lpips = Registered(OF_LPIPS, _create_lpips)
"""LPIPS to the input image."""
