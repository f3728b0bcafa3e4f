"""The same as CLIP-I in DINOv2 features, which tell apart individuals and shapes that CLIP sees as the same thing."""

from __future__ import annotations

from dataclasses import replace

from sdeval.metrics import clip_i
from sdeval.metrics.base import MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.clip_i import ImageSimilarity, Other, baseline_of
from sdeval.metrics.features.registry import load_extractor
from sdeval.metrics.per_image import Registered, init_of


def _in_dinov2(info: MetricInfo, name: str, title: str) -> MetricInfo:
    """The description of a CLIP-I as that of a DINO-I."""
    return replace(
        info,
        name=name,
        title=title,
        paper="DINO-I: arXiv 2208.12242; DINOv2: arXiv 2304.07193",
        licence="Apache-2.0 (DINOv2)",
        weights="facebook/dinov2-small (88 MB), or the suite's dinov2_model",
        blind_to="what the image means, text, and whether a change was asked for",
    )


INFO = _in_dinov2(clip_i.INFO, "dino_i", "DINO-I vs init image")
OF_BASELINE = _in_dinov2(clip_i.OF_BASELINE, "baseline_dino_i", "DINO-I vs baseline")


def _create(info: MetricInfo, other: Other, options: MetricOptions) -> SampleMetric:
    return ImageSimilarity(info, load_extractor(replace(options, extractor="dinov2")), other)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's DINOv2 model, whatever its set metrics look at."""
    return _create(INFO, init_of, options)


of_baseline = Registered(OF_BASELINE, lambda options: _create(OF_BASELINE, baseline_of, options))
"""The same against the baseline's image: reported only."""
