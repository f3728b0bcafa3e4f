from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cosine

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, create, info
from sdeval.metrics.diversity import diversity
from sdeval.shapes import world

SHAPES = MetricOptions(clip_model="shapes")
CASE, OTHER = (Case(id=name, prompt="a circle") for name in ("a", "b"))


def generated(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


RED, GREEN = (generated(f"a large {colour} circle on a white background") for colour in ("red", "green"))


def test_it_is_scipys_distance_to_the_other_seeds(rng: np.random.Generator) -> None:
    features, cases = rng.normal(size=(7, 5)), ["a", "b", "a", "b", "a", "c", "c"]
    expected = [
        np.mean([100 * cosine(features[row], features[n]) for n in range(7) if cases[n] == name and n != row])
        for row, name in enumerate(cases)
    ]
    assert diversity(features, cases) == pytest.approx(expected)


def test_the_mean_of_a_case_is_that_of_its_pairs(rng: np.random.Generator) -> None:
    features = rng.normal(size=(4, 6))
    pairs = [100 * cosine(one, other) for one, other in combinations(features, 2)]
    assert np.mean(diversity(features, ["a"] * 4)) == pytest.approx(np.mean(pairs))


def test_ignored_seeds_have_no_diversity() -> None:
    images = [
        GeneratedImage(RED, CASE, seed=0),
        GeneratedImage(RED, CASE, seed=1),
        GeneratedImage(GREEN, OTHER),
        GeneratedImage(RED, OTHER),
    ]
    found = create("diversity", SHAPES).score(images)
    assert found[:2] == pytest.approx([0, 0], abs=1e-4)
    assert found[2] == pytest.approx(found[3])
    assert found[2] > 1


def test_a_case_with_one_seed_has_no_diversity() -> None:
    images = [GeneratedImage(RED, CASE, seed=0), GeneratedImage(GREEN, CASE, seed=1), GeneratedImage(RED, OTHER)]
    with pytest.raises(ValueError, match="case b has one image: there is no other seed to differ from"):
        create("diversity", SHAPES).score(images)


def test_it_depends_on_the_other_images() -> None:
    assert not info("diversity").alone
    assert info("diversity").needs == ("seeds",)
