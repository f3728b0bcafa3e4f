"""Reference pictures of set metrics: their features, computed once a process, and a hash that says which they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sdeval.images import open_rgb, pixel_hash
from sdeval.metrics.base import Extractor, Features, Reference, SetMetric

CHUNK = 256
"""Pictures open at a time."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Reference pictures as a set metric needs them."""

    fingerprint: str
    """Hash of all pixels, 16 hex digits."""
    reference: Reference


_seen: dict[tuple[Path, str], Loaded] = {}


def load(folder: Path, metric: SetMetric) -> Loaded:
    """Features of every `.png` in a folder, by name order.

    Raises:
        ValueError: fewer than two pictures, or features that are no numbers.
    """
    key = (folder, metric.extractor.version)
    if key not in _seen:
        digest = hashlib.sha256()
        reference = Reference.of_chunks(_chunks(folder, metric.extractor, digest.update))
        _seen[key] = Loaded(digest.hexdigest()[:16], reference)
    return _seen[key]


def _chunks(folder: Path, extractor: Extractor, seen: Callable[[bytes], None]) -> Iterator[Features]:
    """Features of `CHUNK` pictures after the other; tells the hash of each picture."""
    paths = sorted(folder.glob("*.png"))
    for start in range(0, len(paths), CHUNK):
        pictures = [open_rgb(path) for path in paths[start : start + CHUNK]]
        for picture in pictures:
            seen(pixel_hash(picture).encode())
        yield extractor.images(pictures)
