"""Reference pictures of set metrics: their features, computed once a process, and a hash that says which they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sdeval.images import open_rgb, pixel_hash
from sdeval.metrics.base import SetMetric
from sdeval.metrics.frechet_distance import Reference


@dataclass(frozen=True, slots=True)
class Loaded:
    """Reference pictures as a set metric needs them."""

    fingerprint: str
    """Hash of all pixels, 16 hex digits."""
    moments: Reference


_seen: dict[tuple[Path, str], Loaded] = {}


def load(folder: Path, metric: SetMetric) -> Loaded:
    """Features of every `.png` in a folder, by name order."""
    key = (folder, metric.version)
    if key not in _seen:
        pictures = [open_rgb(path) for path in sorted(folder.glob("*.png"))]
        digest = hashlib.sha256("".join(map(pixel_hash, pictures)).encode()).hexdigest()[:16]
        _seen[key] = Loaded(digest, Reference.of(metric.features(pictures)))
    return _seen[key]


def seen(folder: Path, version: str) -> Reference:
    """Moments of reference pictures that `load` has read in this process."""
    return _seen[folder, version].moments
