"""What set metrics share of swapping cases."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval.metrics.sets.swaps import difference_of, difference_of_sums, fit_weight

CASES = np.repeat(np.arange(6), 2)


def test_a_sum_over_images_is_a_value_of_either_side(rng: np.random.Generator) -> None:
    values = rng.normal(size=24)
    quick, slow = difference_of_sums(values, CASES), difference_of(lambda chosen: float(values[chosen].sum()), CASES)
    for _ in range(10):
        swapped = rng.random(6) < 0.5
        assert quick(swapped) == pytest.approx(slow(swapped))
        assert quick(~swapped) == pytest.approx(-quick(swapped))


def test_the_weight_is_the_factor_between_a_difference_and_its_shares(rng: np.random.Generator) -> None:
    shares = rng.normal(size=24)
    exact = difference_of_sums(-3 * shares, CASES)
    assert fit_weight(exact, shares, CASES) == pytest.approx(-3)


@pytest.mark.parametrize("cases", [12, 60, 500])
def test_other_effects_hardly_change_the_weight(rng: np.random.Generator, cases: int) -> None:
    shares, others = rng.normal(size=(2, 2 * cases))
    exact = difference_of_sums(shares + 0.1 * others, np.arange(cases))
    assert fit_weight(exact, shares, np.arange(cases)) == pytest.approx(1, abs=0.15)


def test_the_weight_is_the_same_for_data_that_are_already_swapped(rng: np.random.Generator) -> None:
    values = rng.normal(size=(24, 2))
    swapped = np.repeat(rng.random(6) < 0.5, 2)[:, None]
    before, after = np.split(values, 2)
    others = np.concatenate([np.where(swapped, after, before), np.where(swapped, before, after)])
    weights = [
        fit_weight(difference_of(lambda chosen, v=v: float((v[chosen, 0] ** 3).sum()), CASES), v[:, 0], CASES)
        for v in (values, others)
    ]
    assert weights[0] == pytest.approx(weights[1])


def test_shares_that_are_all_the_same_have_no_weight(rng: np.random.Generator) -> None:
    exact = difference_of_sums(rng.normal(size=24), CASES)
    assert fit_weight(exact, np.ones(24), CASES) == 0


def test_the_slow_difference_is_computed_once(rng: np.random.Generator) -> None:
    calls = []
    sums = difference_of_sums(rng.normal(size=24), CASES)
    fit_weight(lambda swapped: calls.append(swapped) or sums(swapped), rng.normal(size=24), CASES)
    assert len(calls) == 1
