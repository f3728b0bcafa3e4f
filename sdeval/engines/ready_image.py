"""An image that exists already: what stands in for an engine where a test brings the image that it generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdeval._utils import environment
from sdeval.config.case import Sample, Task
from sdeval.config.target import Target
from sdeval.engines.generated import Generated, to_image
from sdeval.errors import SdevalError, one_line
from sdeval.imaging.io import open_rgb

ALLOWED = "must be a PIL image, a path, or an array [height, width, 3] of bytes or of floats in 0..1"
ROUNDING = 0.01
"""Floats may lie this far outside 0..1: a pipeline that does not clip its output overshoots."""


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """Pixels, and whether all values that they came from were finite numbers."""

    pixels: Image.Image
    finite: bool = True

    @classmethod
    def of(cls, value: Any) -> ReadyImage:
        """The image of what a test has: a PIL image, a path, or an array.

        Raises:
            SdevalError: it is none of these, has transparency, or its numbers are on another scale.
        """
        if isinstance(value, (str, Path)):
            return cls(open_rgb(Path(value)))
        if isinstance(value, Image.Image):
            return cls(_opaque(value))
        try:
            array = np.asarray(value)
        # A tensor on an accelerator, for example: its library says what to do.
        except Exception as error:
            raise SdevalError(f"image: {ALLOWED}; got {type(value).__name__}: {one_line(str(error))}") from None
        return cls._of_array(array, type(value).__name__)

    @classmethod
    def _of_array(cls, array: Any, kind: str) -> ReadyImage:
        if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape or array.dtype.kind not in "fu":
            raise SdevalError(f"image: {ALLOWED}; got {one_line(f'{kind} {list(array.shape)} of {array.dtype}')}")
        if array.dtype == np.uint8:
            return cls(Image.fromarray(array))
        if array.dtype.kind == "u":
            raise SdevalError(f"image: {ALLOWED}; got {array.dtype}, divide it by its largest value")
        finite = array[np.isfinite(array)]
        if finite.size and (finite.min() < -ROUNDING or finite.max() > 1 + ROUNDING):
            raise SdevalError(f"image: {ALLOWED}; got floats from {finite.min():.3g} to {finite.max():.3g}")
        return cls(to_image(array), finite.size == array.size)


def _opaque(image: Image.Image) -> Image.Image:
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        raise SdevalError("image: is transparent; lay it on the background that is meant")
    return image.convert("RGB")


class ReadyImageEngine:
    """Gives the image of a test where an engine would generate one.

    Args:
        target: names what generated it.
        image: what came of it.
    """

    batch_size = 1
    load_seconds = 0.0

    def __init__(self, target: Target, image: ReadyImage) -> None:
        self.target = target
        self._image = image

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of this process, which generated the image."""
        return environment.describe()

    @cached_property
    def device(self) -> str:
        """Where the image is scored."""
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(self.target.device)

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """The image, for the only sample there is."""
        image = self._image
        return [Generated(sample, image.pixels, image.finite, False, seconds=0.0) for sample in batch]

    def describe(self, task: Task) -> dict[str, Any]:
        """What is known of how it was generated: a test did it."""
        return {"pipeline": "a test"}
