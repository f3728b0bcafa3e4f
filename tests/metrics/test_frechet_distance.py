"""The distance against two independent implementations, on the same features and on the same pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdeval.metrics.base import Reference
from sdeval.metrics.frechet_distance import frechet_distance, swapped_difference


def features(rng: np.random.Generator, n: int, d: int, shift: float = 0.0) -> np.ndarray:
    mixed = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
    return np.maximum(mixed + shift, 0).astype(np.float32)


@pytest.mark.parametrize(("n", "m", "d"), [(16, 40, 64), (200, 300, 32), (64, 64, 64)])
def test_it_is_torch_fidelitys(rng: np.random.Generator, n: int, m: int, d: int) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    one, other = features(rng, n, d), features(rng, m, d, shift=0.3)
    statistics = [fid_features_to_statistics(torch.from_numpy(each.astype(np.float64))) for each in (one, other)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(one, Reference.of(other)) == pytest.approx(expected, rel=1e-5)


def test_it_is_torchmetrics(rng: np.random.Generator) -> None:
    from torchmetrics.image.fid import _compute_fid

    one, other = features(rng, 100, 24).astype(np.float64), features(rng, 90, 24, shift=0.3).astype(np.float64)
    moments = [torch.from_numpy(value) for each in (one, other) for value in (each.mean(0), np.cov(each, rowvar=False))]
    assert frechet_distance(one, Reference.of(other)) == pytest.approx(float(_compute_fid(*moments)), rel=1e-6)


def test_a_set_is_at_no_distance_from_itself(rng: np.random.Generator) -> None:
    values = features(rng, 30, 64)
    assert frechet_distance(values, Reference.of(values)) == pytest.approx(0, abs=1e-6)


def test_the_order_of_pictures_does_not_matter(rng: np.random.Generator) -> None:
    values, reference = features(rng, 30, 8), Reference.of(features(rng, 50, 8))
    assert frechet_distance(values[::-1], reference) == pytest.approx(frechet_distance(values, reference))


@pytest.mark.parametrize("wrong", [np.zeros((1, 4)), np.zeros((0, 4)), np.full((5, 4), np.nan)])
def test_what_has_no_distance_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"at least 2 pictures|no numbers"):
        frechet_distance(wrong, Reference.of(np.eye(4)))


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="features have 3 dimensions, the reference has 4"):
        frechet_distance(np.eye(3), Reference.of(np.eye(4)))


def test_swapping_all_cases_turns_the_difference_around(rng: np.random.Generator) -> None:
    before, after, reference = features(rng, 12, 6), features(rng, 12, 6, shift=0.5), Reference.of(features(rng, 40, 6))
    difference = swapped_difference(before, after, np.repeat(np.arange(6), 2), reference)
    expected = frechet_distance(after, reference) - frechet_distance(before, reference)
    assert difference(np.zeros(6, dtype=bool)) == pytest.approx(expected, rel=1e-6)
    assert difference(np.ones(6, dtype=bool)) == pytest.approx(-expected, rel=1e-6)


def test_swapping_one_case_swaps_all_its_seeds(rng: np.random.Generator) -> None:
    before, after, reference = features(rng, 6, 4), features(rng, 6, 4, shift=0.5), Reference.of(features(rng, 40, 4))
    difference = swapped_difference(before, after, np.repeat(np.arange(3), 2), reference)
    one, other = before.copy(), after.copy()
    one[2:4], other[2:4] = after[2:4], before[2:4]
    expected = frechet_distance(other, reference) - frechet_distance(one, reference)
    assert difference(np.array([False, True, False])) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m", "d"), [(12, 40, 24), (24, 40, 24), (25, 40, 24), (90, 40, 24), (90, 16, 24)])
def test_small_and_large_sets_are_one_formula(rng: np.random.Generator, n: int, m: int, d: int) -> None:
    from scipy.linalg import svdvals

    one, other = features(rng, n, d).astype(float), features(rng, m, d, shift=0.2).astype(float)
    a, b = ((each - each.mean(0)) / np.sqrt(len(each) - 1) for each in (one, other))
    apart = one.mean(0) - other.mean(0)
    expected = apart @ apart + (a * a).sum() + (b * b).sum() - 2 * svdvals(a @ b.T).sum()
    assert frechet_distance(one, Reference.of(other)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [6, 40])
def test_features_that_never_vary_add_nothing(rng: np.random.Generator, n: int) -> None:
    one, other = features(rng, n, 8), features(rng, 50, 8, shift=0.3)
    expected = frechet_distance(one, Reference.of(other))
    silent = [np.concatenate([each, np.full((len(each), 4), 3, np.float32)], axis=1) for each in (one, other)]
    assert frechet_distance(silent[0], Reference.of(silent[1])) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [3, 20])
def test_a_reference_of_one_picture_over_and_over_has_a_distance(rng: np.random.Generator, n: int) -> None:
    before, after = features(rng, n, 4), features(rng, n, 4, shift=0.5)
    reference = Reference.of(np.ones((9, 4), np.float32))
    expected = [((each - 1.0) ** 2).sum() / n for each in (before, after)]
    # Around one point the distance is the mean square, but for the n - 1 below the spread.
    spread = [each.var(axis=0, ddof=1).sum() / n for each in (before, after)]
    found = [frechet_distance(each, reference) for each in (before, after)]
    assert found == pytest.approx([a + b for a, b in zip(expected, spread, strict=True)], rel=1e-5)
    difference = swapped_difference(before, after, np.arange(n), reference)
    assert difference(np.zeros(n, dtype=bool)) == pytest.approx(found[1] - found[0], rel=1e-5)
