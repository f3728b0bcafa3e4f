"""What set metrics share of swapping cases."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval.metrics.swaps import difference_of, difference_of_sums, scaled_to

CASES = np.repeat(np.arange(6), 2)


def test_a_sum_over_pictures_is_a_figure_of_either_side(rng: np.random.Generator) -> None:
    values = rng.normal(size=24)
    quick, slow = difference_of_sums(values, CASES), difference_of(lambda chosen: float(values[chosen].sum()), CASES)
    for _ in range(10):
        swapped = rng.random(6) < 0.5
        assert quick(swapped) == pytest.approx(slow(swapped))
        assert quick(~swapped) == pytest.approx(-quick(swapped))


def test_a_sum_in_another_unit_is_brought_to_that_of_what_it_stands_for(rng: np.random.Generator) -> None:
    values = rng.normal(size=24)
    exact, sums = difference_of_sums(values, CASES), difference_of_sums(values / 7, CASES)
    swapped = rng.random(6) < 0.5
    assert scaled_to(exact, sums, CASES)(swapped) == pytest.approx(exact(swapped))


def test_a_sum_of_nothing_stays_nothing() -> None:
    exact, sums = difference_of_sums(np.arange(24.0), CASES), difference_of_sums(np.zeros(24), CASES)
    assert scaled_to(exact, sums, CASES)(np.zeros(6, dtype=bool)) == 0


def test_what_is_stood_for_is_asked_a_few_times_only(rng: np.random.Generator) -> None:
    asked = []
    sums = difference_of_sums(rng.normal(size=24), CASES)
    quick = scaled_to(lambda swapped: asked.append(swapped) or sums(swapped), sums, CASES)
    for _ in range(100):
        quick(rng.random(6) < 0.5)
    assert len(asked) == 20
    assert len({tuple(each) for each in asked}) > 10
