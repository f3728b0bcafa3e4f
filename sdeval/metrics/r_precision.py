"""R-precision: whether an image, shown all prompts of the suite, picks its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from sdeval.metrics.base import Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import Clip, load_clip

INFO = MetricInfo(
    name="r_precision",
    title="is reported apart from the suite's other prompts (CLIP)",
    unit="percent",
    higher_is_better=True,
    tolerance=5.0,
    range=(0.0, 100.0),
    needs=("prompts",),
)

TIE = 1e-6
"""Cosines closer than this are the same: float32 keeps seven digits."""


def r_precision(images: Features, texts: Features, own: Sequence[int]) -> list[float]:
    """100 where the own text is nearer (cosine) than any other, else 0; ties are not found. Row by row.

    Park et al. 2021 (NeurIPS datasets and benchmarks), with CLIP and R = 1: the published value is the mean over the
    images. It falls as texts are added: compare only with the same texts.

    Args:
        images: `[n, d]`.
        texts: `[m, d]`, of distinct texts, at least two.
        own: `[n]`, which text each image was asked to show.

    Raises:
        ValueError: fewer than two texts.
    """
    if len(texts) < 2:
        raise ValueError("the suite has one distinct prompt: there is nothing to tell it from")
    one = images / np.linalg.norm(images, axis=1, keepdims=True)
    other = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    cosines = (one @ other.T).astype(np.float64)
    rows = np.arange(len(cosines))
    right = cosines[rows, own].copy()
    cosines[rows, own] = -np.inf
    return [100.0 if found else 0.0 for found in right > cosines.max(axis=1) + TIE]


class RPrecision:
    """R-precision at 1 among the distinct prompts of the suite."""

    info = INFO

    def __init__(self, clip: Clip, prompts: Sequence[str]) -> None:
        self._clip = clip
        self._prompts = tuple(sorted(set(prompts)))

    @property
    def version(self) -> str:
        """Formula, weights, and the prompts: one more makes it harder for all."""
        digest = hashlib.sha256("\0".join(self._prompts).encode()).hexdigest()[:8]
        return f"1 {self._clip.version} prompts {digest}"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """100 or 0, one an image."""
        prompts = list(dict.fromkeys((*self._prompts, *(each.case.prompt for each in images))))
        own = [prompts.index(each.case.prompt) for each in images]
        return r_precision(self._clip.images([each.image for each in images]), self._clip.texts(prompts), own)


def create(options: MetricOptions) -> SampleMetric:
    """With the suite's CLIP and its prompts."""
    return RPrecision(load_clip(options.clip_model, options.device), options.prompts)
