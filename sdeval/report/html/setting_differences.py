"""How far the images of settings are from those of the reference, in numbers, for the viewer of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sdeval._utils.parallel import CORES, in_threads
from sdeval.imaging.difference import IDENTICAL, ImageDifference
from sdeval.imaging.io import Pixels, open_rgb, to_pixels
from sdeval.imaging.similarity import image_difference
from sdeval.report.html.image_sources import DAMAGE
from sdeval.results.records import SampleResult
from sdeval.results.run import Stored

MOST_PIXELS = 2**29
"""In all images of a comparison, which take twenty seconds of a core. In a larger one nothing is measured."""
USUAL_PIXELS = 2**20
"""Of an image of before sizes were kept."""
Differences = list[ImageDifference | None]
"""One for each setting; None for the reference, and where the images cannot be compared."""


def measure_differences(stored: Sequence[Stored], reference: int, keys: Sequence[tuple[str, int]]) -> list[Differences]:
    """For every sample, how far the image of each setting is from that of the reference.

    Args:
        stored: the settings.
        reference: the place of the reference among them.
        keys: case and seed of the samples.
    """
    if sum(_pixel_count(sample) for item in stored for sample in item.run.samples) > MOST_PIXELS:
        return [[None] * len(stored) for _ in keys]
    by_key = [{sample.key: sample for sample in item.run.samples} for item in stored]

    def measure(key: tuple[str, int]) -> Differences:
        return _differences(stored, reference, [samples.get(key) for samples in by_key])

    return in_threads(measure, keys, threads=CORES)


def _pixel_count(sample: SampleResult) -> int:
    if not sample.image or sample.is_thumbnail:
        return 0
    return sample.width * sample.height or USUAL_PIXELS


def _differences(stored: Sequence[Stored], reference: int, samples: Sequence[SampleResult | None]) -> Differences:
    base = samples[reference]
    if base is None or not base.image or base.is_thumbnail:
        return [None] * len(stored)
    before: Pixels | None = None
    differences: Differences = []
    for place, (item, sample) in enumerate(zip(stored, samples, strict=True)):
        if place == reference or sample is None or not sample.image or sample.is_thumbnail:
            differences.append(None)
        elif sample.sha256 == base.sha256:
            differences.append(IDENTICAL)
        else:
            before = _pixels(stored[reference], base) if before is None else before
            differences.append(_difference(before, _pixels(item, sample)))
    return differences


def _pixels(stored: Stored, sample: SampleResult) -> Pixels | None:
    """None where the image is gone or corrupt: the page shows that."""
    with suppress(*DAMAGE):
        return to_pixels(open_rgb(stored.folder / sample.image))
    return None


def _difference(before: Pixels | None, now: Pixels | None) -> ImageDifference | None:
    if before is None or now is None or before.shape != now.shape:
        return None
    return image_difference(before, now)
