"""Kernel distance (KID) of the set from reference images, without the bias of small sets."""

from __future__ import annotations

import numpy as np

from sdeval.metrics.base import Features, MetricInfo, MetricOptions, Reference, SetMetric
from sdeval.metrics.features.registry import EXTRACTOR_LICENCE, EXTRACTOR_WEIGHTS, load_extractor
from sdeval.metrics.sets.mmd import SCALE, KernelMetric, Values, squared_mmd

INFO = MetricInfo(
    name="kernel_distance",
    title="Kernel distance (KID)",
    explanation="How far the images as a set are from the reference images, without the bias of small sets.",
    unit="×10⁻³",
    higher_is_better=False,
    # Absolute: the unbiased distance of good images lies around zero, where a relative tolerance would allow nothing.
    tolerance=1.0,
    scope="set",
    needs=("references",),
    formula="1000 · unbiased squared maximum mean discrepancy of the kernel (x·y / d + 1)³, over the whole sets",
    paper="Bińkowski et al. 2018, arXiv 1801.01401; Gretton et al. 2012, JMLR 13:723-773",
    weights=EXTRACTOR_WEIGHTS,
    licence=EXTRACTOR_LICENCE,
    blind_to="single bad images, and whether an image fits its prompt",
)


def kernel_distance(features: Features, reference: Reference) -> float:
    """Squared maximum mean discrepancy of the kernel `(x·y / d + 1)³`, times 1000 as usual in tables; lower is better.

    Bińkowski et al. 2018 (arXiv 1801.01401), unbiased, over the whole sets and not over random subsets. It can be
    negative where the sets are alike.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, other dimensions, or a reference without rows.
    """
    return SCALE * squared_mmd(features, reference, cubic)


def cubic(rows: Values, columns: Values) -> Values:
    """`(x·y / d + 1)³` of rows `[n, d]` and `[m, d]`: `[n, m]`."""
    products = rows @ columns.T / rows.shape[1] + 1.0
    # A power takes several times as long as two products.
    return np.asarray(products * products * products)


def create(options: MetricOptions) -> SetMetric:
    """Create the metric with the suite's extractor."""
    return KernelMetric(INFO, cubic, load_extractor(options))
