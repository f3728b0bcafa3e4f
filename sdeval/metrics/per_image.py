"""The parts of a sample that a metric requires, and metrics that are a function of one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics.base import GeneratedImage, Metric, MetricInfo, MetricOptions


@dataclass(frozen=True, slots=True)
class Registered:
    """Stands for a metric in the registry where a module defines more than one."""

    INFO: MetricInfo
    create: Callable[[MetricOptions], Metric]


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A metric that is a function of one image."""

    info: MetricInfo
    version: str
    function: Callable[[GeneratedImage], float]

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in the metric's unit."""
        return [self.function(image) for image in images]


def init_of(image: GeneratedImage) -> Image.Image:
    """The init image.

    Raises:
        ValueError: the case has none.
    """
    if image.init is None:
        raise ValueError(f"case {image.case.id} has no image")
    return image.init


def mask_of(image: GeneratedImage) -> Image.Image:
    """The mask, as grey levels.

    Raises:
        ValueError: the case has none.
    """
    if image.mask is None:
        raise ValueError(f"case {image.case.id} has no mask")
    return image.mask


def pair_of(image: GeneratedImage) -> tuple[Pixels, Pixels]:
    """The baseline's image of the sample at full size, and this image, each `[height, width, 3]`.

    Raises:
        ValueError: the baseline has none.
    """
    if image.pair is None:
        raise ValueError(f"case {image.case.id} has no image in the baseline")
    baseline, current = image.pair
    return to_pixels(baseline), to_pixels(current)


def levels_of(mask: Image.Image) -> Pixels:
    """A mask as `[height, width]` uint8."""
    return np.asarray(mask.convert("L"))
