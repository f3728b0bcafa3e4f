"""Images that are nearly the same as one of another case, a sign that the model ignores the prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval.imaging.io import Pixels
from sdeval.metrics.base import Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric

INFO = MetricInfo(
    name="duplicates",
    title="Near-duplicates",
    explanation=(
        "Share of images that are nearly the same as an image of another case: a sign that prompts are ignored."
    ),
    unit="percent",
    higher_is_better=False,
    tolerance=2.0,
    range=(0.0, 100.0),
    alone=False,
    formula=(
        "100 where an image of another case has a difference hash within 2 of 64 bits, and at 32x32 pixels "
        "differs by less than 4 levels on average and 24 at most, else 0"
    ),
    paper="Krawetz 2013, difference hash, hackerfactor.com; the comparison of pixels is sdeval's own",
    weights="none",
    licence="Apache-2.0 (sdeval)",
    blind_to="images that show the same in another composition, crop or mirrored",
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

AT_ONCE = 64
"""Images that one is compared with at a time."""

Bits = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def difference_hash(image: Image.Image) -> Bits:
    """64 bits, `[64]`: whether each cell of a grid of 8 rows and 9 columns is darker than the cell to its right.

    Krawetz 2013 ("Kind of like that", hackerfactor.com), with a minimum step so that noise in flat areas sets no bit.
    """
    grid = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.float64)
    return np.asarray(np.diff(grid, axis=1) > STEP).ravel()


def small(image: Image.Image) -> Pixels:
    """The image reduced to 32x32 pixels, `[32, 32, 3]`."""
    return np.asarray(image.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BOX))


@dataclass(frozen=True, slots=True)
class Summary:
    """What is compared of an image: 3 KB."""

    bits: Bits
    """Its difference hash, `[64]`."""
    levels: Pixels
    """Its 32x32 pixels, `[3072]`."""

    @classmethod
    def of(cls, image: Image.Image) -> Summary:
        """Summarise one image."""
        return cls(difference_hash(image), small(image).ravel())


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
    return duplicate_summaries([Summary.of(image) for image in images], cases)


def duplicate_summaries(summaries: Sequence[Summary], cases: Sequence[str]) -> list[float]:
    """The same, of images that were summarised; the time grows with their number, not with its square.

    Raises:
        ValueError: all images are of one case.
    """
    if len(set(cases)) < 2:
        raise ValueError("the run holds one case: there is no other to be the same as")
    finder = _Finder.of(summaries, cases)
    for rows in _similar_hashes(finder.hashes):
        finder.search(rows)
    return [100.0 if is_duplicate else 0.0 for is_duplicate in finder.flags]


def _similar_hashes(hashes: Bits) -> Iterator[Rows]:
    """Groups of rows that agree in one of three parts of their hashes: two that differ in two bits agree in one."""
    for part in np.array_split(hashes, BITS + 1, axis=1):
        _, values = np.unique(np.packbits(part, axis=1), axis=0, return_inverse=True)
        order = np.argsort(values.ravel(), kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(values.ravel()[order])) + 1)
        yield from (rows for rows in groups if len(rows) > 1)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Marks the rows that have a duplicate."""

    names: npt.NDArray[np.int64]
    """`[n]`, the number of the case."""
    hashes: Bits
    levels: Pixels
    means: Floats
    flags: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, summaries: Sequence[Summary], cases: Sequence[str]) -> _Finder:
        _, names = np.unique(np.asarray(cases), return_inverse=True)
        levels = np.stack([summary.levels for summary in summaries])
        hashes = np.stack([summary.bits for summary in summaries])
        return cls(names, hashes, levels, levels.mean(axis=1), np.zeros(len(summaries), dtype=bool))

    def search(self, rows: Rows) -> None:
        """Compare rows with each other as far as their mean levels allow: these differ by less than the images do."""
        rows = rows[np.argsort(self.means[rows], kind="stable")]
        means = self.means[rows]
        for row in rows:
            if self.flags[row]:
                continue
            first, last = np.searchsorted(means, (self.means[row] - MEAN, self.means[row] + MEAN))
            for start in range(first, last, AT_ONCE):
                matches = self._duplicates(row, rows[start : min(start + AT_ONCE, last)])
                self.flags[matches] = True
                if len(matches):
                    self.flags[row] = True
                    break

    def _duplicates(self, row: int, others: Rows) -> Rows:
        """Those of some rows that are duplicates of this one."""
        near = (self.hashes[others] != self.hashes[row]).sum(axis=1) <= BITS
        others = others[near & (self.names[others] != self.names[row])]
        differences = np.abs(self.levels[others].astype(np.int16) - self.levels[row])
        are_near = (differences.mean(axis=1) < MEAN) & (differences.max(axis=1, initial=0) < LARGEST)
        return np.asarray(others[are_near])


class Duplicates:
    """Duplicates among the images of a run."""

    info = INFO
    version = "1"

    def summarise(self, images: Sequence[GeneratedImage]) -> list[Summary]:
        """What is compared of each image."""
        return [Summary.of(image.image) for image in images]

    def score_summaries(self, summaries: Sequence[Summary], cases: Sequence[str]) -> list[float]:
        """100 or 0 for each image of a run."""
        return duplicate_summaries(summaries, cases)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """100 or 0 for each image; `images` must be all images of a run."""
        return self.score_summaries(self.summarise(images), [image.case.id for image in images])


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; it has no options."""
    return Duplicates()
