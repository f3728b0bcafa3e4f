from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.seam import seam

CASE = Case(id="a", prompt="a circle")


@pytest.fixture
def mask() -> np.ndarray:
    levels = np.zeros((64, 64), dtype=np.uint8)
    levels[20:44, 16:40] = 255
    return levels


def slope() -> np.ndarray:
    """Brighter by one level with every column and row."""
    rows, columns = np.mgrid[0:64, 0:64]
    return np.repeat((rows + columns + 40)[..., None], 3, axis=-1).astype(np.uint8)


def pasted(image: np.ndarray, mask: np.ndarray, levels: int) -> np.ndarray:
    return np.where(mask[..., None] >= 128, image.astype(int) + levels, image).astype(np.uint8)


def test_a_slope_has_no_seam(mask: np.ndarray) -> None:
    assert seam(slope(), mask) == 0


def test_a_flat_image_has_no_seam(mask: np.ndarray) -> None:
    assert seam(np.full((64, 64, 3), 77, np.uint8), mask) == 0


def test_a_hard_paste_is_as_visible_as_its_step(mask: np.ndarray) -> None:
    flat = np.full((64, 64, 3), 100, dtype=np.uint8)
    assert seam(pasted(flat, mask, 60), mask) == 60
    assert seam(pasted(flat, mask, -60), mask) == 60


def test_a_soft_edge_is_less_visible(mask: np.ndarray) -> None:
    hard = pasted(slope(), mask, 60)
    soft = np.asarray(Image.fromarray(hard).filter(ImageFilter.GaussianBlur(3)))
    assert seam(soft, mask) < seam(hard, mask) / 4


def test_texture_is_no_seam(mask: np.ndarray, rng: np.random.Generator) -> None:
    noisy = np.clip(rng.normal(128, 20, size=(64, 64, 3)), 0, 255).astype(np.uint8)
    assert seam(noisy, mask) < 1.5
    assert seam(pasted(noisy, mask, 60), mask) > 25


def test_an_edge_elsewhere_is_no_seam(mask: np.ndarray) -> None:
    image = slope()
    image[:, 55:] = 200
    assert seam(image, mask) == 0


def test_it_is_the_formula_pixel_by_pixel(mask: np.ndarray, rng: np.random.Generator) -> None:
    image = pasted(rng.integers(0, 120, size=(64, 64, 3), dtype=np.uint8), mask, 100)
    inside = [(row, column) for row in range(64) for column in range(64) if mask[row, column]]

    def steps(row: int, column: int) -> int:
        """To the edge: 1 for pixels that touch it."""
        down, right = max(20 - row, row - 43), max(16 - column, column - 39)
        return max(down, right) if (row, column) not in inside else 1 - max(down, right)

    across, beside = [], []
    for row in range(64):
        for column in range(64):
            for other in ((row + 1, column), (row, column + 1)):
                if max(other) == 64:
                    continue
                apart = np.abs(image[row, column].astype(int) - image[other]).mean()
                if ((row, column) in inside) != (other in inside):
                    across.append(apart)
                elif all(1 < steps(*each) <= 4 for each in ((row, column), other)):
                    beside.append(apart)
    assert seam(image, mask) == pytest.approx(np.mean(across) - np.mean(beside))


@pytest.mark.parametrize(("level", "colour"), [(0, "black"), (255, "white")])
def test_a_mask_of_one_colour_has_no_edge(level: int, colour: str) -> None:
    with pytest.raises(ValueError, match=f"the mask is all {colour}: it has no edge"):
        seam(slope(), np.full((64, 64), level, np.uint8))


def test_a_mask_with_nothing_beside_its_edge_has_no_seam() -> None:
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[::2] = 255
    with pytest.raises(ValueError, match="leaves no pixels to compare its edge with"):
        seam(slope(), stripes)


def test_a_mask_of_another_size_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="sizes differ: image 64x64, mask 64x32"):
        seam(slope(), mask[:32])


def test_the_metric_takes_the_mask_of_the_case(mask: np.ndarray) -> None:
    image = Image.fromarray(pasted(np.full((64, 64, 3), 100, np.uint8), mask, 60))
    metric = create("seam", MetricOptions())
    assert metric.score([GeneratedImage(image, CASE, mask=Image.fromarray(mask))]) == [60]
    with pytest.raises(ValueError, match="case a has no mask"):
        metric.score([GeneratedImage(image, CASE)])
