"""Reference images of set metrics: their features, loaded once per process, and a hash that identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sdeval import metrics
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.imaging.io import open_rgb, pixel_hash
from sdeval.metrics.base import Difference, Extractor, Features, MetricOptions, Reference, SetMetric, Swapped
from sdeval.metrics.sets.reference_cache import Loaded, load_or_compute

CHUNK = 256
"""Images open at a time."""


_cache: dict[tuple[Path, str], Loaded] = {}


def load(folder: Path, metric: SetMetric) -> Loaded:
    """Features of every `.png` in a folder, in order of their names.

    Raises:
        ValueError: fewer than two images, one that cannot be opened, or features that are no numbers.
    """
    # In another working directory, the same name means another folder.
    key = (folder.resolve(), metric.extractor.version)
    if key not in _cache:
        paths = sorted(folder.glob("*.png"))
        try:
            _cache[key] = load_or_compute(paths, metric.extractor, lambda: _compute(paths, metric.extractor))
        except SdevalError as error:
            raise ValueError(str(error)) from None
    return _cache[key]


def _compute(paths: Sequence[Path], extractor: Extractor) -> Loaded:
    digest = hashlib.sha256()
    reference = Reference.of_chunks(_chunks(paths, extractor, digest.update))
    return Loaded(digest.hexdigest()[:16], reference)


def _chunks(paths: Sequence[Path], extractor: Extractor, update_hash: Callable[[bytes], None]) -> Iterator[Features]:
    """Features of `CHUNK` images at a time; the hash of each image is passed to `update_hash`."""
    for start in range(0, len(paths), CHUNK):
        images = [open_rgb(path) for path in paths[start : start + CHUNK]]
        for image in images:
            update_hash(pixel_hash(image).encode())
        yield extractor.images(images)


def swap_difference_of(suite: Suite, name: str, options: MetricOptions) -> Swapped | None:
    """How a set metric of a suite computes its difference with cases swapped; None for any other metric."""
    if suite.references is None or metrics.info(name).scope != "set":
        return None
    metric = metrics.create(name, options)
    assert isinstance(metric, SetMetric)
    try:
        reference = load(suite.references, metric).reference
    except ValueError:
        # The run reports the reason for which the metric has no value.
        return None
    return partial(_difference, metric, reference)


def _difference(
    metric: SetMetric, reference: Reference, before: Features, after: Features, cases: npt.NDArray[np.int64]
) -> Difference:
    try:
        return metric.swap_difference(before, after, cases, reference)
    except ValueError as error:
        raise SdevalError(f"features of the baseline or the run are of no use: {error}; accept a run again") from error
