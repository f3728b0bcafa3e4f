"""Reference images of set metrics: their features, computed once a process, and a hash that says which they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sdeval import metrics
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.imaging.io import open_rgb, pixel_hash
from sdeval.metrics.base import Difference, Extractor, Features, MetricOptions, Reference, SetMetric, Swapped

CHUNK = 256
"""Images open at a time."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Reference images as a set metric needs them."""

    fingerprint: str
    """Hash of all pixels, 16 hex digits."""
    reference: Reference


_seen: dict[tuple[Path, str], Loaded] = {}


def load(folder: Path, metric: SetMetric) -> Loaded:
    """Features of every `.png` in a folder, by name order.

    Raises:
        ValueError: fewer than two images, or features that are no numbers.
    """
    # The same name is another folder in another working directory.
    key = (folder.resolve(), metric.extractor.version)
    if key not in _seen:
        digest = hashlib.sha256()
        reference = Reference.of_chunks(_chunks(folder, metric.extractor, digest.update))
        _seen[key] = Loaded(digest.hexdigest()[:16], reference)
    return _seen[key]


def _chunks(folder: Path, extractor: Extractor, seen: Callable[[bytes], None]) -> Iterator[Features]:
    """Features of `CHUNK` images after the other; tells the hash of each image."""
    paths = sorted(folder.glob("*.png"))
    for start in range(0, len(paths), CHUNK):
        images = [open_rgb(path) for path in paths[start : start + CHUNK]]
        for image in images:
            seen(pixel_hash(image).encode())
        yield extractor.images(images)


def swapped_by(suite: Suite, name: str, options: MetricOptions) -> Swapped | None:
    """How a set metric of a suite computes its difference with cases swapped; None for any other metric."""
    if suite.references is None or metrics.info(name).scope != "set":
        return None
    metric = metrics.create(name, options)
    assert isinstance(metric, SetMetric)
    try:
        reference = load(suite.references, metric).reference
    except ValueError:
        # The run says why: its value has no value.
        return None
    return partial(_swapped, metric, reference)


def _swapped(
    metric: SetMetric, reference: Reference, before: Features, after: Features, cases: npt.NDArray[np.int64]
) -> Difference:
    try:
        return metric.swapped(before, after, cases, reference)
    except ValueError as error:
        raise SdevalError(f"features of the baseline or the run are of no use: {error}; accept a run again") from error
