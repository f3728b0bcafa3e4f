"""Structural similarity with the baseline's image; reported only, because a different image can be as good."""

from __future__ import annotations

from sdeval.imaging.io import Pixels
from sdeval.imaging.similarity import same_size
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, pair_of

INFO = MetricInfo(
    name="ssim",
    title="SSIM vs baseline",
    explanation="How much the structure of the image is that of the baseline's image.",
    unit="percent",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("baseline",),
    gating=False,
    formula=(
        "100 · SSIM(image, baseline's image): Gaussian window of 11 pixels, standard deviation 1.5, mean over the "
        "channels"
    ),
    paper="Wang et al. 2004, doi 10.1109/TIP.2003.819861",
    weights="none",
    licence="Apache-2.0 (torchmetrics)",
    blind_to="which of the two images is better; a shift of a few pixels costs as much as other content",
)

WINDOW = 11
"""Width of the Gaussian window, in pixels."""


def ssim(image: Pixels, baseline: Pixels) -> float:
    """Structural similarity of two images, in percent, -100 to 100; 100 where they are identical.

    Wang et al. 2004 (doi 10.1109/TIP.2003.819861), as in torchmetrics: Gaussian window of 11 pixels, standard
    deviation 1.5, mean over the channels.

    Args:
        image: `[height, width, 3]`, at least 11 pixels in each direction.
        baseline: the same shape.

    Raises:
        ValueError: sizes differ, or an image is smaller than the window.
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    same_size(one=image, other=baseline)
    if min(image.shape[:2]) < WINDOW:
        raise ValueError(f"{image.shape[1]}x{image.shape[0]} pixels are too few; SSIM takes {WINDOW} each way")
    first, second = (torch.tensor(pixels).permute(2, 0, 1)[None].float() for pixels in (image, baseline))
    return 100 * float(structural_similarity_index_measure(first, second, data_range=255.0))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", _score)


def _score(image: GeneratedImage) -> float:
    baseline, current = pair_of(image)
    return ssim(current, baseline)
