from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdeval.imaging.similarity import _worst_square, image_change, psnr


def test_an_image_has_not_moved_from_itself(image: Image.Image) -> None:
    assert image_change(np.asarray(image), np.asarray(image)) == "identical"


def test_one_level_everywhere_is_imperceptible(image: Image.Image) -> None:
    before = np.asarray(image)
    assert image_change(before, before ^ 1) == "imperceptible"


def test_faint_noise_everywhere_is_a_change(image: Image.Image, rng: np.random.Generator) -> None:
    before = np.clip(np.asarray(image), 20, 235)
    assert image_change(before, (before + rng.choice([-3, 3], size=before.shape)).astype(np.uint8)) == "changed"


@pytest.mark.parametrize("corner", [(0, 0), (100, 203), (4, 4), (504, 504)])
def test_a_small_place_is_not_averaged_away_wherever_it_lies(corner: tuple[int, int]) -> None:
    before = np.full((512, 512, 3), 100, dtype=np.uint8)
    now = before.copy()
    row, column = corner
    now[row : row + 8, column : column + 8] += 40
    assert psnr(before, now) > 40
    assert image_change(before, now) == "changed"


def test_a_single_speck_is_imperceptible() -> None:
    before = np.full((64, 64, 3), 100, dtype=np.uint8)
    now = before.copy()
    now[30, 30] += 50
    assert image_change(before, now) == "imperceptible"


def test_another_size_is_a_change() -> None:
    assert image_change(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)) == "changed"


@pytest.mark.parametrize("size", [(20, 33), (5, 16), (8, 8), (1, 1)])
def test_the_worst_square_is_found_one_by_one_too(rng: np.random.Generator, size: tuple[int, int]) -> None:
    one, other = (rng.integers(0, 256, size=(*size, 3), dtype=np.uint8) for _ in range(2))
    apart = np.abs(one.astype(int) - other)
    height, width = min(8, size[0]), min(8, size[1])
    expected = max(
        apart[row : row + height, column : column + width].mean()
        for row in range(size[0] - height + 1)
        for column in range(size[1] - width + 1)
    )
    assert _worst_square(one, other) == pytest.approx(expected)
