"""The distance against two independent implementations, on the same features and on the same images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdeval import stats
from sdeval.metrics.base import Reference
from sdeval.metrics.sets import frechet_distance as module
from sdeval.metrics.sets.frechet_distance import frechet_distance, swapped_difference


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


def test_the_order_of_images_does_not_matter(rng: np.random.Generator) -> None:
    values, reference = features(rng, 30, 8), Reference.of(features(rng, 50, 8))
    assert frechet_distance(values[::-1], reference) == pytest.approx(frechet_distance(values, reference))


@pytest.mark.parametrize("wrong", [np.zeros((1, 4)), np.zeros((0, 4)), np.full((5, 4), np.nan)])
def test_what_has_no_distance_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"at least 2 images|no numbers"):
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
def test_a_reference_of_one_image_over_and_over_has_a_distance(rng: np.random.Generator, n: int) -> None:
    before, after = features(rng, n, 4), features(rng, n, 4, shift=0.5)
    reference = Reference.of(np.ones((9, 4), np.float32))
    expected = [((each - 1.0) ** 2).sum() / n for each in (before, after)]
    # Around one point the distance is the mean square, but for the n - 1 below the spread.
    spread = [each.var(axis=0, ddof=1).sum() / n for each in (before, after)]
    found = [frechet_distance(each, reference) for each in (before, after)]
    assert found == pytest.approx([a + b for a, b in zip(expected, spread, strict=True)], rel=1e-5)
    difference = swapped_difference(before, after, np.arange(n), reference)
    assert difference(np.zeros(n, dtype=bool)) == pytest.approx(found[1] - found[0], rel=1e-5)


@pytest.fixture
def linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """No set is small enough for an exact difference of each swap."""
    monkeypatch.setattr(module, "EXACT_UP_TO", 0)


def alike(rng: np.random.Generator, n: int, d: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A set and another that has much in common with it, image by image."""
    one, other = features(rng, n, d), features(rng, n, d, shift)
    return one, (0.8 * one + 0.6 * other).astype(np.float32)


@pytest.mark.usefixtures("linear")
@pytest.mark.parametrize(
    ("n", "m", "d"), [(30, 200, 90), (60, 200, 60), (120, 200, 24), (120, 16, 40), (40, 16, 90), (200, 400, 3)]
)
def test_the_linear_difference_follows_the_exact_one(rng: np.random.Generator, n: int, m: int, d: int) -> None:
    before, after = alike(rng, n, d)
    # Two features that never vary, and one that is another's double: no covariance has full rank.
    before, after, real = (
        np.c_[each, np.ones((len(each), 2)), 2 * each[:, 0]] for each in (before, after, features(rng, m, d))
    )
    reference = Reference.of(real)
    difference = swapped_difference(before, after, np.repeat(np.arange(n // 2), 2), reference)
    found, expected = [], []
    for _ in range(150):
        swapped = rng.random(n // 2) < 0.5
        rows = np.repeat(swapped, 2)[:, None]
        sets = np.where(rows, before, after), np.where(rows, after, before)
        found.append(difference(swapped))
        expected.append(frechet_distance(sets[0], reference) - frechet_distance(sets[1], reference))
    assert np.corrcoef(found, expected)[0, 1] > 0.96
    assert np.std(found) == pytest.approx(np.std(expected), rel=0.1)


@pytest.mark.usefixtures("linear")
def test_the_linear_difference_turns_around_when_all_cases_are_swapped(rng: np.random.Generator) -> None:
    before, after = alike(rng, 40, 12, shift=0.5)
    difference = swapped_difference(before, after, np.arange(40), Reference.of(features(rng, 60, 12)))
    swapped = rng.random(40) < 0.5
    assert difference(swapped) == pytest.approx(-difference(~swapped))


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_the_linear_test_keeps_its_level_and_its_power(monkeypatch: pytest.MonkeyPatch, shift: float) -> None:
    reference = Reference.of(np.random.default_rng(1).normal(size=(200, 4)).clip(0))
    shown = {0: 0, 2**21: 0}
    for seed in range(150):
        rng = np.random.default_rng((seed, 7))
        before, after = rng.normal(size=(2, 20, 4)).clip(0)
        after += shift
        for limit in shown:
            monkeypatch.setattr(module, "EXACT_UP_TO", limit)
            difference = swapped_difference(before, after, np.arange(20), reference)
            shown[limit] += stats.swap_estimate(difference, 20, 199)[0].p_worse() <= 0.1
    # Binomial, 150 at 0.1: between 5 and 27 in all but one case of a thousand.
    assert all(5 <= each <= 27 for each in shown.values()) if not shift else min(shown.values()) > 50
    assert shown[0] == pytest.approx(shown[2**21], abs=12)


@pytest.mark.parametrize(("n", "d"), [(40, 96), (60, 64), (90, 24)])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_linear_test_has_the_p_values_of_the_exact_one(
    monkeypatch: pytest.MonkeyPatch, n: int, d: int, shift: float
) -> None:
    reference = Reference.of(features(np.random.default_rng(1), 300, d))
    for seed in range(5):
        rng = np.random.default_rng((seed, n))
        common, one, other = (features(rng, n, d) for _ in range(3))
        before, after = common + one, common + other + np.float32(shift)
        p_values = []
        for limit in (0, 2**30):
            monkeypatch.setattr(module, "EXACT_UP_TO", limit)
            difference = swapped_difference(before, after, np.arange(n), reference)
            p_values.append(stats.swap_estimate(difference, n, 499)[0].p_worse())
        assert p_values[0] == pytest.approx(p_values[1], abs=1e-3 if shift else 0.2)
        assert max(p_values) < 1e-3 if shift else min(p_values) > 0.01


@pytest.mark.usefixtures("linear")
def test_linear_edges(rng: np.random.Generator) -> None:
    before, after, still = features(rng, 20, 4), features(rng, 20, 4, shift=0.5), np.zeros(20, dtype=bool)
    one_point = Reference.of(np.ones((9, 4), np.float32))
    expected = frechet_distance(after, one_point) - frechet_distance(before, one_point)
    # Around one point there is no root, and what is left is a sum.
    assert swapped_difference(before, after, np.arange(20), one_point)(still) == pytest.approx(expected)
    reference = Reference.of(features(rng, 30, 4))
    assert swapped_difference(before, before, np.arange(20), reference)(still) == pytest.approx(0, abs=1e-9)
    one_case = swapped_difference(before, after, np.zeros(20, dtype=int), reference)
    assert one_case(still[:1]) == pytest.approx(-one_case(~still[:1]))


@pytest.mark.parametrize(("n", "d", "exact"), [(128, 150, True), (130, 150, False), (500, 64, True), (520, 64, False)])
def test_a_swap_is_exact_where_that_is_quick(rng: np.random.Generator, n: int, d: int, exact: bool) -> None:
    before, after = alike(rng, n, d, shift=0.1)
    reference = Reference.of(features(rng, 400, d))
    found = swapped_difference(before, after, np.arange(n), reference)(np.zeros(n, dtype=bool))
    expected = frechet_distance(after, reference) - frechet_distance(before, reference)
    assert (found == pytest.approx(expected, rel=1e-5)) == exact
    assert found == pytest.approx(expected, rel=0.2)
