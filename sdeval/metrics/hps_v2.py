"""Human Preference Score v2.1: which of two images of a prompt people would choose, by a CLIP trained on choices."""

from __future__ import annotations

from collections.abc import Sequence

from sdeval.config.suite import Case
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.clip_score import clip_score
from sdeval.metrics.features.clip import WithClip
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


class HpsV2(WithClip):
    """The published model in float32; the authors' program uses half precision on a GPU."""

    info = INFO

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.prompt,)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        features = self._clip.images([image.image for image in images])
        return clip_score(features, self._clip.texts([image.case.prompt for image in images]))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; its model is loaded once."""
    return HpsV2(load_hps(options.hps_weights, options.device))
