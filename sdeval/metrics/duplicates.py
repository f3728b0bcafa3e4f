"""Images that are nearly the same as one of another case, a sign that the model ignores the prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval.metrics.base import Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric

INFO = MetricInfo(
    name="duplicates",
    title="nearly the same image in another case",
    unit="percent",
    higher_is_better=False,
    tolerance=2.0,
    range=(0.0, 100.0),
    alone=False,
)

EDGE = 32
"""Width and height, in pixels, at which images are compared."""
BITS = 2
"""How many of the 64 bits of the hash may differ."""
STEP = 2.0
"""Levels by which a grid cell must be brighter than its neighbour: in flat areas, cells differ by noise alone."""
MEAN = 4.0
"""Mean absolute difference, in levels, below which two images look the same at a glance."""
LARGEST = 24.0
"""Largest difference of a pixel, in levels: two small objects on the same flat background are alike on average."""

Bits = npt.NDArray[np.bool_]


def difference_hash(image: Image.Image) -> Bits:
    """64 bits, `[64]`: whether each cell of a grid of 8 rows and 9 columns is darker than the cell to its right.

    Krawetz 2013 ("Kind of like that", hackerfactor.com), with a minimum step so that noise in flat areas sets no bit.
    """
    grid = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.float64)
    return np.asarray(np.diff(grid, axis=1) > STEP).ravel()


def small(image: Image.Image) -> Floats:
    """The image reduced to 32x32 pixels, `[32, 32, 3]`, in levels."""
    resized = image.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BOX)
    return np.asarray(resized, dtype=np.float64)


def duplicates(images: Sequence[Image.Image], cases: Sequence[str]) -> list[float]:
    """100 where an image of another case is nearly the same, else 0.

    Two images are nearly the same if their difference hashes differ in at most 2 bits, and if at 32x32 pixels they
    differ by less than 4 levels on average and less than 24 at every pixel. The hash finds candidates quickly; the
    levels decide, because flat images of any colour have the same hash.

    Args:
        images: of any sizes.
        cases: the case of each.

    Raises:
        ValueError: all images are of one case.
    """
    if len(set(cases)) < 2:
        raise ValueError("the run holds one case: there is no other to be the same as")
    names = np.asarray(cases)
    hashes = np.stack([difference_hash(image) for image in images])
    pixels = np.stack([small(image) for image in images])
    flags = []
    for row in range(len(images)):
        candidates = (names != names[row]) & ((hashes != hashes[row]).sum(axis=1) <= BITS)
        differences = np.abs(pixels[candidates] - pixels[row]).reshape(-1, EDGE * EDGE * 3)
        flags.append(bool(((differences.mean(axis=1) < MEAN) & (differences.max(axis=1) < LARGEST)).any()))
    return [100.0 if is_duplicate else 0.0 for is_duplicate in flags]


class Duplicates:
    """Duplicates among the images of a run."""

    info = INFO
    version = "1"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """100 or 0 for each image; `images` must be all images of a run."""
        return duplicates([image.image for image in images], [image.case.id for image in images])


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return Duplicates()
