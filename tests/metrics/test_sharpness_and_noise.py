from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.signal import convolve2d

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.noise import noise
from sdeval.metrics.sharpness import sharpness
from sdeval.shapes import world

CASE = Case(id="a", prompt="a circle")
CHESS = np.repeat(np.indices((16, 16)).sum(axis=0)[..., None] % 2 * 255, 3, axis=-1).astype(np.uint8)


def slope(size: int = 128) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size]
    return np.repeat((rows + columns)[..., None] * 0.5 + 60, 3, axis=-1)


def with_noise(rng: np.random.Generator, levels: float, same: bool = False) -> np.ndarray:
    """A slope with noise, the same or not in all channels."""
    shape = (128, 128, 1 if same else 3)
    return np.clip(slope() + rng.normal(0, levels, size=shape), 0, 255).round().astype(np.uint8)


def test_sharpness_is_the_formula_by_convolution(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, size=(20, 30, 3), dtype=np.uint8)
    luminance = 0.299 * pixels[..., 0] + 0.587 * pixels[..., 1] + 0.114 * pixels[..., 2]
    response = convolve2d(luminance, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], mode="valid")
    assert sharpness(pixels) == pytest.approx(10 * np.log10(1 + np.var(response)))


def test_noise_is_the_formula_by_convolution(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, size=(20, 30, 3), dtype=np.uint8).astype(float)
    kernel = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]
    sums = [np.abs(convolve2d(pixels[..., channel], kernel, mode="valid")).sum() for channel in range(3)]
    expected = np.mean([np.sqrt(np.pi / 2) / (6 * 28 * 18) * each for each in sums])
    assert noise(pixels.astype(np.uint8)) == pytest.approx(expected)


@pytest.mark.parametrize("radius", [0.7, 1.5, 3])
def test_blur_lowers_sharpness(radius: float) -> None:
    image = world.render(world.parse("a large red circle on a blue background"), np.random.default_rng(0))
    blurred = image.filter(ImageFilter.GaussianBlur(radius))
    assert sharpness(np.asarray(blurred)) < sharpness(np.asarray(image)) - 2


def test_a_blur_loses_as_much_on_a_quiet_image(rng: np.random.Generator) -> None:
    busy = Image.fromarray(rng.integers(0, 256, size=(64, 64, 3), dtype=np.uint8))
    quiet = busy.point(lambda level: 100 + level // 4)
    losses = [
        sharpness(np.asarray(each)) - sharpness(np.asarray(each.filter(ImageFilter.GaussianBlur(1))))
        for each in (busy, quiet)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_image_is_neither_sharp_nor_noisy(level: int) -> None:
    flat = np.full((16, 16, 3), level, dtype=np.uint8)
    assert (sharpness(flat), noise(flat)) == (0, 0)


def test_a_chessboard_reaches_the_ends_of_both_scales() -> None:
    from sdeval.metrics import info

    assert info("sharpness").range[1] - 0.1 < sharpness(CHESS) < info("sharpness").range[1]
    assert info("noise").range[1] - 1 < noise(CHESS) < info("noise").range[1]


@pytest.mark.parametrize("levels", [2.0, 5.0, 12.0])
@pytest.mark.parametrize("same", [False, True])
def test_noise_is_measured_in_levels(rng: np.random.Generator, levels: float, same: bool) -> None:
    assert noise(with_noise(rng, levels, same)) == pytest.approx(levels, rel=0.05)


def test_a_straight_edge_is_no_noise() -> None:
    pixels = slope().astype(np.uint8)
    pixels[:, 64:] = 250
    assert noise(pixels) < 0.5


@pytest.mark.parametrize("function", [sharpness, noise])
def test_too_small_an_image_has_no_score(function) -> None:
    with pytest.raises(ValueError, match="2x9 pixels are too few"):
        function(np.zeros((9, 2, 3), np.uint8))


@pytest.mark.parametrize(("name", "function"), [("sharpness", sharpness), ("noise", noise)])
def test_the_metric_is_its_function(image: Image.Image, name: str, function) -> None:
    found = create(name, MetricOptions()).score([GeneratedImage(image, CASE), GeneratedImage(image, CASE)])
    assert found == [function(np.asarray(image))] * 2
