"""The mean gain of few cases, against scipy where nothing else is known, and against the formula where something is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from sdeval import stats
from sdeval.stats import Estimate, Prior, Spread, moderated_mean, stated_mean
from sdeval.stats.estimates import PRIOR_FREEDOM, PRIOR_TOLERANCES, STATED_FREEDOM, STATED_TOLERANCES

GAINS = np.array([-1.2, 0.4, -0.3, -2.0, 0.1, -0.8, -1.1])
many_gains = arrays(np.float64, st.integers(2, 30), elements=st.floats(-100, 100, width=32))


@pytest.mark.parametrize("than", [0.0, -0.5, 2.0])
def test_without_a_prior_p_values_are_scipys(than: float) -> None:
    found = moderated_mean(GAINS, None)
    assert found.p_worse(than) == pytest.approx(ttest_1samp(GAINS, than, alternative="less").pvalue)
    assert found.p_better(than) == pytest.approx(ttest_1samp(GAINS, than, alternative="greater").pvalue)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_without_a_prior_bounds_are_scipys(confidence: float) -> None:
    found, expected = moderated_mean(GAINS, None), ttest_1samp(GAINS, 0).confidence_interval(confidence)
    level = (1 - confidence) / 2
    assert (found.at_least(level), found.at_most(level)) == (pytest.approx(expected.low), pytest.approx(expected.high))


@given(many_gains)
@settings(max_examples=60, deadline=None)
def test_without_a_prior_any_gains_are_students_test(gains: np.ndarray) -> None:
    assume(gains.std() > 1e-3 * np.abs(gains).max() + 1e-6)
    expected = ttest_1samp(gains, 0, alternative="less").pvalue
    assert moderated_mean(gains, None).p_worse() == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_with_a_prior_the_variance_is_smyths() -> None:
    gains, prior = np.array([-3.0, 1.0, 2.0]), Prior(variance=9.0, freedom=4.0)
    found = moderated_mean(gains, prior)
    # (4 · 9 + 2 · 7) / (4 + 2), where 7 is the variance of the three.
    assert found == Estimate(0.0, pytest.approx(math.sqrt((4 * 9 + 2 * 7) / 6 / 3)), 6.0)


def test_a_prior_that_knows_everything_is_the_variance() -> None:
    found = moderated_mean(GAINS, Prior(9.0, 1e9))
    assert found.error == pytest.approx(3 / math.sqrt(7))
    assert found.p_worse() == pytest.approx(student.cdf(GAINS.mean() / found.error, 1e9))


def test_a_single_case_is_as_sure_as_its_prior() -> None:
    found = moderated_mean(np.array([-6.0]), Prior(4.0, 3.0))
    assert found == Estimate(-6.0, 2.0, 3.0)
    assert found.p_worse() == pytest.approx(student.cdf(-3, 3))


def test_of_a_single_case_without_a_prior_nothing_is_known() -> None:
    found = moderated_mean(np.array([-50.0]), None)
    assert (found.gain, found.error) == (-50.0, math.inf)
    assert (found.p_worse(), found.p_better(), found.p_either) == (1.0, 1.0, 1.0)
    assert (found.at_least(0.05), found.at_most(0.05)) == (-math.inf, math.inf)


@pytest.mark.parametrize("gain", [-2.0, 2.0])
def test_a_gain_without_any_error_is_certain(gain: float) -> None:
    found = Estimate(gain, 0.0, 4.0)
    assert (found.p_worse(), found.p_better()) == ((0.0, 1.0) if gain < 0 else (1.0, 0.0))
    assert (found.at_least(0.01), found.at_most(0.01)) == (gain, gain)


def test_either_direction_is_that_of_the_gain() -> None:
    for gain in (-1.5, 1.5):
        assert Estimate(gain, 1.0, 5.0).p_either == pytest.approx(student.cdf(-1.5, 5))


errors = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.just(math.inf))
estimates = st.builds(Estimate, st.floats(-1e3, 1e3), errors, st.floats(1, 200))


@given(estimates, st.floats(1e-6, 0.5), st.floats(-1e3, 1e3))
@settings(max_examples=300, deadline=None)
def test_bounds_and_p_values_agree(estimate: Estimate, level: float, than: float) -> None:
    for value in (0.0, than):
        most, least = estimate.at_most(level), estimate.at_least(level)
        # At the bound itself, rounding decides.
        hair = 1e-9 * (abs(estimate.gain) + abs(value)) + (1e-6 * estimate.error if estimate.error < math.inf else 0)
        if abs(most - value) > hair:
            assert (estimate.p_worse(value) < level) == (most < value)
        if abs(least - value) > hair:
            assert (estimate.p_better(value) < level) == (least > value)


@given(estimates, st.floats(1e-6, 0.5))
@settings(max_examples=100, deadline=None)
def test_bounds_hold_the_gain(estimate: Estimate, level: float) -> None:
    assert estimate.at_least(level) <= estimate.gain <= estimate.at_most(level)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_no_gain_without_any_error_is_no_evidence(zero: float) -> None:
    found = Estimate(zero, 0.0, 4.0)
    assert (found.p_worse(), found.p_better()) == (1.0, 1.0)


def alarms(count: int, prior: Prior | None, times: int = 2000, level: float = 0.05) -> float:
    """How often nothing is called a loss, where cases vary as the prior says."""
    rng = np.random.default_rng((7, count))
    found = 0
    for _ in range(times):
        variance = prior.variance * prior.freedom / rng.chisquare(prior.freedom) if prior else 1.0
        found += moderated_mean(rng.normal(0, math.sqrt(variance), count), prior).p_worse() < level
    return found / times


@pytest.mark.parametrize("count", [2, 3, 8, 24])
def test_without_a_prior_the_level_is_kept(count: int) -> None:
    assert alarms(count, None) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 24])
def test_with_a_prior_that_is_true_the_level_is_kept(count: int) -> None:
    assert alarms(count, Prior(4.0, 4.0)) == pytest.approx(0.05, abs=0.015)


def test_few_cases_show_more_with_a_prior_than_without() -> None:
    gains = np.array([-9.0, -14.0, -11.0])
    assert moderated_mean(gains, Prior(4.0, 4.0)).p_worse() < moderated_mean(gains, None).p_worse() / 2


def test_many_cases_correct_a_wrong_prior(rng: np.random.Generator) -> None:
    gains = rng.normal(0, 1, 2000)
    assert moderated_mean(gains, Prior(100.0, 4.0)).error == pytest.approx(moderated_mean(gains, None).error, rel=0.15)


def test_the_prior_is_what_seeds_do_on_both_sides_and_a_margin() -> None:
    found = Prior.of(Spread(variance=6.0, freedom=2.0), seeds=3, tolerance=0.5)
    assert found == Prior(pytest.approx(2 * 6 / 3 + (PRIOR_TOLERANCES * 0.5) ** 2), 2.0)


def test_what_is_well_known_of_seeds_still_counts_for_a_few_cases_only() -> None:
    assert Prior.of(Spread(6.0, 1000.0), 3, 0.5).freedom == PRIOR_FREEDOM


def test_a_stated_variance_is_not_corrected_by_the_gains() -> None:
    spread = Spread(variance=6.0, freedom=12.0)
    one, other = (stated_mean(np.array(gains), spread, 3, 0.5) for gains in ([-2.0, -2.0], [-40.0, 36.0]))
    assert one == other
    error = math.sqrt((2 * 6 / 3 + (STATED_TOLERANCES * 0.5) ** 2) / 2)
    assert one == Estimate(-2.0, pytest.approx(error), 12.0)


def test_a_stated_variance_is_never_taken_for_certain() -> None:
    assert stated_mean(GAINS, Spread(6.0, 1000.0), 3, 0.5).freedom == STATED_FREEDOM


def test_losses_unlike_each_other_are_shown_by_the_stated_variance_alone() -> None:
    gains, spread = np.array([-60.0, 0.1, -0.2, -55.0, 0.0, 0.1, -0.1, 0.2]), Spread(4.0, 24.0)
    assert stated_mean(gains, spread, 4, 1.0).p_worse() < 1e-4
    assert moderated_mean(gains, Prior.of(spread, 4, 1.0)).p_worse() > 0.01


def test_the_spread_of_seeds_is_pooled_over_cases() -> None:
    scores = np.array([[1.0, 3.0, 5.0], [10.0, 10.0, 13.0]])
    assert stats.seed_spread(scores) == Spread(pytest.approx((4 + 3) / 2), 4)
    assert Spread(9.0, 1.0).deviation == 3


def test_one_seed_tells_nothing_of_seeds_and_one_case_nothing_of_cases() -> None:
    assert stats.seed_spread(np.array([[1.0], [2.0]])) is None
    assert stats.between_cases(np.array([[1.0, 2.0]])) is None


def test_the_spread_of_cases_is_that_of_their_means() -> None:
    assert stats.between_cases(np.array([[1.0, 3.0], [5.0, 5.0], [8.0, 8.0]])) == Spread(pytest.approx(9.0), 2)


def test_two_cases_are_enough_to_tell_how_cases_vary() -> None:
    assert stats.between_cases(np.array([[1.0, 3.0], [5.0, 5.0]])) == Spread(pytest.approx(4.5), 1)


@given(estimates)
@settings(deadline=None)
def test_either_direction_is_the_one_with_more_evidence(estimate: Estimate) -> None:
    assert estimate.p_either == min(estimate.p_worse(), estimate.p_better())


def test_margins_are_as_documented() -> None:
    """In docs/verdicts.md: 3.5 tolerances that count as much as four cases, and 6 tolerances; here without seeds."""
    gains, spread = np.array([-1.0, -1.0]), Spread(0.0, 1000.0)
    assert Prior.of(spread, 2, 2.0) == Prior((3.5 * 2.0) ** 2, 4.0)
    assert stated_mean(gains, spread, 2, 2.0) == Estimate(-1.0, pytest.approx(6 * 2.0 / math.sqrt(2)), 30.0)
