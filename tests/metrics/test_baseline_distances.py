"""Distances from the baseline's image: SSIM and PSNR."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.functional.image import peak_signal_noise_ratio

from sdeval import Case
from sdeval.imaging.similarity import psnr
from sdeval.metrics import GeneratedImage, MetricOptions, create, info
from sdeval.metrics.ssim import ssim

CASE = Case(id="a", prompt="a large red circle on a blue background")


def noisy(image: Image.Image, rng: np.random.Generator, levels: float) -> np.ndarray:
    pixels = np.asarray(image).astype(float)
    return np.clip(pixels + rng.normal(0, levels, size=pixels.shape), 0, 255).round().astype(np.uint8)


def test_an_image_is_wholly_similar_to_itself(image: Image.Image) -> None:
    assert ssim(np.asarray(image), np.asarray(image)) == pytest.approx(100)


def test_similarity_is_the_published_formula(image: Image.Image, rng: np.random.Generator) -> None:
    from scipy.ndimage import gaussian_filter

    # Wang's formula once more, with SciPy's filters.
    other = noisy(image, rng, 20)

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, axes=(0, 1), truncate=5 / 1.5, mode="mirror")

    one, two = np.asarray(image).astype(float), other.astype(float)
    a, b = smooth(one), smooth(two)
    va, vb, cov = smooth(one**2) - a**2, smooth(two**2) - b**2, smooth(one * two) - a * b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = ((2 * a * b + c1) * (2 * cov + c2) / ((a**2 + b**2 + c1) * (va + vb + c2))).mean()
    assert ssim(other, np.asarray(image)) == pytest.approx(100 * expected, abs=1e-2)


def test_the_ratio_is_torchmetrics(image: Image.Image, rng: np.random.Generator) -> None:
    one, other = np.asarray(image), noisy(image, rng, 5)
    expected = peak_signal_noise_ratio(torch.tensor(other).double(), torch.tensor(one).double(), data_range=255.0)
    assert psnr(other, one) == pytest.approx(float(expected))


def test_the_ratio_of_identical_images_is_100(image: Image.Image) -> None:
    assert psnr(np.asarray(image), np.asarray(image)) == 100


def test_black_and_white_have_a_ratio_of_0() -> None:
    assert psnr(np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)) == 0


def test_one_level_off_in_a_very_large_image_is_not_above_100() -> None:
    one = np.zeros((512, 512, 3), np.uint8)
    other = one.copy()
    other[0, 0, 0] = 1
    assert psnr(one, other) == 100


@pytest.mark.parametrize("function", [ssim, psnr])
def test_an_image_of_another_size_has_no_distance(function) -> None:
    with pytest.raises(ValueError, match="sizes differ: one 16x20, other 32x32"):
        function(np.zeros((20, 16, 3), np.uint8), np.zeros((32, 32, 3), np.uint8))


def test_an_image_smaller_than_the_window_has_no_similarity() -> None:
    with pytest.raises(ValueError, match="10x12 pixels are too few; SSIM takes 11 each way"):
        ssim(np.zeros((12, 10, 3), np.uint8), np.zeros((12, 10, 3), np.uint8))


@pytest.mark.parametrize(("name", "function"), [("ssim", ssim), ("psnr", psnr)])
def test_the_metric_compares_the_pair_not_the_image(
    image: Image.Image, rng: np.random.Generator, name: str, function
) -> None:
    kept, now = Image.fromarray(noisy(image, rng, 9)), Image.fromarray(noisy(image, rng, 3))
    metric = create(name, MetricOptions())
    expected = function(np.asarray(now), np.asarray(kept))
    assert metric.score([GeneratedImage(image, CASE, pair=(kept, now))]) == [pytest.approx(expected)]


@pytest.mark.parametrize("name", ["ssim", "psnr", "lpips"])
def test_a_distance_from_the_baseline_is_told_and_not_judged(name: str) -> None:
    assert not info(name).gating
    assert info(name).needs == ("baseline",)


@pytest.mark.parametrize("name", ["ssim", "psnr"])
def test_without_a_baseline_there_is_no_distance(image: Image.Image, name: str) -> None:
    with pytest.raises(ValueError, match="case a has no image in the baseline"):
        create(name, MetricOptions()).score([GeneratedImage(image, CASE)])
