"""R-precision: whether an image is closer to its own prompt than to any other prompt of the suite."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from sdeval.config.case import Case
from sdeval.metrics.base import Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS, Clip, WithClip, load_clip

INFO = MetricInfo(
    name="r_precision",
    title="R-precision",
    explanation="Share of images that fit their own prompt better than any other prompt of the suite.",
    unit="percent",
    higher_is_better=True,
    tolerance=5.0,
    range=(0.0, 100.0),
    needs=("prompts",),
    formula=(
        "100 where cos(image, own prompt) is larger than with every other prompt of the suite, else 0; a tie gives 0"
    ),
    paper="Park et al. 2021, NeurIPS datasets and benchmarks, with CLIP and R = 1",
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to="whatever keeps the ranking of the prompts; suites of other prompts have other values",
)

TIE = 1e-6
"""Cosines closer than this count as equal: float32 has seven digits."""


def r_precision(images: Features, texts: Features, own: Sequence[int]) -> list[float]:
    """100 where an image's own text is nearer (cosine) than any other, else 0, row by row; a tie gives 0.

    Park et al. 2021 (NeurIPS datasets and benchmarks), with CLIP and R = 1; the published value is the mean over the
    images. The value falls as texts are added: compare only values of the same texts.

    Args:
        images: `[n, d]`.
        texts: `[m, d]`, of distinct texts, at least two.
        own: `[n]`, the row in `texts` of each image's own text.

    Raises:
        ValueError: fewer than two texts.
    """
    if len(texts) < 2:
        raise ValueError("the suite has one distinct prompt: there is nothing to tell it from")
    image_directions = images / np.linalg.norm(images, axis=1, keepdims=True)
    text_directions = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    cosines = (image_directions @ text_directions.T).astype(np.float64)
    rows = np.arange(len(cosines))
    own_cosines = cosines[rows, own].copy()
    cosines[rows, own] = -np.inf
    return [100.0 if is_nearest else 0.0 for is_nearest in own_cosines > cosines.max(axis=1) + TIE]


class RPrecision(WithClip):
    """R-precision at 1 among the distinct prompts of the suite."""

    info = INFO

    def __init__(self, clip: Clip, prompts: Sequence[str]) -> None:
        super().__init__(clip)
        self._prompts = tuple(sorted(set(prompts)))

    @property
    def version(self) -> str:
        """Formula, weights and prompts: another prompt can change the score of every image."""
        digest = hashlib.sha256("\0".join(self._prompts).encode()).hexdigest()[:8]
        return f"1 {self._clip.version} prompts {digest}"

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.caption,)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """100 or 0 for each image."""
        prompts = list(dict.fromkeys((*self._prompts, *(image.case.caption for image in images))))
        places = {prompt: place for place, prompt in enumerate(prompts)}
        own = [places[image.case.caption] for image in images]
        return r_precision(self._clip.images([image.image for image in images]), self._clip.texts(prompts), own)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model and prompts."""
    return RPrecision(load_clip(options.clip_model, options.device), options.prompts)
