"""Peak signal-to-noise ratio to the baseline's image; reported only."""

from __future__ import annotations

from sdeval.imaging.similarity import HIGHEST_PSNR, psnr
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import OneByOne, pair_of

INFO = MetricInfo(
    name="psnr",
    title="PSNR vs baseline",
    explanation="How close the pixels of the image are to those of the baseline's image.",
    unit="dB",
    higher_is_better=True,
    tolerance=1.0,
    range=(0.0, HIGHEST_PSNR),
    needs=("baseline",),
    gating=False,
    formula="10 · log10(255² / mean squared difference); 100 where identical",
    paper="the usual definition",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to=(
        "which of the two images is better, and where they differ; a shift of one pixel costs as much as other content"
    ),
)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return OneByOne(INFO, "1", _score)


def _score(image: GeneratedImage) -> float:
    baseline, current = pair_of(image)
    return psnr(current, baseline)
