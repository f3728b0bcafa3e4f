"""Reference pictures of set metrics: their features, computed once a process, and a hash that says which they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdeval.images import open_rgb, pixel_hash
from sdeval.metrics.base import Reference, SetMetric

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
        paths = sorted(folder.glob("*.png"))
        hashes: list[str] = []
        parts = []
        for start in range(0, len(paths), CHUNK):
            pictures = [open_rgb(path) for path in paths[start : start + CHUNK]]
            hashes += map(pixel_hash, pictures)
            parts.append(metric.extractor.images(pictures))
        digest = hashlib.sha256("".join(hashes).encode()).hexdigest()[:16]
        _seen[key] = Loaded(digest, Reference.of(np.concatenate(parts)))
    return _seen[key]
