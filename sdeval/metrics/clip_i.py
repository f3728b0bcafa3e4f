"""How much of what an image shows is kept, by the cosine of CLIP features: of the init image, or of the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from sdeval.config.case import TASKS
from sdeval.metrics.base import Extractor, Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import load_clip
from sdeval.metrics.per_image import Registered, init_of

INFO = MetricInfo(
    name="clip_i",
    title="CLIP-I vs init image",
    unit="points",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image",),
    tasks=("img2img", "inpainting", "edit"),
    explanation="100 for the init image itself; an edit that was asked for lowers it as well: look at clip_score too",
    formula="100 cos(features of the image, features of the init image, or of the first input image of an edit)",
    paper="CLIP-I: arXiv 2208.12242 (against reference images), 2211.09800 (against the image that is edited)",
    licence="that of the suite's clip_model",
    weights="those of the suite's clip_model",
    blind_to="small details, positions, and whether a change was asked for",
)
OF_BASELINE = replace(
    INFO,
    name="baseline_clip_i",
    title="CLIP-I vs baseline",
    needs=("baseline",),
    tasks=TASKS,
    gating=False,
    explanation="100 for the baseline's image itself; another image may be as good, so it is reported only",
    formula="100 cos(features of the image, features of the baseline's image)",
)

Other = Callable[[GeneratedImage], Image.Image]
"""The image that another one is compared with."""


def image_similarity(images: Features, others: Features) -> list[float]:
    """100 times the cosine between the features of two images, -100 to 100, row by row.

    Args:
        images: `[n, d]`.
        others: `[n, d]`.
    """
    lengths = np.linalg.norm(images, axis=1) * np.linalg.norm(others, axis=1)
    return [float(score) for score in 100 * (images * others).sum(axis=1) / lengths]


@dataclass(frozen=True, slots=True)
class ImageSimilarity:
    """Compares each image with another one in the features of an extractor."""

    info: MetricInfo
    extractor: Extractor
    other: Other

    @property
    def version(self) -> str:
        """Formula and weights."""
        return f"1 {self.extractor.version}"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        others = [self.other(image) for image in images]
        # All seeds of a case share their init image.
        distinct = list({id(other): other for other in others}.values())
        rows = {id(other): row for row, other in enumerate(distinct)}
        features = self.extractor.images(distinct)[[rows[id(other)] for other in others]]
        return image_similarity(self.extractor.images([image.image for image in images]), features)


def baseline_of(image: GeneratedImage) -> Image.Image:
    """The baseline's image of the sample at full size.

    Raises:
        ValueError: the baseline has none.
    """
    if image.pair is None:
        raise ValueError(f"case {image.case.id} has no image in the baseline")
    return image.pair[0]


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model."""
    return ImageSimilarity(INFO, load_clip(options.clip_model, options.device), init_of)


of_baseline = Registered(
    OF_BASELINE,
    lambda options: ImageSimilarity(OF_BASELINE, load_clip(options.clip_model, options.device), baseline_of),
)
"""The same against the baseline's image: reported only."""
