"""Tests by permutation against independent implementations, and properties that must hold for every input."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, permutation_test, ttest_1samp

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
    assert stats.sign_flip_p(values) == pytest.approx(ttest_1samp(values, 0, alternative="less").pvalue, abs=0.01)


def test_sign_flips_of_many_equal_steps_are_the_binomial_test() -> None:
    values = np.array([-1.0] * 23 + [1.0] * 7)
    assert stats.sign_flip_p(values, alpha=1e-5) == pytest.approx(binom.sf(22, 30, 0.5), rel=0.1)


@pytest.mark.parametrize(("alpha", "flips"), [(0.05, 10_000), (1e-5, 200_000)])
def test_however_clear_a_loss_is_the_signs_that_were_observed_count(alpha: float, flips: int) -> None:
    assert stats.sign_flip_p(np.full(60, -1.0), alpha) == 1 / flips


@pytest.mark.parametrize("values", [[], [0.0], [0.0] * 30])
def test_nothing_different_is_no_evidence(values: list[float]) -> None:
    assert stats.sign_flip_p(np.array(values)) == 1.0


def test_one_difference_can_prove_nothing() -> None:
    assert stats.sign_flip_p(np.array([-50.0])) == 0.5


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


def test_a_loss_as_large_as_the_tolerance_is_excluded_by_the_test_of_what_is_left() -> None:
    values = np.random.default_rng(5).normal(-0.2, 1.0, size=40)
    assert stats.not_worse_p(values, 0.5) == stats.sign_flip_p(-values - 0.5)


def test_false_alarms_of_the_sign_flip_test_are_at_their_level() -> None:
    rng = np.random.default_rng(3)
    # Mostly unchanged cases, the rest heavy-tailed: what a harmless change looks like.
    alarms = 0
    for _ in range(1000):
        values = np.where(rng.random(24) < 0.7, 0.0, rng.standard_t(2, size=24))
        alarms += stats.sign_flip_p(values) < 0.05
    assert alarms / 1000 < 0.07


def swapped(values: np.ndarray, swaps: int = 999) -> stats.Estimate:
    """Of a sum over cases: how much more each of them loses."""
    return stats.swap_estimate(lambda marked: float(np.where(marked, -values, values).sum()), len(values), swaps)[0]


def test_swaps_agree_with_the_exact_test_over_all_swaps(rng: np.random.Generator) -> None:
    values = rng.normal(0.6, 1, size=8)
    every = [float(values @ signs) for signs in product([1, -1], repeat=8)]
    exact = np.mean([value >= every[0] - 1e-9 for value in every])
    assert swapped(values).p_worse() == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("loss", [0.0, 0.3, 1.0, -0.5])
def test_swaps_of_a_sum_over_cases_are_students_test(rng: np.random.Generator, loss: float) -> None:
    values = rng.normal(loss, 1, size=24)
    found, expected = swapped(values, 20_000), ttest_1samp(values, 0)
    assert found.gain == pytest.approx(-values.sum())
    assert found.freedom == expected.df
    assert -found.gain / found.error == pytest.approx(expected.statistic, rel=0.03)


def test_the_error_of_a_change_of_nothing_is_what_swaps_do() -> None:
    values = np.array([1.0, -1.0, 2.0, -2.0, 3.0, -3.0])
    found = swapped(values, 20_000)
    assert (found.gain, found.error) == (0.0, pytest.approx(np.sqrt(28), rel=0.02))


@pytest.mark.parametrize("cases", [2, 5, 8, 24])
def test_no_swap_shows_more_than_on_which_side_every_case_fell(cases: int) -> None:
    assert swapped(np.ones(cases)).p_worse() == pytest.approx(0.5**cases, rel=1e-6)
    assert swapped(-np.ones(cases)).p_better() == pytest.approx(0.5**cases, rel=1e-6)


@pytest.mark.parametrize("values", [[50.0], [0.0, 0.0, 0.0]])
def test_where_there_is_nothing_to_swap_nothing_is_known(values: list[float]) -> None:
    found = swapped(np.array(values))
    assert found.error == np.inf
    assert (found.p_worse(), found.p_better()) == (1.0, 1.0)


def test_false_alarms_of_swaps_are_at_their_level() -> None:
    rng = np.random.default_rng(3)
    alarms = sum(swapped(rng.normal(0, 1, size=10), 199).p_worse() < 0.05 for _ in range(600))
    # Binomial, 600 at 0.05.
    assert alarms / 600 == pytest.approx(0.05, abs=0.025)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=10))
@settings(max_examples=60, deadline=None)
def test_rounding_breaks_no_ties(values: list[int]) -> None:
    """Tenths have no exact binary form, and whole numbers have one."""
    assert stats.sign_flip_p(np.array(values) / 10) == stats.sign_flip_p(np.array(values, dtype=float))


@pytest.mark.parametrize(("cases", "p_value"), [(16, 0.5**16), (17, 1e-4)])
def test_up_to_sixteen_cases_all_signs_are_tried(cases: int, p_value: float) -> None:
    assert stats.sign_flip_p(np.full(cases, -1.0), alpha=0.05) == p_value


@pytest.mark.parametrize("alpha", [0.05, 1e-4, 1e-5])
@pytest.mark.parametrize(("worse", "cases"), [(23, 30), (25, 31), (20, 29), (21, 29), (18, 30)])
def test_however_many_flips_are_tried_they_agree_with_the_binomial_test(alpha: float, worse: int, cases: int) -> None:
    values = np.array([-1.0] * worse + [1.0] * (cases - worse))
    expected = binom.sf(worse - 1, cases, 0.5)
    flips = max(10_000, 2 / alpha) if expected < 0.02 else 10_000
    error = np.sqrt(expected / flips)
    assert stats.sign_flip_p(values, alpha) == pytest.approx(expected, abs=3 * error)


def test_where_the_first_flips_are_clear_a_stricter_level_tries_no_more() -> None:
    """Of a p-value of 0.03."""
    values = np.array([-1.0] * 20 + [1.0] * 9)
    assert 0.02 < stats.sign_flip_p(values, alpha=0.05) < 0.04
    assert stats.sign_flip_p(values, alpha=1e-5) == stats.sign_flip_p(values, alpha=0.05)


def test_a_loss_of_a_single_case_is_told_though_nothing_is_known_of_it() -> None:
    assert swapped(np.array([50.0])).gain == -50.0


@pytest.mark.parametrize("values", [[2.0] * 16, [2.0], [1.0, 2.0, 3.0, 4.0]])
def test_swaps_reach_as_far_as_equal_terms_of_their_mean_square_would(values: list[float]) -> None:
    terms = np.array(values)
    _, reach = stats.swap_estimate(lambda marked: float(np.where(marked, -terms, terms).sum()), len(terms), 20_000)
    assert reach == pytest.approx(len(terms) * math.sqrt(np.mean(terms**2)), rel=0.02)
