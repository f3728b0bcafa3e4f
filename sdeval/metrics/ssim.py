"""Structural similarity with the baseline's image; reported only: an image may differ and be as good."""

from __future__ import annotations

from sdeval.imaging.io import Pixels
from sdeval.imaging.similarity import same_size
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, pair_of

INFO = MetricInfo(
    name="ssim",
    title="has the structure of the baseline's image (SSIM)",
    unit="percent",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("baseline",),
    gating=False,
)

WINDOW = 11
"""Edge of the Gaussian window, in pixels."""


def ssim(one: Pixels, other: Pixels) -> float:
    """Structural similarity of two images, in percent, -100 to 100; 100 where they are identical.

    Wang et al. 2004 (doi 10.1109/TIP.2003.819861), as torchmetrics has it: Gaussian window of 11 pixels, deviation
    1.5, mean over the channels.

    Args:
        one: `[height, width, 3]`, at least 11 pixels each way.
        other: the same shape.

    Raises:
        ValueError: sizes differ, or an image is smaller than the window.
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    same_size(one=one, other=other)
    if min(one.shape[:2]) < WINDOW:
        raise ValueError(f"{one.shape[1]}x{one.shape[0]} pixels are too few; SSIM takes {WINDOW} each way")
    first, second = (torch.tensor(each).permute(2, 0, 1)[None].float() for each in (one, other))
    return 100 * float(structural_similarity_index_measure(first, second, data_range=255.0))


def create(options: MetricOptions) -> SampleMetric:
    """Needs nothing."""
    return OneByOne(INFO, "1", _score)


def _score(image: GeneratedImage) -> float:
    before, now = pair_of(image)
    return ssim(now, before)
