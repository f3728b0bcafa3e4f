"""The kernel distance against two independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdeval.metrics.base import Reference
from sdeval.metrics.sets import mmd
from sdeval.metrics.sets.kernel_distance import kernel_distance


def features(rng: np.random.Generator, n: int, d: int, shift: float = 0.0) -> np.ndarray:
    return np.maximum(rng.normal(size=(n, d)) + shift, 0).astype(np.float32)


def test_it_is_torch_fidelitys_with_one_subset_of_everything(rng: np.random.Generator) -> None:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    one, other = features(rng, 50, 24), features(rng, 50, 24, shift=0.3)
    double = [torch.from_numpy(each.astype(np.float64)) for each in (one, other)]
    expected = kid_features_to_metric(*double, kid_subsets=1, kid_subset_size=50, verbose=False)[KEY_METRIC_KID_MEAN]
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(1000 * expected, rel=1e-9)


def test_it_is_torchmetrics(rng: np.random.Generator) -> None:
    from torchmetrics.image.kid import poly_mmd

    one, other = features(rng, 40, 16), features(rng, 40, 16, shift=0.3)
    expected = poly_mmd(*(torch.from_numpy(each.astype(np.float64)) for each in (other, one)))
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(1000 * float(expected), rel=1e-9)


def test_a_large_set_is_torchmetrics_in_single_precision(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchmetrics.image.kid import poly_mmd

    monkeypatch.setattr(mmd, "SINGLE_FROM", 0)
    one, other = features(rng, 400, 64), features(rng, 400, 64, shift=0.3)
    expected = 1000 * float(poly_mmd(*(torch.from_numpy(each.astype(np.float64)) for each in (other, one))))
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(expected, abs=1e-4)


def test_large_features_do_not_overflow(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = 1e9 * features(rng, 20, 8), 1e9 * features(rng, 20, 8, shift=0.3)
    expected = kernel_distance(one, Reference.of(other))
    monkeypatch.setattr(mmd, "SINGLE_FROM", 0)
    mmd._reference_mean.cache_clear()
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(expected)


def test_sets_of_different_sizes_are_the_formula_pair_by_pair(rng: np.random.Generator) -> None:
    one, other = features(rng, 7, 3).astype(float), features(rng, 11, 3, shift=0.3).astype(float)

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / 3 + 1) ** 3

    def pairs(rows: np.ndarray) -> float:
        return np.mean([k(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j])

    expected = pairs(one) + pairs(other) - 2 * np.mean([k(x, y) for x in one for y in other])
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(1000 * expected, rel=1e-6)


def test_blocks_do_not_matter(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = features(rng, 30, 8), features(rng, 45, 8, shift=0.2)
    expected = kernel_distance(one, Reference.of(other))
    monkeypatch.setattr(mmd, "BLOCK", 7)
    assert kernel_distance(one, Reference.of(other)) == pytest.approx(expected, rel=1e-9)


def test_it_has_no_bias(rng: np.random.Generator) -> None:
    found = [kernel_distance(features(rng, 10, 4), Reference.of(features(rng, 10, 4))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0
