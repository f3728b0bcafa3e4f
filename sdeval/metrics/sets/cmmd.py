"""CMMD: distance of the set from reference images in CLIP embeddings, without assuming that they are Gaussian."""

from __future__ import annotations

import numpy as np

from sdeval.errors import SdevalError
from sdeval.metrics.base import Features, MetricInfo, MetricOptions, Reference, SetMetric
from sdeval.metrics.features.clip import CLIP_LICENCE, CLIP_WEIGHTS
from sdeval.metrics.features.registry import load_extractor
from sdeval.metrics.sets.mmd import SCALE, KernelMetric, Values, squared_mmd

SIGMA = 10.0
INFO = MetricInfo(
    name="cmmd",
    title="CMMD",
    explanation=(
        "How far the images as a set are from the reference images in CLIP features, without assuming that these "
        "are Gaussian."
    ),
    unit="×10⁻³",
    higher_is_better=False,
    # Absolute: the unbiased distance of good images lies around zero, where a relative tolerance would allow nothing.
    tolerance=0.05,
    scope="set",
    # Unit vectors are at most 2 apart: kernel values lie within 0.98 and 1.
    range=(-40.0, 40.0),
    needs=("references",),
    formula=(
        "1000 · unbiased squared maximum mean discrepancy of the kernel exp(-|x - y|² / 200), of CLIP features of "
        "length 1"
    ),
    paper="Jayasumana et al. 2024, arXiv 2401.09603",
    weights=CLIP_WEIGHTS,
    licence=CLIP_LICENCE,
    blind_to="single bad images, and whether an image fits its prompt",
)


def cmmd(features: Features, reference: Reference) -> float:
    """Squared maximum mean discrepancy of CLIP embeddings of length 1, Gaussian kernel; within ±40, lower is better.

    Jayasumana et al. 2024 (arXiv 2401.09603): `k(x, y) = exp(-|x - y|² / (2 · 10²))`, times 1000. Unbiased as in their
    equation 4, unlike their code: for small sets the bias is as large as a real difference.

    Args:
        features: CLIP embeddings `[n, d]` of any length, n at least 2.
        reference: of the same CLIP.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, an embedding of length 0, other dimensions, or a
            reference without rows.
    """
    return SCALE * squared_mmd(features, reference, gaussian)


def gaussian(rows: Values, columns: Values) -> Values:
    """`exp(-|x - y|² / (2 · 10²))` of `[n, d]` and `[m, d]`, rows scaled to length 1: `[n, m]`."""
    # For unit vectors |x - y|² is 2 - 2 x·y.
    return np.asarray(np.exp((_unit(rows) @ _unit(columns).T - 1.0) / SIGMA**2))


def _unit(rows: Values) -> Values:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError("an embedding of length 0 has no direction")
    return np.asarray(rows / lengths)


def create(options: MetricOptions) -> SetMetric:
    """Create the metric with the suite's CLIP model.

    Raises:
        SdevalError: the suite's features are not those of CLIP.
    """
    if options.extractor != "clip":
        raise SdevalError(
            f"metric cmmd is defined for CLIP embeddings only, not for extractor {options.extractor}; "
            "use extractor clip, or kernel_distance"
        )
    return KernelMetric(INFO, gaussian, load_extractor(options))
