"""The parts of a sample that a metric cannot do without, and metrics that are one function of one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, Picture, SampleMetric


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry takes for a metric where a module holds more than one."""

    INFO: MetricInfo
    create: Callable[[MetricOptions], SampleMetric]


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A metric that is one function of one picture."""

    info: MetricInfo
    version: str
    function: Callable[[Picture], float]

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """One score a picture, in the metric's unit."""
        return [self.function(each) for each in pictures]


def init_of(picture: Picture) -> Image.Image:
    """The init image.

    Raises:
        ValueError: the case has none.
    """
    if picture.init is None:
        raise ValueError(f"case {picture.case.id} has no image")
    return picture.init


def mask_of(picture: Picture) -> Image.Image:
    """The mask, as grey levels.

    Raises:
        ValueError: the case has none.
    """
    if picture.mask is None:
        raise ValueError(f"case {picture.case.id} has no mask")
    return picture.mask


def pair_of(picture: Picture) -> tuple[Pixels, Pixels]:
    """The baseline's picture of the sample, and this one in the same form, each `[height, width, 3]`.

    Raises:
        ValueError: the baseline has none.
    """
    if picture.pair is None:
        raise ValueError(f"case {picture.case.id} has no picture in the baseline")
    before, now = picture.pair
    return to_pixels(before), to_pixels(now)


def levels_of(mask: Image.Image) -> Pixels:
    """A mask as `[height, width]` uint8."""
    return np.asarray(mask.convert("L"))
