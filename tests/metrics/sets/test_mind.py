"""MIND, compared with what can be computed by hand, with slow loops, and with the transport of scipy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from sdeval.metrics.base import Reference
from sdeval.metrics.sets import mind as module
from sdeval.metrics.sets.mind import DIRECTIONS, Mind, directions, mind, swapped_difference


def sample(rng: np.random.Generator, count: int, dimensions: int, shift: float = 0.0) -> np.ndarray:
    return (rng.normal(size=(count, dimensions)) + shift).astype(np.float32)


def by_assignment(features: np.ndarray, rows: np.ndarray) -> float:
    """The same by the cheapest assignment of points, each repeated until both sets are of one size."""
    total = math.lcm(len(features), len(rows))
    left, right = (np.repeat(side, total // len(side), axis=0).astype(np.float64) for side in (features, rows))
    vectors = directions(features.shape[1])
    sums = 0.0
    for number in range(DIRECTIONS):
        one, other = left @ vectors[:, number], right @ vectors[:, number]
        cost = (one[:, None] - other) ** 2
        sums += cost[linear_sum_assignment(cost)].sum() / total
    return 3 * features.shape[1] * sums / DIRECTIONS


@pytest.mark.parametrize(("count", "other"), [(6, 6), (4, 6), (6, 4), (3, 7), (2, 9)])
def test_it_is_the_cheapest_transport_on_every_direction(count: int, other: int) -> None:
    rng = np.random.default_rng(count * 10 + other)
    features, rows = sample(rng, count, 5), sample(rng, other, 5, shift=1.0)
    assert mind(features, Reference.of(rows)) == pytest.approx(by_assignment(features, rows), rel=1e-9)


def test_a_shift_by_c_gives_three_times_its_square_on_average_over_directions() -> None:
    rng = np.random.default_rng(0)
    rows, shift = sample(rng, 50, 8), rng.normal(size=8)
    value = mind((rows + shift).astype(np.float32), Reference.of(rows))
    # To the last bit, it is the mean of the squares of the shift's projections.
    assert value == pytest.approx(24 * np.square(shift @ directions(8)).mean(), rel=1e-5)
    assert value == pytest.approx(3 * shift @ shift, rel=0.1)


def test_the_reference_itself_has_no_distance_in_any_order() -> None:
    rows = sample(np.random.default_rng(0), 40, 16)
    assert mind(rows[::-1], Reference.of(rows)) == pytest.approx(0, abs=1e-12)
    assert mind(np.repeat(rows, 3, axis=0), Reference.of(rows)) == pytest.approx(0, abs=1e-12)


def test_directions_have_length_1_and_never_change() -> None:
    assert np.allclose(np.linalg.norm(directions(7), axis=0), 1)
    assert directions(7).shape == (7, 1000)
    assert directions(3)[:, 0] == pytest.approx([0.09961, 0.93795, 0.33216], abs=1e-5)


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_shares_of_mass_add_up_to_one_and_use_all_points(count: int, other: int, seed: int) -> None:
    shares, own, others = module._pairing(count, other)
    assert shares.sum() == pytest.approx(1)
    assert np.bincount(own, weights=shares) == pytest.approx(np.full(count, 1 / count))
    assert np.bincount(others, weights=shares) == pytest.approx(np.full(other, 1 / other))


def test_a_swap_gives_what_the_swapped_sets_give() -> None:
    rng = np.random.default_rng(3)
    reference = Reference.of(sample(rng, 30, 6))
    before, after = sample(rng, 8, 6), sample(rng, 8, 6, shift=0.5)
    cases = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    difference = swapped_difference(before, after, cases, reference)
    for marked in ([], [1], [0, 2], [0, 1, 2, 3]):
        swapped = np.isin(np.arange(4), marked)
        rows = swapped[cases][:, None]
        expected = mind(np.where(rows, before, after), reference) - mind(np.where(rows, after, before), reference)
        assert difference(swapped) == pytest.approx(expected, rel=1e-9)


def test_large_sets_are_tested_on_fewer_directions_with_the_same_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    reference = Reference.of(sample(rng, 60, 6))
    before, after = sample(rng, 40, 6), sample(rng, 40, 6, shift=0.5)
    cases, nothing = np.arange(40), np.zeros(40, dtype=bool)
    exact = swapped_difference(before, after, cases, reference)(nothing)
    monkeypatch.setattr(module, "SWAPPED_VALUES", 1)
    few = swapped_difference(before, after, cases, reference)(nothing)
    assert few != exact
    assert few == pytest.approx(exact, rel=0.5)


def test_what_has_no_value_says_why() -> None:
    rows = sample(np.random.default_rng(0), 5, 4)
    reference = Reference.of(rows)
    for features in (rows[:1], rows[:, :3], np.full((3, 4), np.nan, dtype=np.float32)):
        with pytest.raises(ValueError, match=r"."):
            mind(features, reference)
    with pytest.raises(ValueError, match="needs the features of every reference image"):
        mind(rows, replace(reference, rows=None))


def test_the_version_names_extractor_and_directions() -> None:
    class Extractor:
        name, version, resize = "one", "one 1", "none"

        def images(self, images: object) -> None: ...

    assert Mind(Extractor()).version == "1 1000 directions one 1"
