"""Directional CLIP similarity: whether the image changed in the direction in which its description changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from sdeval.config.case import Case
from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import Features, Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS, WithClip, load_clip
from sdeval.metrics.per_image import init_of

INFO = MetricInfo(
    name="directional_clip",
    title="Directional CLIP",
    explanation=(
        "Whether the image changed in the direction in which the prompt differs from the description of the init image."
    ),
    unit="points",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image", "image_prompt"),
    needs_of_edits=("edited_prompt",),
    of_some_cases=True,
    tasks=("img2img", "edit"),
    formula=(
        "100 · cos(image - init image, prompt - image_prompt), in CLIP features of length 1; of an edit, with its "
        "first input image and edited_prompt"
    ),
    paper=(
        "Gal et al. 2021, StyleGAN-NADA, arXiv 2108.00946; for edits: Brooks et al. 2022, InstructPix2Pix, arXiv "
        "2211.09800"
    ),
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to=(
        "how far the image changed, and whether it changed elsewhere too; where the two prompts hardly differ it "
        "is mostly chance"
    ),
)

SHORTEST = 1e-4
"""A change of features shorter than this is rounding error of the encoder: its direction is arbitrary."""


def directional_clip(images: Features, inits: Features, texts: Features, init_texts: Features) -> list[float]:
    """100 times the cosine between the change of the image and that of the text, -100 to 100, row by row.

    Gal et al. 2021, StyleGAN-NADA (arXiv 2108.00946), as Brooks et al. 2022, InstructPix2Pix (arXiv 2211.09800),
    measure edits by it: features are scaled to length 1 before they are subtracted.

    Args:
        images: `[n, d]`, of the results.
        inits: `[n, d]`, of the init images.
        texts: `[n, d]`, of the prompts, or of what the edited images shall show.
        init_texts: `[n, d]`, of what the init images show.

    Raises:
        ValueError: two images or two texts of a row have the same features: there is no direction.
    """
    image_change = _direction(images, inits, "the image has the CLIP features of its init image")
    text_change = _direction(texts, init_texts, "prompt and image_prompt have the same CLIP features")
    return [float(value) for value in 100 * (image_change * text_change).sum(axis=1)]


def _direction(after: Features, before: Features, message: str) -> Floats:
    change = _unit(after) - _unit(before)
    length = np.linalg.norm(change, axis=1, keepdims=True)
    if (length < SHORTEST).any():
        raise ValueError(f"{message}: there is no direction")
    return np.asarray(change / length)


def _unit(features: Features) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


class DirectionalClip(WithClip):
    """Compares the change from init image to result with the change from `image_prompt` to the caption."""

    info = INFO

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.image_prompt, case.caption)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        inits = [init_of(image) for image in images]
        init_texts = [_image_prompt(image) for image in images]
        for image, init in zip(images, inits, strict=True):
            if np.array_equal(to_pixels(image.image), to_pixels(init)):
                raise ValueError("the image is its init image: there is no direction")
        # The images come last: the next metric that asks for their features shares them.
        init_features = self._features_of(inits)
        return directional_clip(
            self._clip.images([image.image for image in images]),
            init_features,
            self._clip.texts([image.case.caption for image in images]),
            self._clip.texts(init_texts),
        )

    def _features_of(self, inits: Sequence[Image.Image]) -> Features:
        """Features of init images, `[n, d]`; seeds of a case have the same one, which is encoded once."""
        distinct = {id(init): init for init in inits}
        features = dict(zip(distinct, self._clip.images(list(distinct.values())), strict=True))
        return np.stack([features[id(init)] for init in inits])


def _image_prompt(image: GeneratedImage) -> str:
    if not image.case.image_prompt:
        raise ValueError(f"case {image.case.id} has no image_prompt")
    return image.case.image_prompt


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model."""
    return DirectionalClip(load_clip(options.clip_model, options.device))
