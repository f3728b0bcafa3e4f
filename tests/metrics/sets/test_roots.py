"""The trace of the root against independent formulas, in single precision and on both backends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm, svdvals

from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets import frechet_distance as distance
from sdeval.metrics.sets import roots
from sdeval.metrics.sets.frechet_distance import frechet_distance, swapped_difference
from sdeval.metrics.sets.roots import NUMPY, Backend, backend_for, root_of, root_shares, torch_on, trace_of_root

BACKENDS = pytest.mark.parametrize("backend", [NUMPY, torch_on("cpu")], ids=["numpy", "torch"])


def features(rng: np.random.Generator, n: int, d: int, decay: float = 0.0, offset: float = 0.0) -> Features:
    """Correlated features whose spread falls from direction to direction."""
    mixing = np.random.default_rng(d).normal(size=(d, d)) / np.sqrt(d)
    return np.asarray(rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -decay @ mixing + offset, dtype=np.float32)


@pytest.fixture
def single(monkeypatch: pytest.MonkeyPatch) -> None:
    """No product is small enough for double precision."""
    monkeypatch.setattr(roots, "SINGLE_FROM", 0)


@pytest.mark.parametrize("m", [3, 20, 33, 200])
def test_the_root_of_a_covariance_of_any_rank(rng: np.random.Generator, m: int) -> None:
    reference = Reference.of(features(rng, m, 32))
    root = root_of(reference)
    assert root.lower.shape == (32, min(32, m - 1))
    assert root.lower @ root.lower.T == pytest.approx(reference.covariance[np.ix_(root.order, root.order)], abs=1e-12)
    assert not np.triu(root.lower, 1).any()
    assert root.trace == pytest.approx(np.trace(reference.covariance))


def test_a_reference_without_spread_has_an_empty_root() -> None:
    root = root_of(Reference.of(np.ones((9, 4), np.float32)))
    assert root.lower.shape == (4, 0)
    assert trace_of_root(root.project(np.ones((3, 4)))) == 0


@BACKENDS
@pytest.mark.parametrize("d", [5, 128, 300])
def test_a_projection_is_the_product_with_the_root(rng: np.random.Generator, d: int, backend: Backend) -> None:
    root, rows = root_of(Reference.of(features(rng, 2 * d, d))), rng.normal(size=(7, d))
    assert np.asarray(root.project(rows, backend)) == pytest.approx(rows[:, root.order] @ root.lower, abs=1e-12)


@pytest.mark.usefixtures("single")
def test_a_large_projection_is_in_single_precision_on_the_cpu_only(rng: np.random.Generator) -> None:
    root, rows = root_of(Reference.of(features(rng, 300, 200))), rng.normal(size=(7, 200))
    products, elsewhere = root.project(rows), np.asarray(root.project(rows, torch_on("cpu")))
    assert (products.dtype, elsewhere.dtype) == (np.float32, np.float64)
    assert products == pytest.approx(rows[:, root.order] @ root.lower, rel=1e-4, abs=1e-5)


@BACKENDS
@pytest.mark.parametrize(("n", "m", "d"), [(5, 60, 12), (60, 60, 12), (30, 6, 12)])
def test_the_trace_is_that_of_the_root_of_the_product(
    rng: np.random.Generator, n: int, m: int, d: int, backend: Backend
) -> None:
    images, reference = features(rng, n, d).astype(float), Reference.of(features(rng, m, d, 0.5))
    centred = images - images.mean(axis=0)
    product = centred.T @ centred @ reference.covariance
    expected = np.trace(sqrtm(product + 1e-15 * np.eye(d))).real
    assert trace_of_root(root_of(reference).project(centred, backend), backend) == pytest.approx(expected, rel=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 9999),
    st.integers(2, 150),
    st.integers(2, 150),
    st.integers(1, 100),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0]),
    st.sampled_from([0.0, 10.0, -300.0]),
)
def test_single_precision_is_far_below_any_tolerance(
    seed: int, n: int, m: int, d: int, decay: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    one, other = features(rng, n, d, decay, offset), features(rng, m, d, decay, offset)
    a, b = ((each - each.mean(axis=0)) / np.sqrt(len(each) - 1) for each in (one.astype(float), other.astype(float)))
    apart = one.mean(axis=0, dtype=float) - other.mean(axis=0, dtype=float)
    traces = (a * a).sum() + (b * b).sum()
    expected = apart @ apart + traces - 2 * svdvals(a @ b.T).sum()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roots, "SINGLE_FROM", 0)
        # The bound that the docstring of the distance states; a tolerance is a tenth of the distance.
        assert frechet_distance(one, Reference.of(other)) == pytest.approx(expected, abs=1e-5 * traces)


@pytest.mark.usefixtures("single")
@pytest.mark.parametrize(("n", "d"), [(64, 300), (400, 200)])
def test_single_precision_is_torchmetrics(rng: np.random.Generator, n: int, d: int) -> None:
    import torch
    from torchmetrics.image.fid import _compute_fid

    one, other = features(rng, n, d).astype(float), features(rng, 500, d, 0.2).astype(float)
    moments = [torch.from_numpy(value) for each in (one, other) for value in (each.mean(0), np.cov(each, rowvar=False))]
    assert frechet_distance(one, Reference.of(other)) == pytest.approx(float(_compute_fid(*moments)), rel=1e-6)


def test_shares_of_the_root_are_its_derivative(rng: np.random.Generator) -> None:
    images, root = features(rng, 40, 6).astype(float), rng.normal(size=(6, 6))
    centred = images - images.mean(axis=0)

    def trace(weights: np.ndarray) -> float:
        return float(np.trace(sqrtm(root @ (centred.T * weights) @ centred @ root.T)).real)

    nudges = 1 + 1e-5 * np.eye(40)
    expected = [(trace(nudge) - trace(2 - nudge)) / 2e-5 for nudge in nudges]
    assert root_shares(images @ root.T) / 2 == pytest.approx(expected, rel=1e-6)


@BACKENDS
@pytest.mark.parametrize("d", [8, 60])
def test_shares_are_those_of_the_singular_vectors(rng: np.random.Generator, d: int, backend: Backend) -> None:
    rows = features(rng, 40, d).astype(float)
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert root_shares(backend.double(rows), backend) == pytest.approx(left * left @ values, rel=1e-6)


def test_shares_in_single_precision_add_up_where_spread_falls_below_its_resolution(rng: np.random.Generator) -> None:
    rows = features(rng, 400, 100, decay=4.0)
    values = svdvals(rows.astype(float) - rows.mean(axis=0, dtype=float))
    assert root_shares(rows).sum() == pytest.approx(values.sum(), rel=5e-3)


def test_shares_of_rows_without_spread_are_zero() -> None:
    assert not root_shares(np.ones((6, 4))).any()
    assert not root_shares(np.ones((6, 9))).any()


def test_no_swap_changes_what_an_image_adds(rng: np.random.Generator) -> None:
    before, after = features(rng, 20, 8), features(rng, 20, 8, 0.1, 0.5)
    swapped = rng.random((20, 1)) < 0.5
    one, other = np.where(swapped, after, before), np.where(swapped, before, after)
    expected = np.split(root_shares(np.r_[before, after].astype(float)), 2)
    shares = np.split(root_shares(np.r_[one, other].astype(float)), 2)
    assert np.where(swapped[:, 0], shares[1], shares[0]) == pytest.approx(expected[0])
    assert np.where(swapped[:, 0], shares[0], shares[1]) == pytest.approx(expected[1])


def test_equal_references_share_a_root(rng: np.random.Generator) -> None:
    values = features(rng, 30, 6)
    root = root_of(Reference.of(values))
    assert root_of(Reference.of(values.copy())) is root
    assert root_of(Reference.of(values[::-1])) is not root


@pytest.mark.parametrize(
    ("device", "multiplications", "expected"),
    [
        ("cpu", 2**40, "cpu"),
        ("mps", 2**40, "cpu"),
        ("cuda", 2**40, "cuda"),
        ("cuda:1", 2**40, "cuda:1"),
        ("cuda", 2**20, "cpu"),
    ],
)
def test_large_products_are_computed_where_double_precision_is(
    device: str, multiplications: int, expected: str
) -> None:
    assert backend_for(device, multiplications).device == expected


@pytest.mark.parametrize("limit", [0, 2**21])
def test_another_device_gives_the_same_values(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    before, after, reference = features(rng, 40, 90), features(rng, 40, 90, 0.1), Reference.of(features(rng, 200, 90))
    monkeypatch.setattr(distance, "EXACT_UP_TO", limit)

    def values() -> list[float]:
        difference = swapped_difference(before, after, np.arange(40), reference, "cuda")
        return [
            frechet_distance(after, reference, "cuda"),
            difference(np.zeros(40, bool)),
            difference(np.ones(40, bool)),
        ]

    expected = values()
    # No machine of the tests has a GPU: torch on the CPU stands for it.
    monkeypatch.setattr(distance, "backend_for", lambda device, multiplications: torch_on("cpu"))
    assert values() == pytest.approx(expected, rel=1e-6)
