from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdeval.imaging.difference import IDENTICAL
from sdeval.imaging.similarity import _worst_square, image_change, image_difference, psnr


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


edges = st.integers(1, 40)


@given(height=edges, width=edges, seed=st.integers(0, 99))
def test_the_numbers_of_a_difference_are_those_of_its_pixels(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    now = np.clip(before + rng.integers(-30, 31, before.shape) * (rng.random((height, width, 1)) < 0.3), 0, 255)
    now = now.astype(np.uint8)
    levels = np.abs(before.astype(int) - now)
    difference = image_difference(before, now)
    assert difference.mean == pytest.approx(levels.mean(), abs=1e-3)
    assert difference.maximum == levels.max()
    assert difference.changed == pytest.approx((levels.max(axis=-1) > 16).mean(), abs=1e-5)
    assert difference.psnr == pytest.approx(psnr(now, before), abs=0.01)
    assert (difference.box is None) == (not levels.any())
    if difference.box:
        left, top, across, down = difference.box
        assert 0 <= left < left + across <= width
        assert 0 <= top < top + down <= height
        assert levels[top : top + down, left : left + across].any()


def test_identical_images_have_no_difference(image: Image.Image) -> None:
    assert image_difference(np.asarray(image), np.asarray(image)) == IDENTICAL


@pytest.mark.parametrize("place", [(0, 0), (97, 203), (250, 10), (255, 255)])
def test_the_box_is_around_what_changed_most(place: tuple[int, int]) -> None:
    row, column = place
    before = np.full((256, 256, 3), 100, np.uint8)
    now = before ^ np.uint8(3)
    now[row : row + 6, column : column + 4] = 250
    down, across = min(6, 256 - row), min(4, 256 - column)
    assert image_difference(before, now).box == (column, row, across, down)


def test_a_difference_needs_the_same_size() -> None:
    with pytest.raises(ValueError, match="sizes differ: before 9x8, now 8x8"):
        image_difference(np.zeros((8, 9, 3), np.uint8), np.zeros((8, 8, 3), np.uint8))
