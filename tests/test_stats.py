"""Tests against independent implementations, and properties that must hold for every input."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test

from sdeval import stats

differences = arrays(np.float64, st.integers(2, 30), elements=st.floats(-100, 100, width=32))


def test_sign_flip_is_scipys_exact_permutation_test() -> None:
    values = np.array([-1.2, 0.4, -0.3, -2.0, 0.1, -0.8, -1.1])
    expected = permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="less", n_resamples=np.inf, vectorized=False
    )
    assert stats.sign_flip_p(values) == pytest.approx(expected.pvalue)


def test_sign_flip_random_agrees_with_normal_theory() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(-0.3, 1, size=60)
    from scipy.stats import ttest_1samp

    assert stats.sign_flip_p(values) == pytest.approx(ttest_1samp(values, 0, alternative="less").pvalue, abs=0.01)


@pytest.mark.parametrize("values", [[], [0.0], [0.0] * 30])
def test_nothing_different_is_no_evidence(values: list[float]) -> None:
    assert stats.sign_flip_p(np.array(values)) == 1.0


def test_one_case_can_prove_nothing() -> None:
    assert stats.sign_flip_p(np.array([-50.0])) == 0.5
    assert stats.interval(np.array([-50.0])) is None


@given(differences)
@settings(max_examples=60, deadline=None)
def test_a_p_value_is_above_zero_and_at_most_one(values: np.ndarray) -> None:
    assert 0 < stats.sign_flip_p(values) <= 1


@given(differences, st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_a_lower_shift_is_never_less_evidence_of_worse(values: np.ndarray, shift: float) -> None:
    assert stats.sign_flip_p(values - shift) <= stats.sign_flip_p(values) + 1e-9


@pytest.mark.parametrize("alpha", [0.05, 0.005, 0.005 / 30, 0.25, 0.2499])
def test_the_fewest_cases_can_show_a_loss_and_one_less_cannot(alpha: float) -> None:
    fewest = stats.fewest_cases(alpha)
    assert stats.sign_flip_p(np.full(fewest, -1.0)) < alpha
    assert stats.sign_flip_p(np.full(fewest - 1, -1.0)) >= alpha


def test_detectable_is_the_published_formula() -> None:
    from scipy.stats import norm

    expected = (norm.ppf(0.999) + norm.ppf(0.8)) * 2.0 / np.sqrt(30)
    assert stats.detectable(2.0, 30, 0.001) == pytest.approx(expected)


def test_cases_to_decide_do_decide_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    needed = stats.cases_to_decide(loss=0.2, error=1.0 / np.sqrt(12), cases=12, tolerance=0.5, alpha=0.005)
    assert needed is not None
    excluded = [stats.not_worse_p(rng.normal(-0.2, 1.0, size=needed), 0.5) < 0.05 for _ in range(300)]
    assert np.mean(excluded) == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize(("loss", "error"), [(0.5, 1.0), (0.2, 0.0)])
def test_at_the_tolerance_or_without_spread_nobody_knows_how_many_cases_decide(loss: float, error: float) -> None:
    assert stats.cases_to_decide(loss, error, cases=12, tolerance=0.5, alpha=0.005) is None


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0]])
def test_without_spread_there_is_no_error(values: list[float]) -> None:
    assert stats.standard_error(np.array(values)) == 0.0


@pytest.mark.parametrize("count", [8, 12, 30])
def test_the_interval_is_what_the_test_does_not_reject(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 1, size=count)
    bounds = stats.interval(values)
    assert bounds is not None
    low, high = bounds
    for shift, kept in ((low - 0.02, False), (low + 0.02, True), (high - 0.02, True), (high + 0.02, False)):
        p_value = min(stats.sign_flip_p(values - shift), stats.sign_flip_p(shift - values))
        assert (p_value > 0.025) is kept


@given(differences)
@settings(max_examples=30, deadline=None)
def test_the_interval_holds_the_mean(values: np.ndarray) -> None:
    bounds = stats.interval(values)
    if len(values) < 6:
        assert bounds is None
    else:
        assert bounds is not None
        assert bounds[0] - 1e-6 <= values.mean() <= bounds[1] + 1e-6


def test_the_interval_is_students_for_many_normal_values() -> None:
    from scipy.stats import t

    values = np.random.default_rng(2).normal(3, 2, size=80)
    low, high = t.interval(0.95, 79, loc=values.mean(), scale=values.std(ddof=1) / np.sqrt(80))
    assert stats.interval(values) == pytest.approx((low, high), abs=0.05)


def test_holm_by_hand() -> None:
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_counts_tests_that_are_elsewhere() -> None:
    assert stats.holm([0.001], total=10) == pytest.approx([0.01])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrections_are_scipys(p_values: list[float]) -> None:
    from scipy.stats import false_discovery_control

    assert stats.benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values).tolist())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_nothing_and_bonferroni(p_values: list[float]) -> None:
    for raw, adjusted in zip(p_values, stats.holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(p_values)) + 1e-12


def test_label_swap_is_the_exact_test_over_all_swaps(rng: np.random.Generator) -> None:
    values = rng.normal(0.6, 1, size=8)

    def difference(swapped: np.ndarray) -> float:
        return float(np.where(swapped, -values, values).sum())

    every = [difference(np.array(flips)) for flips in product([False, True], repeat=8)]
    exact = np.mean([value >= every[0] - 1e-9 for value in every])
    assert stats.label_swap(difference, 8).p_worse == pytest.approx(exact, abs=0.05)


def test_false_alarms_of_the_sign_flip_test_are_at_their_level() -> None:
    rng = np.random.default_rng(3)
    # Mostly unchanged cases, the rest heavy-tailed: what a harmless change looks like.
    alarms = 0
    for _ in range(1000):
        values = np.where(rng.random(24) < 0.7, 0.0, rng.standard_t(2, size=24))
        alarms += stats.sign_flip_p(values) < 0.05
    assert alarms / 1000 < 0.07
