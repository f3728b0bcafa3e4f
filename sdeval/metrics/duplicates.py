"""Images that another case has as well: the prompt no longer reaches the model."""

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
"""Images are compared at this many pixels each way."""
BITS = 2
"""Of the 64 bits of the hash, how many may differ."""
STEP = 2.0
"""Levels by which a place of the hash must be brighter than its neighbour: flat areas differ by noise alone."""
MEAN = 4.0
"""Mean absolute difference, in levels, that stays below what can be seen at a glance."""
LARGEST = 24.0
"""At no place may they differ by more, in levels: two small things on the same flat ground are alike on average."""

Bits = npt.NDArray[np.bool_]


def difference_hash(image: Image.Image) -> Bits:
    """64 bits, `[64]`: whether each place of a grid of 8 rows and 9 columns is darker than that to its right.

    Krawetz 2013 ("Kind of like that", hackerfactor.com), with a step that noise on flat areas does not take.
    """
    grid = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.float64)
    return np.asarray(np.diff(grid, axis=1) > STEP).ravel()


def small(image: Image.Image) -> Floats:
    """An image of 32x32 places, `[32, 32, 3]`, in levels."""
    resized = image.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BOX)
    return np.asarray(resized, dtype=np.float64)


def duplicates(images: Sequence[Image.Image], cases: Sequence[str]) -> list[float]:
    """100 where an image of another case is nearly the same, else 0.

    Nearly the same: difference hashes at most 2 bits apart, and at 32x32 less than 4 levels apart on average and 24 at
    every place. The hash finds candidates fast, the levels decide: flat images of any colour have the same hash.

    Args:
        images: of any sizes.
        cases: the case of each.

    Raises:
        ValueError: all are of one case.
    """
    if len(set(cases)) < 2:
        raise ValueError("the run holds one case: there is no other to be the same as")
    names = np.asarray(cases)
    hashes = np.stack([difference_hash(each) for each in images])
    pixels = np.stack([small(each) for each in images])
    found = []
    for row in range(len(images)):
        near = (names != names[row]) & ((hashes != hashes[row]).sum(axis=1) <= BITS)
        apart = np.abs(pixels[near] - pixels[row]).reshape(-1, EDGE * EDGE * 3)
        found.append(bool(((apart.mean(axis=1) < MEAN) & (apart.max(axis=1) < LARGEST)).any()))
    return [100.0 if each else 0.0 for each in found]


class Duplicates:
    """Duplicates among the images of a run."""

    info = INFO
    version = "1"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """100 or 0, one an image; `images` are all of a run."""
        return duplicates([each.image for each in images], [each.case.id for each in images])


def create(options: MetricOptions) -> SampleMetric:
    """Needs nothing."""
    return Duplicates()
