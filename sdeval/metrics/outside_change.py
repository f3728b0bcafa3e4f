"""What inpainting changed outside the mask, where nothing should change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdeval.images import Pixels, to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, Picture, SampleMetric

INFO = MetricInfo(
    name="outside_change",
    title="change outside the mask",
    unit="levels",
    higher_is_better=False,
    tolerance=1.0,
    range=(0.0, 255.0),
    needs=("image", "mask"),
    tasks=("inpainting",),
)


def outside_change(image: Pixels, init: Pixels, mask: Pixels) -> float:
    """Mean absolute difference to the init image where the mask is black, in levels 0 to 255.

    Args:
        image: `[height, width, 3]`.
        init: `[height, width, 3]`.
        mask: `[height, width]`, 128 and above is painted.

    Raises:
        ValueError: sizes differ, or the mask leaves nothing outside.
    """
    if image.shape != init.shape or image.shape[:2] != mask.shape:
        raise ValueError(f"sizes differ: image {image.shape}, init {init.shape}, mask {mask.shape}")
    outside = mask < 128
    if not outside.any():
        raise ValueError("the mask covers the whole picture: there is no outside")
    return float(np.abs(image.astype(float) - init.astype(float))[outside].mean())


class OutsideChange:
    """`outside_change` of every picture."""

    info = INFO
    version = "1"

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """Levels, one a picture."""
        return [_score(each) for each in pictures]


def _score(picture: Picture) -> float:
    if picture.init is None or picture.mask is None:
        raise ValueError(f"case {picture.case.id} has no image or no mask")
    return outside_change(to_pixels(picture.image), to_pixels(picture.init), np.asarray(picture.mask))


def create(options: MetricOptions) -> SampleMetric:
    """Needs nothing."""
    return OutsideChange()
