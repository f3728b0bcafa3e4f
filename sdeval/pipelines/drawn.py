"""What comes out of drawing one sample, and how values become a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval.suite import Sample


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came out for one sample."""

    sample: Sample
    picture: Image.Image
    finite: bool
    """Whether every value was a finite number before it became a pixel."""
    flagged: bool
    """Whether the pipeline's safety checker replaced the picture."""
    seconds: float
    """Time of the batch, divided by its size."""


def to_picture(values: npt.NDArray[np.floating[Any]]) -> Image.Image:
    """`[height, width, 3]` in 0..1 as a picture; values that are no numbers become black."""
    levels = np.rint(np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0) * 255)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
