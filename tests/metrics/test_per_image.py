"""Metrics that round at images beside the init image and the mask."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.masks import band, grow
from sdeval.metrics.outside_change import outside_change
from sdeval.metrics.region_clip_score import crop_to_mask
from sdeval.shapes import world

CASE = Case(id="a", prompt="a large red circle on a blue background")


def box(left: int, top: int, right: int, bottom: int) -> Image.Image:
    levels = np.zeros((64, 64), dtype=np.uint8)
    levels[top:bottom, left:right] = 255
    return Image.fromarray(levels)


def test_a_change_inside_the_mask_is_no_change_outside() -> None:
    init = np.zeros((64, 64, 3), dtype=np.uint8)
    image = init.copy()
    image[8:16, 8:16] = 255
    assert outside_change(image, init, np.asarray(box(8, 8, 16, 16))) == 0


def test_a_change_outside_is_its_mean_in_levels() -> None:
    init = np.zeros((64, 64, 3), dtype=np.uint8)
    image = init.copy()
    image[:, :32] = 10
    assert outside_change(image, init, np.asarray(box(32, 0, 64, 64))) == 10
    assert outside_change(image, init, np.asarray(box(0, 0, 0, 0))) == 5


def test_darker_and_brighter_do_not_cancel() -> None:
    init = np.full((64, 64, 3), 100, dtype=np.uint8)
    image = init.copy()
    image[:, ::2], image[:, 1::2] = 90, 110
    assert outside_change(image, init, np.asarray(box(0, 0, 0, 0))) == 10


@pytest.mark.parametrize(
    ("size", "mask", "message"), [(32, box(0, 0, 8, 8), "sizes differ"), (64, box(0, 0, 64, 64), "there is no outside")]
)
def test_no_outside_is_no_number(size: int, mask: Image.Image, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        outside_change(np.zeros((size, size, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), np.asarray(mask))


def test_the_crop_is_the_box_of_the_white() -> None:
    assert crop_to_mask(Image.new("RGB", (64, 64)), box(8, 16, 24, 48)).size == (16, 32)


def test_a_black_mask_has_no_region() -> None:
    with pytest.raises(ValueError, match="no white in it"):
        crop_to_mask(Image.new("RGB", (64, 64)), box(0, 0, 0, 0))


def test_the_region_score_rounds_at_the_region_alone() -> None:
    metric = create("region_clip_score", MetricOptions(clip_model="shapes"))
    places = (world.Place(world.Thing("red", "circle"), 20, 20, 14),)
    image = Image.fromarray(world.paint("blue", places))
    spoilt = image.copy()
    spoilt.paste((240, 200, 40), (0, 44, 64, 64))
    mask = box(0, 0, 40, 40)
    one, other = metric.score([GeneratedImage(each, CASE, mask=mask) for each in (image, spoilt)])
    assert one == pytest.approx(other, abs=1e-4)


def test_the_band_beside_the_mask_is_not_outside() -> None:
    init = np.zeros((128, 128, 3), dtype=np.uint8)
    image = init.copy()
    image[30:66, 30:66] = 255
    mask = np.zeros((128, 128), dtype=np.uint8)
    mask[32:64, 32:64] = 255
    assert outside_change(image, init, mask) == 0
    image[29, 40] = 255
    assert outside_change(image, init, mask) > 0


@pytest.mark.parametrize(("edge", "expected"), [(512, 8), (1024, 16), (64, 1), (16, 1)])
def test_the_band_grows_with_the_image(edge: int, expected: int) -> None:
    assert band(np.zeros((16, edge), dtype=bool)) == expected


def test_growing_reaches_that_many_pixels_each_way(rng: np.random.Generator) -> None:
    marked = rng.random((20, 24)) > 0.97
    padded = np.pad(marked, 3)
    expected = [[padded[row : row + 7, column : column + 7].any() for column in range(24)] for row in range(20)]
    assert np.array_equal(grow(marked, 3), expected)


def outside(name: str, image: np.ndarray, init: np.ndarray, mask: Image.Image) -> float:
    parts = GeneratedImage(Image.fromarray(image), CASE, init=Image.fromarray(init), mask=mask)
    return create(name, MetricOptions()).score([parts])[0]


def test_a_speck_counts_in_the_largest_change_alone() -> None:
    init = np.zeros((64, 64, 3), dtype=np.uint8)
    image = init.copy()
    image[60, 60] = 200
    names = ("outside_change", "outside_change_p99", "outside_change_max")
    found = [outside(name, image, init, box(0, 0, 8, 8)) for name in names]
    assert found == [pytest.approx(200 / (64 * 64 - 81)), 0, 200]


def test_a_small_area_counts_in_99_of_100(rng: np.random.Generator) -> None:
    init = np.zeros((64, 64, 3), dtype=np.uint8)
    image = init.copy()
    image[:, 40:42] = 90
    assert outside("outside_change_p99", image, init, box(0, 0, 8, 8)) == 90


@pytest.mark.parametrize("missing", ["image", "mask"])
def test_a_case_without_its_parts_has_no_outside(image: Image.Image, missing: str) -> None:
    parts = {"init": image, "mask": box(0, 0, 8, 8)} | {"init" if missing == "image" else "mask": None}
    with pytest.raises(ValueError, match=f"case a has no {missing}"):
        create("outside_change", MetricOptions()).score([GeneratedImage(image, CASE, **parts)])


def test_an_untouched_init_image_is_wholly_kept(image: Image.Image) -> None:
    metric = create("init_similarity", MetricOptions())
    assert metric.score([GeneratedImage(image, CASE, init=image)]) == [pytest.approx(100)]


def test_a_case_without_an_image_keeps_nothing(image: Image.Image) -> None:
    with pytest.raises(ValueError, match="case a has no image"):
        create("init_similarity", MetricOptions()).score([GeneratedImage(image, CASE)])
