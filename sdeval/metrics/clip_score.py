"""CLIP score: how well an image fits its prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdeval.config.case import Case
from sdeval.metrics.base import Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS, WithClip, load_clip

INFO = MetricInfo(
    name="clip_score",
    title="CLIP score",
    explanation="How well the image fits its prompt.",
    unit="points",
    higher_is_better=True,
    tolerance=0.3,
    range=(-100.0, 100.0),
    formula=(
        "100 · cos(image, prompt), in CLIP features; not clipped at 0, and without the paper's factor 2.5; of an edit, "
        "with edited_prompt where the case has one"
    ),
    paper="Hessel et al. 2021, CLIPScore, arXiv 2104.08718",
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to=(
        "counts, spelling, left and right, small objects, the end of a prompt of more than 77 tokens; blur and "
        "noise move it little"
    ),
)


def clip_score(images: Features, texts: Features) -> list[float]:
    """100 times the cosine similarity between image and text features, -100 to 100, row by row.

    Hessel et al., CLIPScore (arXiv 2104.08718), without its clipping at 0 and its factor 2.5: values are raw, so that
    differences mean the same everywhere on the scale.

    Args:
        images: `[n, d]`.
        texts: `[n, d]`.
    """
    image_directions = images / np.linalg.norm(images, axis=1, keepdims=True)
    text_directions = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    return [float(score) for score in 100 * (image_directions * text_directions).sum(axis=1)]


class ClipScore(WithClip):
    """CLIP score of whole images against their prompts."""

    info = INFO

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.caption,)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        features = self._clip.images([image.image for image in images])
        return clip_score(features, self._clip.texts([image.case.caption for image in images]))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model."""
    return ClipScore(load_clip(options.clip_model, options.device))
