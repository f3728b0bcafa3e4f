"""What all metrics of whole sets have in common."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdeval.metrics import MetricOptions, SetMetric, create, info, metric_names
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets import cmmd, kernel_distance, mind, mmd
from sdeval.metrics.sets.frechet_distance import FrechetDistance
from sdeval.metrics.sets.mmd import KernelMetric
from sdeval.metrics.sets.prdc import Neighbours, coverage, density, precision, recall

# `fd_dinov2` is the Fréchet distance with an extractor of its own; tests/metrics/test_image_similarity.py has it.
NAMES = [name for name in metric_names() if info(name).scope == "set" and name != "fd_dinov2"]
PERCENT = ["precision", "recall", "density", "coverage"]
SHAPES = MetricOptions(clip_model="shapes")
ANY = SimpleNamespace(name="clip", version="any", resize="any", images=None)
MADE: dict[str, SetMetric] = {
    "frechet_distance": FrechetDistance(ANY),
    "kernel_distance": KernelMetric(kernel_distance.INFO, kernel_distance.cubic, ANY),
    "cmmd": KernelMetric(cmmd.INFO, cmmd.gaussian, ANY),
    "mind": mind.Mind(ANY),
    **{each.INFO.name: Neighbours(each, ANY) for each in (precision, recall, density, coverage)},
}
every = pytest.mark.parametrize("name", NAMES)


def features(seed: int, n: int, d: int = 5, shift: float = 0.0) -> Features:
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(np.float32)


@every
def test_it_is_made_with_the_suites_extractor(name: str) -> None:
    metric = create(name, SHAPES)
    assert isinstance(metric, SetMetric)
    assert metric.extractor.version in metric.version
    assert metric.extractor.resize == "bicubic 64x64 squash"
    assert metric.info.needs == ("references",)
    assert metric.info.tolerance_is_relative == (name in ("frechet_distance", "mind"))


@every
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((0, 5)), "at least 2 images, got 0"),
        (np.zeros((1, 5)), "at least 2 images, got 1"),
        (features(0, 20, 4), "features have 4 dimensions, the reference has 5"),
        (np.full((20, 5), np.nan), "no numbers"),
        (np.full((20, 5), np.inf), "no numbers"),
    ],
)
def test_features_without_a_value_are_refused(name: str, wrong: Features, message: str) -> None:
    metric, reference = MADE[name], Reference.of(features(1, 30))
    with pytest.raises(ValueError, match=message):
        metric.measure(wrong, reference)
    with pytest.raises(ValueError, match=message):
        metric.swap_difference(wrong, wrong, np.arange(len(wrong)), reference)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "frechet_distance"])
def test_a_reference_without_rows_is_refused(name: str) -> None:
    reference = Reference.of_chunks([features(1, 30)], kept_rows=20)
    with pytest.raises(ValueError, match="needs the features of every reference image; of 30 only mean"):
        MADE[name].measure(features(0, 20), reference)


def test_the_frechet_distance_needs_no_rows() -> None:
    few, all_of_them = (Reference.of_chunks([features(1, 30)], kept_rows=kept) for kept in (20, 30))
    metric, values = MADE["frechet_distance"], features(0, 20)
    assert metric.measure(values, few) == metric.measure(values, all_of_them)


@every
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(6, 40), m=st.integers(6, 40), d=st.integers(1, 12))
def test_the_order_of_images_does_not_matter(name: str, seed: int, n: int, m: int, d: int) -> None:
    metric, values, real = MADE[name], features(seed, n, d), features(seed + 1, m, d, 0.5)
    expected = metric.measure(values, Reference.of(real))
    shuffled = np.random.default_rng(seed).permutation
    assert metric.measure(shuffled(values), Reference.of(shuffled(real))) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@every
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(6, 40), m=st.integers(6, 40), d=st.integers(1, 12))
def test_a_value_is_within_its_range(name: str, seed: int, n: int, m: int, d: int) -> None:
    metric = MADE[name]
    low, high = metric.info.range
    for real in (features(seed + 1, m, d, 3.0), features(seed, n, d)):
        assert low <= metric.measure(features(seed, n, d), Reference.of(real)) <= high


@every
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    cases=st.integers(3, 12),
    seeds=st.integers(2, 3),
    m=st.integers(6, 40),
    d=st.integers(1, 50),
)
def test_a_swap_is_what_measuring_the_swapped_sets_says(
    name: str, seed: int, cases: int, seeds: int, m: int, d: int
) -> None:
    metric, reference = MADE[name], Reference.of(features(seed + 2, m, d))
    before, after = features(seed, cases * seeds, d), features(seed + 1, cases * seeds, d, 0.5)
    swapped = np.random.default_rng(seed).random(cases) < 0.5
    rows = np.repeat(swapped, seeds)[:, None]
    one, other = np.where(rows, before, after), np.where(rows, after, before)
    difference = metric.swap_difference(before, after, np.repeat(np.arange(cases), seeds), reference)
    expected = metric.measure(one, reference) - metric.measure(other, reference)
    assert difference(swapped) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert difference(~swapped) == pytest.approx(-expected, rel=1e-6, abs=1e-6)


@every
def test_equal_sets_differ_in_nothing_however_they_are_swapped(name: str) -> None:
    values, reference = features(0, 12), Reference.of(features(1, 30))
    difference: Callable[[np.ndarray], float] = MADE[name].swap_difference(values, values, np.arange(12), reference)
    assert difference(np.arange(12) % 2 == 0) == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 9999), st.integers(8, 60), st.integers(8, 60), st.integers(1, 40), st.sampled_from([0.1, 1.0, 3.0])
)
@pytest.mark.parametrize("metric", ["kernel_distance", "cmmd"])
def test_kernels_in_single_precision_are_far_below_the_tolerance(
    metric: str, seed: int, n: int, m: int, d: int, shift: float
) -> None:
    one, other, reference = features(seed, n, d), features(seed + 1, n, d, shift), Reference.of(features(7, m, d, 0.1))

    def values() -> list[float]:
        difference = MADE[metric].swap_difference(one, other, np.arange(n), reference)
        return [MADE[metric].measure(other, reference), difference(np.arange(n) % 2 == 0)]

    expected = values()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmd, "SINGLE_FROM", 0)
        mmd._reference_mean.cache_clear()
        # Values of one dimension are the largest. Single precision serves sets of thousands, never a few images.
        largest = max(1.0, float(np.square(np.concatenate([one, other, reference.all_rows()])).sum(axis=1).max()) / d)
        assert values() == pytest.approx(expected, abs=1e-3 * MADE[metric].info.tolerance * largest**3)
    mmd._reference_mean.cache_clear()
