"""What comes out of generating one sample, and how values become an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval._utils.validation import Checked
from sdeval.config.case import Sample


@dataclass(frozen=True, slots=True)
class Stages(Checked):
    """Seconds of one pipeline call, apart."""

    encode: float
    """Texts, and a prior's work."""
    denoise: float
    decode: float
    steps: int
    """As often as the callback came, which need not be the number asked for."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What came out for one sample."""

    sample: Sample
    image: Image.Image
    finite: bool
    """Whether every value was a finite number before it became a pixel."""
    flagged: bool | None
    """Whether the pipeline's safety checker replaced the image; None where none looked at it."""
    seconds: float
    """Time of the batch, divided by its size."""
    stages: Stages | None = None
    """Of the whole batch, where the pipeline tells."""
    warming: bool = False
    """Whether it was in the first batch of a pipeline, which pays for warming up and compiling."""


def to_image(values: npt.NDArray[np.floating[Any]]) -> Image.Image:
    """`[height, width, 3]` in 0..1 as an image; values that are no numbers become black."""
    levels = np.rint(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0) * 255)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
