"""Directional CLIP similarity (img2img): whether the picture changed the way the words did."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import Features, Floats, MetricInfo, MetricOptions, Picture, SampleMetric
from sdeval.metrics.features.clip import WithClip, load_clip
from sdeval.metrics.per_image import init_of

INFO = MetricInfo(
    name="directional_clip",
    title="changes the init image as the prompt says (CLIP)",
    unit="points",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image", "image_prompt"),
    tasks=("img2img",),
)

SHORTEST = 1e-4
"""A change of features below this is rounding of the encoder: it points anywhere."""


def directional_clip(images: Features, inits: Features, texts: Features, init_texts: Features) -> list[float]:
    """100 times the cosine between the change of the picture and that of the text, -100 to 100, row by row.

    Gal et al. 2021, StyleGAN-NADA (arXiv 2108.00946), as Brooks et al. 2022, InstructPix2Pix (arXiv 2211.09800),
    measure edits by it: features are scaled to length 1 before they are subtracted.

    Args:
        images: `[n, d]`, of the results.
        inits: `[n, d]`, of the init images.
        texts: `[n, d]`, of the prompts.
        init_texts: `[n, d]`, of what the init images show.

    Raises:
        ValueError: two pictures or two texts of a row have the same features: there is no direction.
    """
    seen = _direction(images, inits, "the picture has the CLIP features of its init image")
    asked = _direction(texts, init_texts, "prompt and image_prompt have the same CLIP features")
    return [float(value) for value in 100 * (seen * asked).sum(axis=1)]


def _direction(after: Features, before: Features, nothing: str) -> Floats:
    change = _unit(after) - _unit(before)
    length = np.linalg.norm(change, axis=1, keepdims=True)
    if (length < SHORTEST).any():
        raise ValueError(f"{nothing}: there is no direction")
    return np.asarray(change / length)


def _unit(features: Features) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


class DirectionalClip(WithClip):
    """The similarity of whole pictures: from the init image to the result, from `image_prompt` to `prompt`."""

    info = INFO

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """Points, one a picture."""
        inits = [init_of(each) for each in pictures]
        told = [_image_prompt(each) for each in pictures]
        for each, init in zip(pictures, inits, strict=True):
            if np.array_equal(to_pixels(each.image), to_pixels(init)):
                raise ValueError("the picture is its init image: there is no direction")
        return directional_clip(
            self._clip.images([each.image for each in pictures]),
            self._clip.images(inits),
            self._clip.texts([each.case.prompt for each in pictures]),
            self._clip.texts(told),
        )


def _image_prompt(picture: Picture) -> str:
    if not picture.case.image_prompt:
        raise ValueError(f"case {picture.case.id} has no image_prompt")
    return picture.case.image_prompt


def create(options: MetricOptions) -> SampleMetric:
    """With the suite's CLIP."""
    return DirectionalClip(load_clip(options.clip_model, options.device))
