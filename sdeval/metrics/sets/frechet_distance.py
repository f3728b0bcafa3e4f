"""Fréchet distance of the images, as a set, from reference images, in the features of an extractor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sdeval.metrics.base import (
    Difference,
    Extractor,
    Features,
    Floats,
    MetricInfo,
    MetricOptions,
    Reference,
    SetMetric,
    check_features,
)
from sdeval.metrics.features.registry import EXTRACTOR_LICENCE, EXTRACTOR_WEIGHTS, load_extractor
from sdeval.metrics.per_image import Registered
from sdeval.metrics.sets.roots import (
    Backend,
    Matrix,
    backend_for,
    root_of,
    root_shares,
    sum_of_roots,
    to_numpy,
    trace_of_root,
)
from sdeval.metrics.sets.swaps import Rows, difference_of, difference_of_sums, fit_weight, pool

EXACT_UP_TO = 2**21
"""Highest cost of a swap for which the difference is computed exactly: n times the square of n, or of the reference's
rank if that is smaller. 128 images in any features, or 512 in 64 dimensions, take 1 ms on one core."""
INFO = MetricInfo(
    name="frechet_distance",
    title="Fréchet distance",
    explanation=(
        "How far the images as a set are from the reference images; with the extractor inception it is the FID."
    ),
    unit="",
    higher_is_better=False,
    tolerance=0.10,
    tolerance_is_relative=True,
    scope="set",
    range=(-1e-3, math.inf),
    needs=("references",),
    formula="|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), for means and covariances of the features",
    paper="Heusel et al. 2017, arXiv 1706.08500; Dowson and Landau 1982",
    weights=EXTRACTOR_WEIGHTS,
    licence=EXTRACTOR_LICENCE,
    blind_to=(
        "single bad images, and whether an image fits its prompt; few images raise it, so compare only at equal numbers"
    ),
)


def frechet_distance(features: Features, reference: Reference, device: str = "cpu") -> float:
    """Squared Fréchet distance between two Gaussians fitted to features; 0 and above, lower is better.

    `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)`: Dowson and Landau 1982 (J. Multivariate Analysis 12:450-455), used on
    features by Heusel et al. 2017 (arXiv 1706.08500). The trace of the root is the sum of the singular values of the
    centred features times a root of C2 (`sdeval.metrics.sets.roots`), which is computed once for each reference. The
    error is about 1e-8 of `tr(C1 + C2)`, and below 1e-5 of it where almost all spread lies in few directions. Biased
    upwards for small n: compare only at equal n.

    Args:
        features: `[n, d]`, n at least 2.
        reference: in the same features.
        device: where large products are computed; a GPU if it has double precision.

    Raises:
        ValueError: fewer than two rows, values that are no numbers, or another number of dimensions.
    """
    values = check_features(features, reference.dimensions)
    mean = values.mean(axis=0)
    centred = values - mean
    root = root_of(reference)
    backend = backend_for(device, root.cost_of(centred))
    freedom = len(values) - 1
    trace = trace_of_root(root.project(centred, backend), backend) / math.sqrt(freedom)
    apart = mean - reference.mean
    return float(apart @ apart + np.vdot(centred, centred) / freedom + root.trace - 2 * trace)


def swapped_difference(
    baseline: Features, candidate: Features, cases: Rows, reference: Reference, device: str = "cpu"
) -> Difference:
    """Distance of the candidate minus that of the baseline, with marked cases swapped; for `stats.swap_estimate`.

    The part that depends on means and spreads is a sum over images, because both sides together are always the same
    images. The trace of the root is computed exactly for each swap where that is fast (`EXACT_UP_TO`). For larger
    sets, its linear approximation around all images together is a sum over images as well, with a weight fitted to the
    exact trace of one swap. A permutation test is valid with any statistic. Its power is that of the exact
    statistic, except where a direction loses all of its spread: there the root is steepest, and the test is weaker.

    Args:
        baseline: `[n, d]`.
        candidate: `[n, d]`, row by row the same samples.
        cases: `[n]`, the number of each row's case.
        reference: in the same features.
        device: as for `frechet_distance`.

    Raises:
        ValueError: as `frechet_distance`.
    """
    rows = pool(baseline, candidate, reference) - reference.mean
    count, root = len(baseline), root_of(reference)
    # (|x|² - |sum of x|² / n²) / (n - 1), where the squares of the sums differ by the product with the sum of all.
    shares = (np.einsum("ij,ij->i", rows, rows) - rows @ rows.sum(axis=0) / count**2) / (count - 1)
    backend = backend_for(device, root.cost_of(rows))
    projected = root.project(rows, backend) / math.sqrt(count - 1)
    traces = _trace_difference(projected, cases, backend)
    sums = difference_of_sums(shares, cases)
    return lambda swapped: sums(swapped) - 2 * traces(swapped)


def _trace_difference(projected: Matrix, cases: Rows, backend: Backend) -> Difference:
    """Difference of the trace of the root, exact or linear, from the pooled rows times the root `[2 n, rank]`."""
    count, rank = len(cases), projected.shape[1]
    if count * min(count, rank) ** 2 > EXACT_UP_TO:
        exact = difference_of(lambda chosen: trace_of_root(_centre(projected[chosen]), backend), cases)
        shares = root_shares(projected, backend)
        return difference_of_sums(fit_weight(exact, shares, cases) * shares, cases)
    rows = to_numpy(projected)
    if count > rank:
        return difference_of(lambda chosen: trace_of_root(_centre(rows[chosen])), cases)
    gram = rows @ rows.T
    return difference_of(lambda chosen: sum_of_roots(_centre_gram(gram[np.ix_(chosen, chosen)])), cases)


def _centre(rows: Matrix) -> Matrix:
    return rows - rows.mean(axis=0)


def _centre_gram(gram: Floats) -> Floats:
    columns = gram.mean(axis=0, keepdims=True)
    return np.asarray(gram - columns - columns.T + gram.mean())


class FrechetDistance:
    """The distance in the features of an extractor: the suite's, unless another metric than its own is described."""

    def __init__(self, extractor: Extractor, device: str = "cpu", info: MetricInfo = INFO) -> None:
        self.info = info
        self.extractor = extractor
        self._device = device
        self.version = f"1 {extractor.version}"

    def measure(self, features: Features, reference: Reference) -> float:
        """`frechet_distance`."""
        return frechet_distance(features, reference, self._device)

    def swap_difference(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """`swapped_difference`."""
        return swapped_difference(before, after, cases, reference, self._device)


def create(options: MetricOptions) -> SetMetric:
    """Create the metric with the suite's extractor."""
    return FrechetDistance(load_extractor(options), options.device)


OF_DINOV2 = replace(
    INFO,
    name="fd_dinov2",
    title="Fréchet distance on DINOv2",
    explanation="lower is better; nearer to what people see than the distance in Inception's features",
    formula="|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of DINOv2 features",
    paper="arXiv 2306.04675",
    licence="Apache-2.0 (DINOv2)",
    weights="facebook/dinov2-small (88 MB), or the suite's dinov2_model",
    blind_to="which image is wrong, and whether images fit their prompts",
)
of_dinov2 = Registered(
    OF_DINOV2,
    lambda options: FrechetDistance(load_extractor(replace(options, extractor="dinov2")), options.device, OF_DINOV2),
)
"""The same in DINOv2 features, whatever the other set metrics of the suite look at."""
