"""What set metrics share of swapping cases."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval.metrics.sets.swaps import difference_of, difference_of_sums, fit

CASES = np.repeat(np.arange(6), 2)


def test_a_sum_over_images_is_a_value_of_either_side(rng: np.random.Generator) -> None:
    values = rng.normal(size=24)
    quick, slow = difference_of_sums(values, CASES), difference_of(lambda chosen: float(values[chosen].sum()), CASES)
    for _ in range(10):
        swapped = rng.random(6) < 0.5
        assert quick(swapped) == pytest.approx(slow(swapped))
        assert quick(~swapped) == pytest.approx(-quick(swapped))


def test_parts_are_weighed_as_in_what_they_stand_for(rng: np.random.Generator) -> None:
    one, other = rng.normal(size=(2, 24))
    exact = difference_of_sums(3 * one - other / 7, CASES)
    swapped = rng.random(6) < 0.5
    assert fit(exact, (one, other), CASES)(swapped) == pytest.approx(exact(swapped))


def test_parts_that_add_nothing_or_the_same_are_no_obstacle(rng: np.random.Generator) -> None:
    values, swapped = rng.normal(size=24), rng.random(6) < 0.5
    exact = difference_of_sums(values, CASES)
    for other in (np.zeros(24), values):
        assert fit(exact, (values, other), CASES)(swapped) == pytest.approx(exact(swapped))
    assert fit(exact, (np.zeros(24),), CASES)(swapped) == 0


def test_what_is_stood_for_is_request_a_few_times_only(rng: np.random.Generator) -> None:
    request = []
    values = rng.normal(size=24)
    sums = difference_of_sums(values, CASES)
    quick = fit(lambda swapped: request.append(swapped) or sums(swapped), (values,), CASES)
    for _ in range(100):
        quick(rng.random(6) < 0.5)
    assert len(request) == 20
    assert len({tuple(each) for each in request}) > 10
