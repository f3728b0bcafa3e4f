"""The trace of the root of a product of covariances, which is the slow part of a Fréchet distance.

For covariances `AᵀA` and `L Lᵀ` that trace is the sum of the singular values of `A L`. The reference's `L` is computed
once. The product with it is the only step in single precision, as it costs no more accuracy than float32 features do. A
Gram matrix in single precision would turn an error of 1e-7 of the squares into one of 3e-4 of the singular values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from sdeval.metrics.base import Floats, Reference

BLOCK = 128
"""Columns of the triangular root that are multiplied at a time, which spares all but 64 rows of its zeros."""
SINGLE_FROM = 2**22
"""Multiplications from which a product with the root is computed in single precision: smaller ones take 0.1 ms."""
DEVICE_FROM = 2**28
"""Multiplications from which another device than the CPU is used: 64 images in 2048 dimensions."""

Matrix = Any
"""A numpy array or a torch tensor; both have the operators and the functions used here."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Numpy, or torch on a device: one code for both, because their functions have the same names."""

    module: ModuleType
    device: str

    def double(self, values: Matrix) -> Matrix:
        """The values on this device in double precision."""
        return self.module.asarray(values, dtype=self.module.float64, device=self.device)

    def eigh(self, matrix: Matrix) -> tuple[Matrix, Matrix]:
        """Eigenvalues and eigenvectors of a symmetric matrix, in its precision; numpy's own function doubles it."""
        from scipy.linalg import eigh

        is_numpy = self.module is np
        values, vectors = (
            eigh(matrix, check_finite=False, driver="evd") if is_numpy else self.module.linalg.eigh(matrix)
        )
        return values, vectors


NUMPY = Backend(np, "cpu")


def torch_on(device: str) -> Backend:
    """Torch on a device, `cpu` included."""
    import torch

    return Backend(torch, device)


def backend_for(device: str, multiplications: int) -> Backend:
    """Numpy on the CPU, for small products, and instead of devices without double precision; torch otherwise."""
    is_capable = device.partition(":")[0] in ("cuda", "xpu")
    return torch_on(device) if is_capable and multiplications >= DEVICE_FROM else NUMPY


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A root of the reference covariance C: `C[order][:, order] = lower lowerᵀ`."""

    order: npt.NDArray[np.int64]
    """`[d]`: the dimensions in the order of the pivots."""
    lower: Floats
    """`[d, rank]`: zero above the diagonal."""
    blocks: tuple[npt.NDArray[np.float32], ...]
    """The same in single precision, `BLOCK` columns at a time without the rows of zeros above them."""
    trace: float
    """Of the covariance."""

    def cost_of(self, rows: Floats) -> int:
        """Multiplications of the product of rows with the root, zeros included."""
        return int(rows.size * self.lower.shape[1])

    def project(self, rows: Floats, backend: Backend = NUMPY) -> Matrix:
        """Rows `[n, d]` times the root: `[n, rank]`, on the CPU in single precision where the product is large.

        The rows must be centred, around any point near them: the error is relative to their length. GPUs keep double
        precision, which is fast enough there, because theirs may be set to less than float32 by the pipeline.
        """
        is_single = backend == NUMPY and self.cost_of(rows) >= SINGLE_FROM
        ordered = rows.astype(np.float32 if is_single else np.float64).take(self.order, axis=1)
        matrix = backend.module.asarray(ordered, device=backend.device)
        blocks = self.blocks if is_single else _double_blocks(self, backend)
        shape = len(rows), self.lower.shape[1]
        products = backend.module.empty(shape, dtype=matrix.dtype, device=backend.device)
        for start, block in zip(range(0, shape[1], BLOCK), blocks, strict=True):
            products[:, start : start + BLOCK] = matrix[:, start:] @ block
        return products


def _split(lower: Floats) -> list[Floats]:
    """`BLOCK` columns at a time of a triangular matrix, from their diagonal on."""
    return [lower[start:, start : start + BLOCK] for start in range(0, lower.shape[1], BLOCK)]


@lru_cache(maxsize=4)
def _double_blocks(root: Root, backend: Backend) -> list[Matrix]:
    return [backend.double(block) for block in _split(root.lower)]


@lru_cache(maxsize=4)
def root_of(reference: Reference) -> Root:
    """The root of a reference's covariance by Cholesky's method with pivots, which covariances of any rank have.

    References with the same digest share it. It is not stored on disk, because it takes a fifth of the time of the
    covariance.
    """
    from scipy.linalg.lapack import dpstrf

    factor, pivots, rank, _ = dpstrf(reference.covariance.T, lower=1)
    lower = np.ascontiguousarray(np.tril(factor)[:, :rank])
    blocks = tuple(block.astype(np.float32, order="C") for block in _split(lower))
    return Root(pivots.astype(np.int64) - 1, lower, blocks, float(np.trace(reference.covariance)))


def trace_of_root(rows: Matrix, backend: Backend = NUMPY) -> float:
    """Sum of the singular values of rows `[n, rank]`, by the smaller one of their Gram matrices in double precision."""
    wide = backend.double(rows)
    return sum_of_roots(wide @ wide.T if len(rows) <= rows.shape[1] else wide.T @ wide, backend)


def sum_of_roots(gram: Matrix, backend: Backend = NUMPY) -> float:
    """Sum of the square roots of the eigenvalues of a positive semidefinite matrix."""
    xp = backend.module
    return float(xp.sqrt(xp.clip(xp.linalg.eigvalsh(gram), 0.0, None)).sum())


def root_shares(rows: Matrix, backend: Backend = NUMPY) -> Floats:
    """What each of the pooled rows `[2 n, rank]` adds to the trace of the root of its side, up to a common factor.

    With M = ZᵀZ the trace of the root is `tr M^½`, and `d tr M^½ = ½ tr(M^-½ dM)`. If rows are centred around the mean
    of all rows, each adds its `z zᵀ` to the M of its side, and the means of the two sides subtract the same amount,
    because they are opposite. So a row changes the trace by `½ zᵀ M^-½ z`, where M is that of all rows, which no swap
    changes. With `Z = U S Vᵀ` that is half of `Σ U² S`, or of `Σ (ZV)² / S`. This holds even where M has no inverse,
    because every row lies in the span of Z. The lengths S of the columns of ZV are measured, so that where rounding
    mixes directions of V with little in them, they still add what the rows have in them; V needs no double precision.
    """
    xp = backend.module
    centred = rows - rows.mean(axis=0)
    if len(rows) <= rows.shape[1]:
        wide = backend.double(centred)
        values, left = backend.eigh(wide @ wide.T)
        return to_numpy(left * left @ xp.sqrt(xp.clip(values, 0.0, None)))
    _, vectors = backend.eigh(centred.T @ centred)
    squares = (centred @ vectors) ** 2
    lengths = xp.sqrt(squares.sum(axis=0))
    return to_numpy(squares @ (1 / xp.where(lengths > 0, lengths, xp.inf)))


def to_numpy(values: Matrix) -> Floats:
    """The values of either backend in double precision."""
    return np.asarray(values if isinstance(values, np.ndarray) else values.cpu().numpy(), dtype=np.float64)
