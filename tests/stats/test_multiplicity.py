from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import false_discovery_control

from sdeval import stats
from sdeval.stats import Estimate

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def by_hand(p_values: list[float], total: int) -> list[float]:
    """The smallest level at which each is shown: some k of them must lie below k / total of it."""
    ordered = sorted(p_values)
    return [
        min([1.0, *(value * total / (rank + 1) for rank, value in enumerate(ordered) if value >= mine)])
        for mine in p_values
    ]


def test_three_by_hand() -> None:
    # The third alone: 0.03 · 3 / 2; the second 0.04 · 3 / 3, which is less and counts for both.
    assert stats.adjusted_p([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


@given(p_lists)
def test_p_values_are_adjusted_as_by_hand_and_by_scipy(p_values: list[float]) -> None:
    found = stats.adjusted_p(p_values)
    assert found == pytest.approx(by_hand(p_values, len(p_values)))
    assert found == pytest.approx(false_discovery_control(p_values).tolist())


@given(p_lists, st.integers(0, 40))
def test_what_is_judged_elsewhere_counts_as_unchanged(p_values: list[float], more: int) -> None:
    total = len(p_values) + more
    assert stats.adjusted_p(p_values, total) == pytest.approx(
        by_hand([*p_values, *[1.0] * more], total)[: len(p_values)]
    )


def test_nothing_to_adjust_is_nothing() -> None:
    assert stats.adjusted_p([]) == []
    assert stats.adjusted_p([], 7) == []


@given(p_lists)
def test_adjusted_p_values_lie_between_nothing_and_bonferroni(p_values: list[float]) -> None:
    for raw, adjusted in zip(p_values, stats.adjusted_p(p_values), strict=True):
        assert raw - 1e-12 <= adjusted <= min(1.0, raw * len(p_values)) + 1e-12


def test_where_nothing_changed_a_session_raises_an_alarm_at_its_level() -> None:
    rng = np.random.default_rng(2)
    alarms = [min(stats.adjusted_p(rng.random(9).tolist())) < 0.05 for _ in range(2000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)


def test_the_share_by_hand() -> None:
    # One of four is shown, then three of four; where none is, the first has to be as clear as if it were.
    assert stats.share_of_level([0.003, 0.2, 0.5, 0.7], 0.004) == 0.25
    assert stats.share_of_level([0.003, 0.001, 0.003, 0.7], 0.004) == 0.75
    assert stats.share_of_level([0.3, 0.2, 0.5, 0.7], 0.004) == 0.25
    assert stats.share_of_level([0.003], 0.004, total=10) == 0.1
    assert stats.share_of_level([], 0.004) == 1.0


@given(p_lists, st.floats(1e-4, 0.5), st.integers(0, 20))
def test_an_interval_at_the_share_leaves_out_zero_just_where_it_is_shown(
    p_values: list[float], level: float, more: int
) -> None:
    total = len(p_values) + more
    adjusted = stats.adjusted_p(p_values, total)
    share = stats.share_of_level(adjusted, level, total)
    for raw, value in zip(p_values, adjusted, strict=True):
        # Exactly at the level, rounding decides.
        if abs(value - level) < 1e-9 or abs(raw - level * share) < 1e-9:
            continue
        assert (raw < level * share) == (value < level)
        estimate = Estimate(float(stdtrit(8, min(max(raw, 1e-12), 1 - 1e-12))), 1.0, 8.0)
        assert (estimate.at_most(level * share) < 0) == (value < level)


@pytest.mark.parametrize("level", [0.007, 0.05])
@pytest.mark.parametrize("total", [1, 9])
def test_a_single_p_value_is_shown_below_its_part_of_the_level(level: float, total: int) -> None:
    for p_value, shown in ((0.99 * level / total, True), (1.01 * level / total, False)):
        (adjusted,) = stats.adjusted_p([p_value], total)
        assert (adjusted < level) == shown


def test_a_p_value_equal_to_the_level_is_not_shown() -> None:
    assert stats.share_of_level([0.5, 0.5], 0.5) == 0.5
