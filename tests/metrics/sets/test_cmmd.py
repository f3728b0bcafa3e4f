"""CMMD against the formula, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.metrics import MetricOptions, create
from sdeval.metrics.base import Reference
from sdeval.metrics.sets.cmmd import cmmd


def test_it_is_the_formula_pair_by_pair(rng: np.random.Generator) -> None:
    one, other = rng.normal(size=(6, 4)), rng.normal(size=(9, 4)) + 1

    def k(x: np.ndarray, y: np.ndarray) -> float:
        apart = x / np.linalg.norm(x) - y / np.linalg.norm(y)
        return float(np.exp(-(apart @ apart) / (2 * 10**2)))

    def pairs(rows: np.ndarray) -> float:
        return np.mean([k(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j])

    expected = 1000 * (pairs(one) + pairs(other) - 2 * np.mean([k(x, y) for x in one for y in other]))
    assert expected > 1
    assert cmmd(one, Reference.of(other)) == pytest.approx(expected, rel=1e-6)


def test_the_length_of_an_embedding_does_not_matter(rng: np.random.Generator) -> None:
    values, reference = rng.normal(size=(6, 4)), Reference.of(rng.normal(size=(9, 4)))
    lengths = rng.uniform(0.1, 10, size=(6, 1))
    assert cmmd(values * lengths, reference) == pytest.approx(cmmd(values, reference), rel=1e-9)


def test_opposite_sets_are_as_far_apart_as_can_be() -> None:
    values = np.tile([1.0, 0.0], (5, 1))
    assert cmmd(values, Reference.of(-values)) == pytest.approx(2000 * (1 - np.exp(-0.02)))


def test_it_has_no_bias(rng: np.random.Generator) -> None:
    found = [cmmd(rng.normal(size=(10, 4)), Reference.of(rng.normal(size=(10, 4)))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0


def test_an_embedding_without_direction_has_no_distance(rng: np.random.Generator) -> None:
    values = rng.normal(size=(6, 4))
    with pytest.raises(ValueError, match="length 0 has no direction"):
        cmmd(values * (np.arange(6) > 0)[:, None], Reference.of(values))


@pytest.mark.parametrize("extractor", ["inception", "dinov2"])
def test_features_that_are_not_clips_are_refused(extractor: str) -> None:
    with pytest.raises(SdevalError, match=f"for CLIP embeddings only, not for extractor {extractor}; use extractor"):
        create("cmmd", MetricOptions(extractor=extractor))
