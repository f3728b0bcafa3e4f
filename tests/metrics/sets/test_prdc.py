"""Precision and recall against torch-fidelity, density and coverage against loops over every pair."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdeval.metrics.base import Reference
from sdeval.metrics.sets import neighbours
from sdeval.metrics.sets.prdc import Definition, coverage, density, precision, recall

ALL = [precision, recall, density, coverage]


def distance(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.sqrt(((x - y) ** 2).sum()))


def radius(rows: np.ndarray, own: int) -> float:
    return sorted(distance(rows[own], rows[other]) for other in range(len(rows)) if other != own)[4]


@pytest.mark.parametrize(("n", "m"), [(30, 30), (24, 60), (60, 24)])
def test_precision_and_recall_are_torch_fidelitys(rng: np.random.Generator, n: int, m: int) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    one, other = rng.normal(size=(n, 6)) + 0.7, rng.normal(size=(m, 6))
    expected = prc_features_to_metric(
        torch.from_numpy(one), torch.from_numpy(other), prc_neighborhood=5, verbose=False, save_cpu_ram=False
    )
    reference = Reference.of_chunks([other])  # type: ignore[list-item]
    assert precision.measure(one, reference) == pytest.approx(100 * expected["precision"], abs=1e-4)
    assert recall.measure(one, reference) == pytest.approx(100 * expected["recall"], abs=1e-4)
    assert 0 < expected["precision"] < 1
    assert 0 < expected["recall"] < 1


def test_density_and_coverage_are_the_formulas_pair_by_pair(rng: np.random.Generator) -> None:
    one, real = rng.normal(size=(20, 3)) + 0.5, rng.normal(size=(25, 3)).astype(np.float32).astype(float)
    inside = [[distance(x, y) <= radius(real, at) for at, y in enumerate(real)] for x in one]
    reference = Reference.of(real)
    assert density.measure(one, reference) == pytest.approx(100 * np.sum(inside) / (5 * 20))
    assert coverage.measure(one, reference) == pytest.approx(100 * np.any(inside, axis=0).mean())


def test_a_set_against_itself_is_wholly_precise(rng: np.random.Generator) -> None:
    values = rng.normal(size=(30, 6)).astype(np.float32)
    found = [each.measure(values, Reference.of(values)) for each in ALL]
    # Every ball holds its own image beside the five that it reaches to.
    assert found == pytest.approx([100, 100, 120, 100])


def test_sets_far_apart_share_nothing(rng: np.random.Generator) -> None:
    values = rng.normal(size=(30, 6)).astype(np.float32)
    assert [each.measure(values + 100, Reference.of(values)) for each in ALL] == [0, 0, 0, 0]


def test_balls_of_no_size_hold_equal_images(rng: np.random.Generator) -> None:
    # Rounding must not decide: all images are one and the same, far from zero.
    same = np.tile(rng.normal(size=64) * 1e3, (8, 1)).astype(np.float32)
    assert [each.measure(same, Reference.of(same)) for each in ALL] == pytest.approx([100, 100, 160, 100])


def test_blocks_do_not_matter(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = rng.normal(size=(30, 4)) + 0.5, rng.normal(size=(45, 4)).astype(np.float32)
    expected = [each.measure(one, Reference.of(other)) for each in ALL]
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    assert [each.measure(one, Reference.of(other)) for each in ALL] == expected


@pytest.mark.parametrize("definition", ALL)
@pytest.mark.parametrize(("n", "m"), [(5, 30), (30, 5)])
def test_too_few_images_for_a_fifth_neighbour_are_refused(
    rng: np.random.Generator, definition: Definition, n: int, m: int
) -> None:
    message = f"more than 5 images on both sides, got {n} images and {m} reference images"
    values, reference = rng.normal(size=(n, 4)), Reference.of(rng.normal(size=(m, 4)))
    with pytest.raises(ValueError, match=message):
        definition.measure(values, reference)
    with pytest.raises(ValueError, match=message):
        definition.swap_difference(values, values, np.arange(n), reference)


@pytest.mark.parametrize("nearest", [6, 9, 32])
@pytest.mark.parametrize("spread", [0.3, 1.0, 5.0])
def test_a_ball_that_reaches_beyond_the_list_of_neighbours_is_measured_anew(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, nearest: int, spread: float
) -> None:
    monkeypatch.setattr(neighbours, "NEAREST", nearest)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    before, after = rng.normal(size=(40, 3)), spread * rng.normal(size=(40, 3))
    reference = Reference.of(rng.normal(size=(50, 3)).astype(np.float32))
    difference = recall.swap_difference(before, after, np.repeat(np.arange(20), 2), reference)
    for _ in range(20):
        swapped = rng.random(20) < 0.5
        rows = np.repeat(swapped, 2)[:, None]
        sets = np.where(rows, before, after), np.where(rows, after, before)
        expected = [recall.measure(each, reference) for each in sets]
        assert difference(swapped) == pytest.approx(expected[0] - expected[1])
