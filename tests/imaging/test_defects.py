from __future__ import annotations

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from scipy import ndimage

from sdeval.imaging.defects import Measures, defect_of, measure
from sdeval.imaging.io import Pixels
from sdeval.shapes import pipeline_folder, world
from tests.conftest import ROOT

SIZE = 512


def defect_in(pixels: np.ndarray, **changes: object) -> str | None:
    finding = defect_of(measure(pixels), **changes)  # type: ignore[arg-type]
    return finding.defect if finding else None


def photograph(name: str, size: int = SIZE) -> Pixels:
    image = Image.open(ROOT / "suites" / "photographs" / "images" / f"{name}.jpg").convert("RGB")
    edge = min(image.size)
    return np.asarray(image.crop((0, 0, edge, edge)).resize((size, size), Image.Resampling.LANCZOS))


def levels(values: np.ndarray) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def cat() -> Pixels:
    return photograph("cat")


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    return photograph("astronaut")


@given(st.integers(0, 2**32))
def test_every_generated_shape_is_healthy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert defect_in(np.asarray(world.render(world.random_scene(rng), rng))) is None


@pytest.mark.parametrize("level", [0, 8, 9, 127, 255])
def test_one_level_everywhere(level: int) -> None:
    assert defect_in(np.full((32, 32, 3), level, dtype=np.uint8)) == ("black" if level <= 8 else "uniform")


def test_one_colour_everywhere_is_uniform(rng: np.random.Generator) -> None:
    assert defect_in(levels(np.array([220, 40, 40]) + rng.integers(0, 3, size=(32, 32, 1)))) == "uniform"


@pytest.mark.parametrize("size", [64, 512])
def test_pure_noise_is_noise(rng: np.random.Generator, size: int) -> None:
    assert defect_in(rng.integers(0, 256, size=(size, size, 3), dtype=np.uint8)) == "noise"


def test_grain_on_a_shape_is_not_noise(rng: np.random.Generator) -> None:
    assert (
        defect_in(levels(np.asarray(world.render(world.random_scene(rng), rng)) + rng.normal(0, 12, (64, 64, 3))))
        is None
    )


def test_the_wrong_size_is_named() -> None:
    finding = defect_of(measure(np.zeros((32, 48, 3), dtype=np.uint8)), size=((48, 32), (64, 32)))
    assert finding is not None
    assert (finding.defect, finding.detail) == ("size_mismatch", "48x32 instead of 64x32")


def test_what_the_pipeline_reports_comes_before_the_pixels() -> None:
    black = np.zeros((8, 8, 3), dtype=np.uint8)
    assert defect_in(black, finite=False, flagged=True) == "non_finite"
    assert defect_in(black, flagged=True) == "safety_filtered"


def latents(rng: np.random.Generator, size: int, grid: int) -> np.ndarray:
    """Random latents, enlarged smoothly and mixed to colours; deviation 1."""
    coarse = rng.normal(size=(size // grid, size // grid, 4)) @ rng.normal(size=(4, 3))
    fine = np.stack([ndimage.zoom(coarse[..., band], grid, order=3) for band in range(3)], axis=-1)
    return np.asarray(fine / fine.std())


@pytest.mark.parametrize("grid", [4, 8, 16])
def test_decoded_random_latents_are_undenoised(rng: np.random.Generator, grid: int) -> None:
    pixels = levels(120 + 40 * latents(rng, SIZE, grid))
    assert measure(pixels).correlation > 0.9
    assert defect_in(pixels) == "undenoised"


@pytest.fixture(scope="module")
def decoder() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(pipeline_folder() / "vae")


@pytest.mark.parametrize("seed", range(2))
def test_random_latents_of_a_trained_decoder_are_undenoised(decoder: AutoencoderKL, seed: int) -> None:
    noise = torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        sample = decoder.decode(noise / decoder.config.scaling_factor).sample
    assert defect_in(levels(127.5 * (sample[0].permute(1, 2, 0).numpy() + 1))) == "undenoised"


def test_an_image_half_hidden_in_latents_is_undenoised(rng: np.random.Generator, cat: Pixels) -> None:
    assert defect_in(levels(cat * 0.4 + 60 + 30 * latents(rng, SIZE, 8))) == "undenoised"


def test_residual_noise_is_seen_from_20_levels_without_and_from_10_with_a_baseline(
    rng: np.random.Generator, cat: Pixels
) -> None:
    noise = rng.normal(size=cat.shape)
    assert defect_in(levels(cat + 20 * noise)) == "residual_noise"
    assert defect_in(levels(cat + 10 * noise)) is None
    assert defect_in(levels(cat + 10 * noise), baseline=measure(cat)) == "residual_noise"


def test_grey_noise_is_seen_with_a_baseline(rng: np.random.Generator, cat: Pixels) -> None:
    noisy = levels(cat + rng.normal(0, 10, (*cat.shape[:2], 1)))
    assert defect_in(noisy, baseline=measure(cat)) == "residual_noise"
    assert defect_in(noisy, baseline=measure(noisy)) is None


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_missing_tile_is_named_with_its_place(cat: Pixels, level: int) -> None:
    pixels = cat.copy()
    pixels[256:, 256:] = level
    finding = defect_of(measure(pixels))
    assert finding is not None
    kind = "a black area" if level == 0 else "an area of one colour"
    assert (finding.defect, finding.detail) == ("missing_area", f"{kind} of 25% at the lower right")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (np.s_[:64, :], "at the top"),
        (np.s_[448:, :], "at the bottom"),
        (np.s_[:, :64], "at the left"),
        (np.s_[203:301, 211:307], "in the middle"),
        (np.s_[10:100, 390:501], "at the upper right"),
    ],
)
def test_bars_and_patches_anywhere_are_missing_areas(cat: Pixels, place: tuple[slice, slice], words: str) -> None:
    pixels = cat.copy()
    pixels[place] = 0
    finding = defect_of(measure(pixels))
    assert finding is not None
    assert finding.defect == "missing_area"
    assert finding.detail.endswith(words)


def test_a_frame_is_no_missing_area(cat: Pixels) -> None:
    pixels = cat.copy()
    pixels[:64] = pixels[-64:] = 0
    assert defect_in(pixels) is None
    assert defect_in(pixels, baseline=measure(cat)) is None


def test_a_bar_that_the_baseline_has_is_healthy(cat: Pixels, astronaut: Pixels) -> None:
    barred = [pixels.copy() for pixels in (cat, astronaut)]
    for pixels in barred:
        pixels[-64:] = 255
    assert defect_in(barred[0]) == "missing_area"
    assert defect_in(barred[0], baseline=measure(barred[1])) is None


def test_seams_between_tiles_are_seen_with_their_place(astronaut: Pixels) -> None:
    pixels = astronaut.astype(float)
    pixels[:192, :192] += 12
    pixels[192:, 192:] += 12
    finding = defect_of(measure(levels(pixels)))
    assert finding is not None
    assert finding.defect == "tile_seams"
    assert finding.detail.endswith("at 38% of the width and 38% of the height")


@pytest.mark.parametrize("period", [8, 16, 32])
def test_a_pattern_in_every_patch_is_a_patch_grid(rng: np.random.Generator, cat: Pixels, period: int) -> None:
    cell = ndimage.gaussian_filter(rng.normal(size=(period, period, 1)), (1, 1, 0), mode="wrap")
    field = np.tile(cell / cell.std(), (SIZE // period, SIZE // period, 1))
    finding = defect_of(measure(levels(cat + 6 * field)))
    assert finding is not None
    assert finding.defect == "patch_grid"
    assert f"every {period} pixels" in finding.detail


def test_too_much_guidance_burns_colours(astronaut: Pixels) -> None:
    grey = astronaut.mean(axis=-1, keepdims=True)
    burnt = levels((grey - 128) * 2.5 + 128 + (astronaut - grey) * 2.5)
    assert defect_in(burnt, baseline=measure(astronaut)) == "burnt_colours"
    assert defect_in(burnt, baseline=measure(burnt)) is None


def pixel_art(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[::16, ::16].repeat(16, axis=0).repeat(16, axis=1))


def edges(pixels: Pixels) -> Pixels:
    slope = ndimage.gaussian_gradient_magnitude(pixels.mean(axis=-1), 1.0)
    return np.repeat(np.where(slope > np.quantile(slope, 0.85), 255, 0).astype(np.uint8)[..., None], 3, axis=-1)


def framed(pixels: Pixels) -> Pixels:
    page = np.zeros_like(pixels)
    page[64:-64] = pixels[64:-64]
    return page


def on_ground(pixels: Pixels, level: int) -> Pixels:
    """The middle as a disc on a plain ground, as products and logos are shown."""
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    return np.where((rows**2 + columns**2 < 0.4)[..., None], pixels, level).astype(np.uint8)


def screenshot(pixels: Pixels) -> Pixels:
    page = Image.new("RGB", (SIZE, SIZE), (250, 250, 250))
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, SIZE, 40), fill=(36, 41, 46))
    for row in range(60, SIZE - 12, 14):
        pen.text((8, row), "some words of a page", fill=(30, 30, 30))
    page.paste(Image.fromarray(pixels).resize((256, 256)), (200, 120))
    return np.asarray(page)


def collage(pixels: Pixels) -> Pixels:
    parts = [np.asarray(Image.fromarray(np.rot90(pixels, turn)).resize((256, 256))) for turn in range(4)]
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


STYLES = {
    "photograph": lambda pixels: pixels,
    "edge map": edges,
    "line art": lambda pixels: 255 - edges(pixels),
    "error diffusion": lambda pixels: np.asarray(Image.fromarray(pixels).convert("1").convert("RGB")),
    "ordered halftone": lambda pixels: (
        np.where(
            pixels.mean(axis=-1, keepdims=True)
            > np.tile(np.arange(64).reshape(8, 8) * 37 % 64 * 4, (64, 64))[..., None],
            255,
            0,
        )
        .astype(np.uint8)
        .repeat(3, axis=-1)
    ),
    "pixel art": pixel_art,
    "letterbox": framed,
    "logo on black": lambda pixels: on_ground(pixels, 0),
    "product on white": lambda pixels: on_ground(pixels, 255),
    "screenshot": screenshot,
    "collage": collage,
    "night": lambda pixels: levels(pixels * 0.12),
    "grain": lambda pixels: levels(pixels + np.random.default_rng(1).normal(0, 5, (*pixels.shape[:2], 1))),
}


@pytest.mark.parametrize("style", STYLES)
def test_styles_are_healthy_without_a_baseline_and_with_each_other_as_one(
    style: str, cat: Pixels, astronaut: Pixels
) -> None:
    one, other = (measure(STYLES[style](pixels)) for pixels in (cat, astronaut))
    assert [defect_of(one), defect_of(other), defect_of(one, other), defect_of(other, one)] == [None] * 4


def test_another_photograph_as_the_baseline_makes_no_defect() -> None:
    measured = [measure(photograph(name)) for name in ("cat", "astronaut", "coffee", "rocket")]
    assert all(defect_of(one, other) is None for one in measured for other in measured)


SHAPES = st.tuples(st.integers(1, 300), st.integers(1, 300), st.just(3))


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, SHAPES, elements=st.integers(0, 255), fill=st.integers(0, 255)))
def test_every_array_is_measured_in_finite_numbers(pixels: Pixels) -> None:
    measures = measure(pixels)
    assert all(math.isfinite(value) for value in asdict(measures).values())
    defect_of(measures)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300), st.integers(1, 40))
def test_an_image_is_healthy_with_itself_as_the_baseline(seed: int, height: int, width: int, scale: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height // scale), -(-width // scale), 3), dtype=np.uint8)
    pixels = coarse.repeat(scale, axis=0).repeat(scale, axis=1)[:height, :width]
    measures = measure(pixels)
    finding = defect_of(measures, measures)
    assert finding is None or finding.defect in ("black", "uniform")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_more_noise_measures_as_more(seed: int) -> None:
    base, noise = photograph("rocket", 256), np.random.default_rng(seed).normal(size=(256, 256, 3))
    values = [measure(levels(base + sigma * noise)) for sigma in (0, 5, 10, 20, 40)]
    for name in ("colour_noise", "fine_noise", "blotches"):
        series = [getattr(measures, name) for measures in values]
        assert series == sorted(series), name


def test_measures_survive_a_file(cat: Pixels) -> None:
    measures = measure(cat)
    stored = Measures.from_dict(measures.as_dict())
    assert stored is not None
    for field in fields(Measures):
        assert getattr(stored, field.name) == pytest.approx(getattr(measures, field.name), rel=1e-3)


@pytest.mark.parametrize("change", [{}, {"repeats": None}, {"burnt": math.nan}])
def test_measures_of_other_versions_are_none(cat: Pixels, change: dict[str, float | None]) -> None:
    stored = {**measure(cat).as_dict(), **change} if change else {}
    assert Measures.from_dict({name: value for name, value in stored.items() if value is not None}) is None


def test_black_is_black_whatever_the_baseline_was(cat: Pixels) -> None:
    black = measure(np.zeros_like(cat))
    assert defect_of(black, black) is not None
    assert defect_of(replace(black, brightest=9.0), measure(cat)) is not None
