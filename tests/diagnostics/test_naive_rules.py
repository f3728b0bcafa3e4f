"""The rules that teams write by hand: each sees a clear loss, and none is alarmed by nothing."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sdeval.diagnostics.naive_rules import (
    BY_HAND,
    ByHand,
    fixed_threshold,
    percentile_bootstrap,
    unpaired_z,
    worse_than_one_percent,
)

RULES = pytest.mark.parametrize("rule", BY_HAND.values(), ids=BY_HAND)


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


@RULES
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clear_loss_raises_an_alarm_whichever_way_the_metric_was_turned(
    scores: np.ndarray, rule: ByHand, sign: int
) -> None:
    assert rule(sign * scores, sign * scores - 10, 0.5)


@RULES
@pytest.mark.parametrize("sign", [1, -1])
def test_a_gain_raises_none(scores: np.ndarray, rule: ByHand, sign: int) -> None:
    assert not rule(sign * scores, sign * scores + 10, 0.5)


@RULES
@pytest.mark.parametrize("sign", [1, 0, -1])
def test_equal_scores_raise_none(scores: np.ndarray, rule: ByHand, sign: int) -> None:
    assert not rule(sign * scores, sign * scores, 0.5)


@RULES
def test_one_image_is_no_error(rule: ByHand) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not rule(np.array([[30.0]]), np.array([[30.0]]), 0.5)


@RULES
def test_a_tolerance_of_nothing_is_no_error(scores: np.ndarray, rule: ByHand) -> None:
    assert not rule(scores, scores, 0.0)
    assert rule(scores, scores - 10, 0.0)


@pytest.mark.parametrize(
    ("tolerance", "mean", "threshold"),
    [(0.3, 71.56, 71.5), (1.0, 71.56, 71.0), (20.0, 71.56, 70.0), (0.3, -3.21, -3.3)],
)
def test_the_fixed_threshold_is_the_mean_rounded_down_to_the_digits_of_the_tolerance(
    tolerance: float, mean: float, threshold: float
) -> None:
    before = np.full((4, 2), mean)
    assert not fixed_threshold(before, np.full((4, 2), threshold + 1e-6), tolerance)
    assert fixed_threshold(before, np.full((4, 2), threshold - 1e-6), tolerance)


def test_the_fixed_threshold_is_never_above_the_mean_it_was_noted_down_from() -> None:
    for mean in np.arange(-1000, 1000) / 100:
        before = np.full((1, 1), mean)
        assert not any(fixed_threshold(before, before, tolerance) for tolerance in (0.01, 0.1, 0.3, 1.0))


@pytest.mark.parametrize("mean", [50.0, -50.0])
def test_one_percent_is_of_the_size_of_the_baseline(mean: float) -> None:
    before = np.full((4, 2), mean)
    assert not worse_than_one_percent(before, before - 0.49, 0.5)
    assert worse_than_one_percent(before, before - 0.51, 0.5)


def test_the_z_test_alarms_once_in_twenty_times_for_other_images(rng: np.random.Generator) -> None:
    alarms = [unpaired_z(rng.normal(size=(30, 2)), rng.normal(size=(30, 2)), 0.5) for _ in range(2000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)


def test_the_z_test_is_that_of_scipy(rng: np.random.Generator) -> None:
    from scipy.stats import norm

    for loss in (0.0, 0.1, 0.2, 0.3, 0.4):
        before, after = rng.normal(size=(30, 2)), rng.normal(-loss, 1.5, size=(30, 2))
        error = np.hypot(before.std(ddof=1), after.std(ddof=1)) / np.sqrt(60)
        assert unpaired_z(before, after, 0.5) == (norm.cdf((after.mean() - before.mean()) / error) < 0.05)


def test_the_bootstrap_agrees_with_scipys(rng: np.random.Generator) -> None:
    from scipy.stats import bootstrap

    for loss in (0.0, 0.2, 0.5, 1.0):
        before = rng.normal(size=(30, 1))
        after = before + rng.normal(-loss, 1, size=(30, 1))
        change = ((after - before).ravel(),)
        high = bootstrap(change, np.mean, method="percentile", random_state=1, n_resamples=2000)
        assert percentile_bootstrap(before, after, 0.5) == (high.confidence_interval.high < 0)
