"""PickScore: which of two images of a prompt people would choose, by a CLIP trained on the choices of Pick-a-Pic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdeval.config.case import Case
from sdeval.metrics.base import Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import WithClip
from sdeval.metrics.features.preference import load_pickscore

INFO = MetricInfo(
    name="pickscore",
    title="PickScore",
    unit="points",
    higher_is_better=True,
    tolerance=0.1,
    explanation="18 to 24 for most images; one point more means that people choose it in 73 of 100 comparisons",
    formula="s cos(image features, text features) of a fine-tuned CLIP ViT-H/14, with its learnt scale s (about 100)",
    paper="arXiv 2305.01569",
    licence="code: MIT; weights: no licence is stated with them",
    weights="yuvalkirstain/PickScore_v1 (4 GB); the version of the metric has the digest of the file",
    blind_to="text, counting and small defects; it favours what users of Pick-a-Pic liked in 2023",
)


def pickscore(images: Features, texts: Features) -> list[float]:
    """Inner products of image features, whose length is the learnt scale, with texts of length 1, row by row.

    Args:
        images: `[n, d]`, all of the same length.
        texts: `[n, d]`.
    """
    directions = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    return [float(score) for score in (images * directions).sum(axis=1)]


class PickScore(WithClip):
    """The published model in float32."""

    info = INFO

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.caption,)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        features = self._clip.images([image.image for image in images])
        return pickscore(features, self._clip.texts([image.case.caption for image in images]))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; its model is loaded once."""
    return PickScore(load_pickscore(options.pickscore_model, options.device))
