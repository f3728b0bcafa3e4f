"""The sums that find slow drift, compared with theory and simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from sdeval.stats import cusum

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=30).map(lambda values: np.array(values, dtype=float))


def by_hand(values: np.ndarray) -> list[float]:
    """Scores as the paper defines them, one by one."""
    found = [0.0, 0.0]
    for n in range(2, len(values)):
        before = values[:n]
        t = (values[n] - before.mean()) / before.std(ddof=1) * np.sqrt(n / (n + 1))
        found.append(float(np.clip(scipy_stats.norm.ppf(scipy_stats.t.cdf(t, n - 1)), -2.5, 2.5)))
    return found


def test_scores_are_those_of_the_paper(rng: np.random.Generator) -> None:
    values = rng.normal(30, 2, size=40)
    assert cusum.scores(values) == pytest.approx(by_hand(values))


def test_where_nothing_changes_scores_are_standard_normal_from_the_third_on(rng: np.random.Generator) -> None:
    scores = cusum.scores(rng.normal(7, 3, size=(20_000, 12)))
    inside = np.abs(scores[:, 2:]) < cusum.CLIP
    expected = 1 - 2 * scipy_stats.norm.sf(cusum.CLIP)
    assert inside.mean(axis=0) == pytest.approx(np.full(10, expected), abs=0.004)
    assert scores[:, 2:].mean(axis=0) == pytest.approx(np.zeros(10), abs=0.03)
    assert np.corrcoef(scores[:, 2:].T) - np.eye(10) == pytest.approx(np.zeros((10, 10)), abs=0.03)


@given(VALUES)
def test_any_values_have_finite_scores_and_sums(values: np.ndarray) -> None:
    scores = cusum.scores(values)
    assert np.isfinite(scores).all()
    assert (np.abs(scores) <= cusum.CLIP).all()
    assert (cusum.evidence(values) >= 0).all()


@given(VALUES, st.floats(-100, 100), st.integers(-3, 3))
def test_neither_the_unit_nor_the_origin_of_a_value_matters(values: np.ndarray, shift: float, power: int) -> None:
    rounded = np.round(values)
    assert cusum.scores(rounded * 2.0**power + round(shift)) == pytest.approx(cusum.scores(rounded), abs=1e-4)


@given(st.floats(-1e9, 1e9), st.integers(0, 50))
def test_a_constant_value_has_nothing_to_tell(value: float, count: int) -> None:
    assert cusum.watch(np.full(count, value), cusum.threshold(1)) is None
    assert not cusum.scores(np.full(count, value)).any()


def test_the_last_bit_of_a_value_has_nothing_to_tell() -> None:
    values = np.array([1e6] * 15 + [np.nextafter(1e6, 2e6)] * 15)
    assert not cusum.scores(values).any()


def test_thresholds_are_those_of_the_run_length() -> None:
    assert cusum.threshold(1) == pytest.approx(7.35, abs=0.01)
    assert cusum.threshold(20) == pytest.approx(10.35, abs=0.01)
    for series in (1, 7, 300):
        missed = np.exp(-cusum.SESSIONS / cusum.run_length(cusum.threshold(series)))
        assert 1 - missed == pytest.approx(cusum.FALSE_ALARMS / series)


def test_the_run_length_is_what_simulation_finds(rng: np.random.Generator) -> None:
    """With known mean and spread and nothing clipped, as the formula has it."""
    limit = 3.0
    above = cusum.sums(rng.normal(size=(2_000, 1_500))) > limit
    lengths = np.where(above.any(axis=1), above.argmax(axis=1) + 1, 1_500)
    assert lengths.mean() == pytest.approx(cusum.run_length(limit), rel=0.08)


@pytest.mark.parametrize("noise", ["normal", "heavy"])
@pytest.mark.parametrize("series", [1, 20])
def test_false_alarms_are_at_most_one_in_a_hundred_histories(noise: str, series: int, rng: np.random.Generator) -> None:
    histories = 4_000
    size = (histories, cusum.SESSIONS)
    generated = rng.normal(size=size) if noise == "normal" else rng.standard_t(3, size=size)
    alarms = (cusum.evidence(generated).max(axis=1) > cusum.threshold(series)).mean()
    # What chance allows above the rate itself.
    rate = cusum.FALSE_ALARMS / series
    assert alarms <= rate + 3 * np.sqrt(rate / histories)


def test_a_shift_is_found_and_where_it_began(rng: np.random.Generator) -> None:
    values = rng.normal(size=120)
    values[60:] += 2
    alarm = cusum.watch(values, cusum.threshold(10))
    assert alarm is not None
    assert 55 <= alarm.since <= 62
    assert 62 <= alarm.at <= 80


def test_what_becomes_better_is_no_alarm(rng: np.random.Generator) -> None:
    values = rng.normal(size=120)
    values[60:] -= 3
    assert cusum.watch(values, cusum.threshold(1)) is None


def test_a_single_bad_value_is_no_drift(rng: np.random.Generator) -> None:
    values = rng.normal(size=60)
    values[30] = 1e6
    assert cusum.watch(values, cusum.threshold(1)) is None


def test_one_step_between_constant_stretches_is_no_slow_drift() -> None:
    """It is one change, which the session that made it is judged by."""
    assert cusum.watch(np.array([1.0] * 30 + [1.2] * 30), cusum.threshold(1)) is None


def test_how_alike_neighbours_are_is_estimated_whether_they_drift_or_not(rng: np.random.Generator) -> None:
    values = rng.normal(size=(50, 2_000))
    for session in range(1, 2_000):
        values[:, session] += 0.6 * values[:, session - 1]
    assert cusum.autocorrelation(values)[:, -1].mean() == pytest.approx(0.6, abs=0.02)
    assert cusum.autocorrelation(values + 0.01 * np.arange(2_000))[:, -1].mean() == pytest.approx(0.6, abs=0.02)


def test_values_that_follow_each_other_seldom_raise_false_alarms(rng: np.random.Generator) -> None:
    values = rng.normal(size=(2_000, cusum.SESSIONS))
    for session in range(1, cusum.SESSIONS):
        values[:, session] += 0.5 * values[:, session - 1]
    limit = cusum.threshold(1)
    assert (cusum.sums(cusum.scores(values)).max(axis=1) > limit).mean() > 0.2
    assert (cusum.evidence(values).max(axis=1) > limit).mean() < 0.05


def series_together(rng: np.random.Generator) -> np.ndarray:
    """Three series of 30 values: independent ones, correlated ones, and ones that drift."""
    values = rng.normal(size=(3, 30))
    for session in range(1, 30):
        values[1, session] += 0.7 * values[1, session - 1]
    values[2] += 0.1 * np.arange(30)
    return values


@pytest.mark.parametrize("function", [cusum.scores, cusum.autocorrelation, cusum.sums, cusum.evidence])
def test_series_that_are_computed_together_are_computed_one_by_one(
    function: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> None:
    values = series_together(rng)
    assert function(values) == pytest.approx(np.array([function(series) for series in values]))


def correlation_by_hand(values: np.ndarray) -> float:
    """From the differences of neighbours: their correlation is (r - 1) / 2."""
    steps = [after - before for before, after in pairwise(values)]
    products = sum(before * after for before, after in pairwise(steps))
    return float(np.clip(1 + 2 * products / sum(step**2 for step in steps), 0.0, 0.9))


def evidence_by_hand(values: np.ndarray) -> list[float]:
    """Sums of the parts of the scores above one half; a mean of correlated values is less certain."""
    results, running = [], 0.0
    for n, score in enumerate(by_hand(values)):
        correlation = correlation_by_hand(values[: n + 1]) if n >= 10 else 0.0
        running = max(0.0, running + score * math.sqrt((1 - correlation) / (1 + correlation)) - 0.5)
        results.append(running)
    return results


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("number", range(3))
def test_the_evidence_of_a_series_is_that_by_hand(number: int, unit: float, rng: np.random.Generator) -> None:
    values = series_together(rng)[number] * unit
    assert cusum.evidence(values) == pytest.approx(evidence_by_hand(values))


def test_values_that_take_turns_count_as_independent() -> None:
    assert cusum.autocorrelation(np.tile([1.0, -1.0], 20)).tolist() == [0.0] * 40


def test_the_correlation_is_estimated_from_the_eleventh_value_on(rng: np.random.Generator) -> None:
    correlation = cusum.autocorrelation(np.cumsum(rng.normal(size=20)))
    assert (correlation[:10] == 0).all()
    assert (correlation[10:] > 0).all()


def test_the_run_length_is_that_of_the_textbook() -> None:
    """Siegmund's approximation for a limit of 5, in Montgomery, Introduction to Statistical Quality Control."""
    assert cusum.run_length(5.0) == pytest.approx(938.2, abs=0.1)


@pytest.mark.parametrize("series", [0, 1])
def test_one_chance_in_a_hundred_of_a_hundred_sessions_sets_the_threshold(series: int) -> None:
    mean = -100 / math.log(0.99)
    assert cusum.run_length(cusum.threshold(series)) == pytest.approx(mean, rel=1e-4)


def drifting(rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(size=80)
    values[40:] += 2
    return values


def test_a_sum_equal_to_the_limit_is_no_alarm(rng: np.random.Generator) -> None:
    values = drifting(rng)
    highest = float(cusum.evidence(values).max())
    assert cusum.watch(values, highest) is None
    assert cusum.watch(values, np.nextafter(highest, 0)) is not None


@pytest.mark.parametrize("limit", [1.0, 2.0, 5.0])
def test_an_alarm_is_the_first_sum_above_the_limit_and_began_after_the_last_sum_of_nothing(
    limit: float, rng: np.random.Generator
) -> None:
    values = drifting(rng)
    sums, alarm = cusum.evidence(values), cusum.watch(values, limit)
    assert alarm is not None
    assert sums[alarm.at] > limit
    assert (sums[: alarm.at] <= limit).all()
    assert (sums[alarm.since : alarm.at] > 0).all()
    assert sums[alarm.since - 1] == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sessions", [0, 1, 2, 30])
def test_values_that_never_change_raise_no_warnings(sessions: int) -> None:
    assert not cusum.evidence(np.zeros(sessions)).any()
