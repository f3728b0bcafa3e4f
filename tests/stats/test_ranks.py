"""Signed ranks, beside scipy's own test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from sdeval.stats import FEWEST_RANKED, ranked_mean


@pytest.mark.parametrize("shift", [-1.0, -0.2, 0.1, 0.3])
def test_it_has_the_p_value_of_the_ranks(rng: np.random.Generator, shift: float) -> None:
    gains = rng.normal(shift, 1, 32)
    found = ranked_mean(gains, 0.0)
    assert found is not None
    assert found.gain == pytest.approx(gains.mean())
    assert found.p_worse() == pytest.approx(wilcoxon(gains, alternative="less").pvalue, rel=0.1)


def test_cases_that_change_much_do_not_hide_that_nearly_all_lost() -> None:
    gains = np.array([-40.0, 30.0, *np.linspace(-1.5, -0.5, 30)])
    found = ranked_mean(gains, 0.0)
    assert found is not None
    assert found.p_worse() < 1e-5


def test_few_cases_that_changed_have_no_ranks(rng: np.random.Generator) -> None:
    gains = np.zeros(64)
    gains[: FEWEST_RANKED - 1] = -rng.random(FEWEST_RANKED - 1)
    assert ranked_mean(gains, 0.0) is None


def test_a_mean_that_the_ranks_contradict_is_not_known() -> None:
    found = ranked_mean(np.array([-100.0, *np.linspace(0.5, 1.5, 31)]), 0.0)
    assert found is not None
    assert math.isinf(found.error)


def test_no_p_value_is_below_what_the_signs_can_give() -> None:
    found = ranked_mean(np.full(12, -1.0), 0.0)
    assert found is not None
    assert found.p_worse() >= 0.99 * 0.5**12


def test_where_nothing_changed_it_is_right_about_its_level(rng: np.random.Generator) -> None:
    """Gains of any symmetric distribution, here with heavy tails and most of them zero."""
    below = 0
    for _ in range(1000):
        gains = rng.standard_t(1.5, 60) * (rng.random(60) < 0.4)
        found = ranked_mean(gains, 0.0)
        below += found is not None and found.p_worse() < 0.05
    # Binomial, 1000 at 5%: more than 71 in one of a thousand.
    assert below <= 71


def test_ranks_make_a_mean_no_surer_than_by_a_third() -> None:
    found = ranked_mean(np.linspace(-1.5, -0.5, 30), 0.9)
    assert found is not None
    assert found.error == pytest.approx(0.6)


@pytest.mark.parametrize(("changed", "ranked"), [(11, False), (12, True)])
def test_a_dozen_cases_that_changed_are_ranked(changed: int, ranked: bool) -> None:
    gains = np.concatenate([-np.linspace(0.1, 1, changed), np.zeros(20)])
    assert (ranked_mean(gains, 0.0) is not None) == ranked


def test_cases_that_did_not_change_give_no_degrees_of_freedom() -> None:
    found = ranked_mean(np.concatenate([-np.linspace(0.1, 1, 15), np.zeros(20)]), 0.0)
    assert found is not None
    assert found.freedom == 14


def test_gains_of_less_than_one_are_changes() -> None:
    small, large = (ranked_mean(-np.linspace(0.1, 1, 15) * unit, 0.0) for unit in (1e-3, 1e3))
    assert small is not None
    assert large is not None
    assert small.p_worse() == pytest.approx(large.p_worse())


@pytest.mark.parametrize("gains", [[*range(1, 12), -66], [-value for value in (*range(1, 12), -66)]])
def test_a_mean_of_nothing_is_not_made_sure_by_ranks(gains: list[int]) -> None:
    found = ranked_mean(np.array(gains, dtype=float), 1.0)
    assert found is not None
    assert (found.gain, found.error) == (0.0, math.inf)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("number", range(5))
def test_a_change_has_exactly_the_p_value_of_its_ranks(sign: int, number: int) -> None:
    gains = sign * np.random.default_rng(number).normal(0.5, 1, 16)
    found, side = ranked_mean(gains, 0.0), "less" if sign < 0 else "greater"
    assert found is not None
    assert np.sign(gains.mean()) == sign
    assert found.p_either == pytest.approx(wilcoxon(gains, alternative=side).pvalue)
