"""CLIP score of the painted region alone (inpainting): the rest of the image cannot hide an error in the region."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from sdeval.config.case import Case
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.clip_score import clip_score
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS, WithClip, load_clip
from sdeval.metrics.per_image import mask_of

INFO = MetricInfo(
    name="region_clip_score",
    title="CLIP score of the painted region",
    explanation="How well the painted region alone fits its prompt.",
    unit="points",
    higher_is_better=True,
    tolerance=0.3,
    range=(-100.0, 100.0),
    needs=("mask",),
    tasks=("inpainting",),
    formula=(
        "the CLIP score of the crop to the mask's bounding box, with the case's region prompt, or its prompt "
        "where it has none"
    ),
    paper="Hessel et al. 2021, CLIPScore, arXiv 2104.08718, applied to a crop",
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to="whatever lies outside the mask's box, whether the region suits its surroundings, counts and spelling",
)


def crop_to_mask(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The part of an image inside the bounding box of the white of its mask.

    Raises:
        ValueError: the mask has no white in it.
    """
    box = mask.point(lambda level: 255 if level >= 128 else 0).getbbox()
    if box is None:
        raise ValueError("the mask has no white in it: nothing was to be painted")
    return image.resize(mask.size).crop(box) if image.size != mask.size else image.crop(box)


class RegionClipScore(WithClip):
    """CLIP score of the masked crop against the case's region prompt, or its prompt where it has none."""

    info = INFO

    def texts_of(self, case: Case) -> Sequence[str]:
        """What is compared with the image."""
        return (case.region_prompt or case.prompt,)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in points."""
        crops = [crop_to_mask(image.image, mask_of(image)) for image in images]
        prompts = [image.case.region_prompt or image.case.prompt for image in images]
        return clip_score(self._clip.images(crops), self._clip.texts(prompts))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the suite's CLIP model."""
    return RegionClipScore(load_clip(options.clip_model, options.device))
