"""Reference images as features: mean and covariance, computed chunk by chunk, and all rows of small sets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]
"""`[images, dimensions]`."""
Floats = npt.NDArray[np.float64]

KEPT_ROWS = 20_000
"""Up to this many reference images, all features are kept; beyond it, only mean and covariance."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Summary of rows `[n, d]`; the moments of two sets of rows add up to those of both together."""

    count: int
    mean: Floats
    """`[d]`"""
    scatter: Floats
    """`[d, d]`: the sum of `(x - mean)(x - mean)ᵀ`."""

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        """Moments of rows `[n, d]`, n at least 1."""
        mean = rows.mean(axis=0)
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def __add__(self, other: Moments) -> Moments:
        """Moments of both sets together (Chan, Golub and LeVeque 1983), without subtracting large sums of squares."""
        count = self.count + other.count
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.count / count)
        between = np.outer(shift, shift) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Floats:
        """`[d, d]`, with divisor n - 1; needs two rows."""
        return self.scatter / (self.count - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Reference images, as features; equal if their digests are, so that caches hold what depends on them once."""

    count: int
    mean: Floats
    """`[d]`"""
    covariance: Floats
    """`[d, d]`"""
    rows: Features | None
    """`[count, d]`; None where there are too many to keep."""
    digest: bytes = field(init=False, repr=False)
    """SHA-256 of all the above."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256(repr((self.count, self.covariance.shape, self.rows is None)).encode())
        for values in (self.mean, self.covariance, self.rows):
            if values is not None:
                digest.update(np.ascontiguousarray(values).data)
        object.__setattr__(self, "digest", digest.digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @classmethod
    def of(cls, features: Features) -> Reference:
        """From features `[n, d]`.

        Raises:
            ValueError: fewer than two rows, or values that are no numbers.
        """
        return cls.of_chunks([features])

    @classmethod
    def of_chunks(cls, chunks: Iterable[Features], kept_rows: int = KEPT_ROWS) -> Reference:
        """From features in chunks `[any, d]`; only one chunk, and the rows that are kept, are in memory at a time.

        Raises:
            ValueError: fewer than two rows in all, values that are no numbers, or chunks of different dimensions.
        """
        moments: Moments | None = None
        rows: list[Features] = []
        for chunk in chunks:
            values = _finite(chunk, None if moments is None else len(moments.mean))
            if not len(values):
                continue
            moments = Moments.of(values) if moments is None else moments + Moments.of(values)
            rows = [*rows, np.asarray(chunk, dtype=np.float32)] if moments.count <= kept_rows else []
        if moments is None or moments.count < 2:
            raise ValueError(f"a set needs at least 2 images, got {moments.count if moments else 0}")
        features = np.concatenate(rows) if rows else None
        return cls(moments.count, moments.mean, moments.covariance, features)

    @property
    def dimensions(self) -> int:
        """How many features an image has."""
        return len(self.mean)

    def all_rows(self) -> Floats:
        """Features of every reference image, `[count, d]`, in double precision.

        Raises:
            ValueError: there were too many to keep.
        """
        if self.rows is None:
            raise ValueError(
                f"needs the features of every reference image; of {self.count} only mean and covariance are kept,"
                f" use at most {KEPT_ROWS}"
            )
        return np.asarray(self.rows, dtype=np.float64)


def check_features(features: Features, dimensions: int | None = None) -> Floats:
    """Features in double precision.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or not as many dimensions as the reference has.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"a set needs at least 2 images, got {len(values)}")
    return _finite(values, dimensions)


def _finite(features: Features | Floats, dimensions: int | None) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"features are rows of numbers, one an image; got {values.ndim} dimensions")
    if not np.isfinite(values).all():
        raise ValueError("features hold values that are no numbers")
    if dimensions is not None and values.shape[1] != dimensions:
        raise ValueError(f"features have {values.shape[1]} dimensions, the reference has {dimensions}")
    return values
