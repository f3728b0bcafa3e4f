"""Features of reference images, kept on this machine: thousands of them need not be encoded in every session.

A file is named by a hash of all that its content depends on: the files of the images, the extractor, and the libraries
that decode, resize and encode.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdeval._utils.environment import package_version
from sdeval._utils.files import read_bytes, write_bytes
from sdeval.config.image_store import default_cache
from sdeval.errors import CannotWrite
from sdeval.metrics.base import Extractor, Reference

FORMAT = 1
"""Changes with what a file holds."""
LIBRARIES = ("numpy", "pillow", "torch", "torchvision", "open_clip_torch", "transformers", "torch-fidelity")
LARGEST = 2**30
"""Bytes of a file that is read: 20,000 images with 2,048 features take 200 MB."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Reference images as a set metric needs them."""

    fingerprint: str
    """Hash of all pixels, 16 hex digits."""
    reference: Reference


def load_or_compute(paths: Sequence[Path], extractor: Extractor, compute: Callable[[], Loaded]) -> Loaded:
    """What was computed of these images by an earlier session; otherwise it is computed, and kept for the next one.

    Args:
        paths: files of the images, in their order.
        extractor: what computes their features.
        compute: computes them.

    Raises:
        SdevalError: an image cannot be read.
    """
    path = default_cache() / "references" / f"{_key(paths, extractor)}.npz"
    # It is not there, or it is corrupt, for which numpy raises whatever it stumbles over: it is written again.
    with suppress(Exception):
        return _read(path)
    loaded = compute()
    # A home without room or without rights costs time, and nothing else.
    with suppress(CannotWrite):
        write_bytes(path, _content(loaded))
    return loaded


def _key(paths: Sequence[Path], extractor: Extractor) -> str:
    facts = (FORMAT, extractor.version, extractor.resize, *(f"{name} {package_version(name)}" for name in LIBRARIES))
    digest = hashlib.sha256(repr(facts).encode())
    for path in paths:
        digest.update(hashlib.sha256(read_bytes(path)).digest())
    return digest.hexdigest()


def _content(loaded: Loaded) -> bytes:
    reference = loaded.reference
    arrays = {
        "fingerprint": np.array(loaded.fingerprint),
        "count": np.array(reference.count),
        "mean": reference.mean,
        "covariance": reference.covariance,
        "digest": np.frombuffer(reference.digest, dtype=np.uint8),
    }
    if reference.rows is not None:
        arrays["rows"] = reference.rows
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read(path: Path) -> Loaded:
    """What a file holds.

    Raises:
        ValueError: its content is not what was written.
    """
    with np.load(io.BytesIO(read_bytes(path, LARGEST)), allow_pickle=False) as arrays:
        rows = arrays.get("rows")
        reference = Reference(int(arrays["count"]), arrays["mean"], arrays["covariance"], rows)
        if reference.digest != arrays["digest"].tobytes():
            raise ValueError(f"{path}: is corrupt")
        return Loaded(str(arrays["fingerprint"]), reference)
