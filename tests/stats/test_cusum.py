"""The sums that find slow drift, compared with theory and simulation."""

from __future__ import annotations

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
        found.append(float(np.clip(scipy_stats.norm.ppf(scipy_stats.t.cdf(t, n - 1)), -cusum.CLIP, cusum.CLIP)))
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
