"""How much images of different seeds of a case differ. Low values mean mode collapse, or that seeds are ignored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdeval.metrics.base import Features, Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS, WithClip, load_clip

INFO = MetricInfo(
    name="diversity",
    title="Diversity across seeds",
    explanation=(
        "How much the images of different seeds of a case differ: low where seeds are ignored or modes collapse."
    ),
    unit="points",
    higher_is_better=True,
    tolerance=0.1,
    tolerance_is_relative=True,
    range=(0.0, 200.0),
    needs=("seeds",),
    alone=False,
    formula="mean of 100 · (1 - cos) between the images of a case, in CLIP features",
    paper="Zhu et al. 2017, arXiv 1711.11586, who use LPIPS as the distance",
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to="whether the images are any good: broken and noisy images differ as well",
)


def diversity(features: Features, cases: Sequence[str]) -> list[float]:
    """Mean of `100 (1 - cosine)` from each row to the other rows of its case, 0 to 200.

    The average pairwise distance is a common measure of diversity (Zhu et al. 2017, arXiv 1711.11586, with LPIPS); it
    is computed here in CLIP features. The mean over the rows of a case is the mean over its pairs.

    Args:
        features: `[n, d]`.
        cases: `[n]`, the case of each row.

    Raises:
        ValueError: a case has a single row.
    """
    values = np.asarray(features, dtype=np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    rows_of: dict[str, list[int]] = {}
    for row, case in enumerate(cases):
        rows_of.setdefault(case, []).append(row)
    scores = np.zeros(len(cases))
    for case, rows in rows_of.items():
        if len(rows) < 2:
            raise ValueError(f"case {case} has one image: there is no other seed to differ from")
        # The distance of a row from itself is 0 and adds nothing.
        distances = 1 - unit[rows] @ unit[rows].T
        scores[rows] = 100 * distances.sum(axis=1) / (len(rows) - 1)
    return [float(score) for score in scores]


class Diversity(WithClip):
    """The diversity of the seeds of each case."""

    info = INFO

    def summarise(self, images: Sequence[GeneratedImage]) -> Sequence[Floats]:
        """The features of each image, `[d]`."""
        return list(self._clip.images([image.image for image in images]))

    def score_summaries(self, summaries: Sequence[Floats], cases: Sequence[str]) -> list[float]:
        """One score for each image of a run, in points."""
        return diversity(np.stack(summaries), cases)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points; `images` must be all images of a run."""
        return self.score_summaries(self.summarise(images), [image.case.id for image in images])


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model."""
    return Diversity(load_clip(options.clip_model, options.device))
