"""Human Preference Score v2.1: which of two images of a prompt people would choose, by a CLIP trained on choices."""

from __future__ import annotations

from sdeval.metrics.base import MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.clip_score import ClipScore
from sdeval.metrics.features.preference import load_hps

INFO = MetricInfo(
    name="hps_v2",
    title="HPS v2.1",
    unit="points",
    higher_is_better=True,
    tolerance=0.2,
    range=(-100.0, 100.0),
    explanation="20 to 35 for most images; differences mean something for the same prompt only",
    formula="100 cos(image features, text features) of a fine-tuned CLIP ViT-H/14",
    paper="arXiv 2306.09341",
    licence="code and weights: Apache-2.0",
    weights="HPS_v2.1_compressed.pt of xswu/HPSv2 (2 GB); the version of the metric has the digest of the file",
    blind_to="text, counting and small defects; it favours what its annotators liked in 2023",
)


class HpsV2(ClipScore):
    """The CLIP score with the published model, in float32; the authors' program uses half precision on a GPU."""

    info = INFO


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; its model is loaded once."""
    return HpsV2(load_hps(options.hps_weights, options.device))
