"""Healthy images for the benchmark of defects: generated images, photographs, and styles made from both."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

ROOT = Path(__file__).parent.parent
Pixels = npt.NDArray[np.uint8]

DEFECTIVE = {"omingen-v1-cached1.webp"}
"""Of the generated images: one that a person sees at once is broken (a grid of red dots, parts blown out)."""
PHOTOGRAPHS: dict[str, tuple[str, ...]] = {
    "skimage": (
        *("astronaut", "brick", "camera", "cell", "chelsea", "clock_motion", "coffee", "coins", "grass", "gravel"),
        *("hubble_deep_field", "ihc", "moon", "motorcycle_left", "retina", "rocket"),
    ),
    "sklearn": ("china", "flower"),
    "matplotlib": ("grace_hopper",),
}
"""In the wheels of packages."""
GRAPHICS: dict[str, tuple[str, ...]] = {
    "skimage": ("page", "text", "horse", "phantom", "logo", "color", "microaneurysms"),
    "matplotlib": ("logo2", "Minduka_Present_Blue_Pack"),
}
"""In the wheels of packages: scans of text, a silhouette, a phantom, logos, a diagram of colours."""
FOLDERS = {"skimage": "data", "sklearn": "datasets/images", "matplotlib": "mpl-data/sample_data"}


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image, its file, and the images that stand for the same prompt (`group`)."""

    name: str
    group: str
    role: str
    pixels: Pixels


def read_generated(data: Path) -> list[NamedImage]:
    """Images of real models that a manifest lists, without the defective ones; none where there is no manifest."""
    if not (data / "manifest.json").is_file():
        return []
    entries = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    return [
        NamedImage(entry["file"], entry["group"], entry["role"], read(data / entry["file"]))
        for entry in entries
        if entry["file"] not in DEFECTIVE
    ]


def photographs() -> list[NamedImage]:
    """Photographs of the repository's own suites and of the packages that are installed."""
    paths = {path.stem: path for path in sorted((ROOT / "suites" / "photographs" / "images").glob("*.jpg"))}
    paths.update(_packaged(PHOTOGRAPHS))
    return [NamedImage(name, name, "photograph", read(path)) for name, path in sorted(paths.items())]


def graphics() -> list[NamedImage]:
    """Drawings, scans and logos of the packages that are installed."""
    return [NamedImage(name, name, "graphic", read(path)) for name, path in sorted(_packaged(GRAPHICS).items())]


def _packaged(names_by_package: dict[str, tuple[str, ...]]) -> dict[str, Path]:
    """Image files in the wheels of packages, by stem; a package that is not installed is left out."""
    paths: dict[str, Path] = {}
    for package, names in names_by_package.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            folder = Path(spec.origin).parent / FOLDERS[package]
            paths.update({path.stem: path for path in sorted(folder.glob("*.*")) if path.stem in names})
    return paths


def read(path: Path) -> Pixels:
    """`[height, width, 3]`."""
    return np.asarray(Image.open(path).convert("RGB"))


def square(pixels: Pixels, size: int) -> Pixels:
    """The largest square in the middle of an image, resampled to `size` pixels each way."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    crop = Image.fromarray(pixels[top : top + edge, left : left + edge])
    return np.asarray(crop.resize((size, size), Image.Resampling.LANCZOS))


def luma(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Grey levels `[height, width]`."""
    return np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.float64)


def grey(levels: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Grey levels as an image."""
    return np.repeat(np.clip(np.rint(levels), 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def _slope(pixels: Pixels, blur: float = 1.0) -> npt.NDArray[np.float64]:
    return np.asarray(ndimage.gaussian_gradient_magnitude(luma(pixels), blur))


def thin_edges(pixels: Pixels) -> Pixels:
    """White lines of one or two pixels where the slope is a steep local maximum, on black, as Canny generates them."""
    slope = _slope(pixels, 1.4)
    ridge = slope >= ndimage.maximum_filter(slope, 3) * 0.98
    return grey(255.0 * (ridge & (slope > max(np.quantile(slope, 0.85), 2.0))))


def soft_edges(pixels: Pixels) -> Pixels:
    """The slope as grey levels, as Sobel generates it."""
    slope = _slope(pixels)
    return grey(255 * slope / max(float(slope.max()), 1.0))


def line_art(pixels: Pixels) -> Pixels:
    """Dark lines on white."""
    slope = _slope(pixels, 0.7)
    return grey(255.0 * (slope < max(np.quantile(slope, 0.9), 2.0)))


BAYER = np.array([[0, 2], [3, 1]])
for _ in range(2):
    BAYER = np.block([[4 * BAYER, 4 * BAYER + 2], [4 * BAYER + 3, 4 * BAYER + 1]])


def ordered(pixels: Pixels, edge: int = 8) -> Pixels:
    """Black and white by a threshold that repeats every `edge` pixels."""
    matrix = (BAYER if edge == 8 else BAYER[::2, ::2] / 4) if edge > 2 else BAYER[::4, ::4] / 16
    threshold = (matrix[:edge, :edge] + 0.5) * 255 / (matrix[:edge, :edge].max() + 1)
    height, width = pixels.shape[:2]
    tiled = np.tile(threshold, (height // edge + 1, width // edge + 1))[:height, :width]
    return grey(255.0 * (luma(pixels) > tiled))


def dots(pixels: Pixels, pitch: float = 8.0) -> Pixels:
    """Round dots on a screen that is turned by 45 degrees, as in print."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]] * (2 * np.pi / pitch / np.sqrt(2))
    screen = 127.5 + 63.75 * (np.cos(rows + columns) + np.cos(rows - columns))
    return grey(255.0 * (luma(pixels) > screen))


def diffused(pixels: Pixels) -> Pixels:
    """Black and white by error diffusion."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("1").convert("RGB"))


def diffused_colours(pixels: Pixels, colours: int = 8) -> Pixels:
    """A few colours by error diffusion."""
    few = Image.fromarray(pixels).quantize(colours, dither=Image.Dither.NONE)
    return np.asarray(Image.fromarray(pixels).quantize(palette=few).convert("RGB"))


def diffused_channels(pixels: Pixels) -> Pixels:
    """Red, green and blue dots by error diffusion, as in print."""
    bands = [band.convert("1").convert("L") for band in Image.fromarray(pixels).split()]
    return np.asarray(Image.merge("RGB", bands))


def primaries(pixels: Pixels) -> Pixels:
    """Plain areas of pure red, green, blue and their mixtures."""
    return np.where(np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(7))) > 127, 255, 0).astype(
        np.uint8
    )


def pixel_art(pixels: Pixels, block: int, colours: int = 0) -> Pixels:
    """Squares of one colour."""
    height, width = pixels.shape[:2]
    small = Image.fromarray(pixels).resize((max(width // block, 1), max(height // block, 1)), Image.Resampling.BOX)
    if colours:
        small = small.quantize(colours).convert("RGB")
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST))


def night(pixels: Pixels, gain: float = 0.2) -> Pixels:
    """Darkened, with the darkest third at black."""
    floor = min(float(np.quantile(luma(pixels), 0.33)), 60.0)
    return np.clip((pixels - floor) * gain * 2, 0, 255).astype(np.uint8)


def dim(pixels: Pixels) -> Pixels:
    """A tenth of the light, with a little of a sensor's noise."""
    noise = np.random.default_rng(3).normal(0, 1.5, pixels.shape)
    return np.clip(np.rint(pixels * 0.12 + noise), 0, 255).astype(np.uint8)


def film(pixels: Pixels, strength: float, colour: bool = False) -> Pixels:
    """Grain a little wider than a pixel, grey or coloured, strongest in the middle tones."""
    shape = pixels.shape if colour else (*pixels.shape[:2], 1)
    grain = ndimage.gaussian_filter(np.random.default_rng(5).normal(0, 1, shape), (0.6, 0.6, 0))
    grain *= strength / grain.std()
    weight = 0.4 + 0.6 * np.sin(np.pi * pixels / 255.0)
    return np.clip(np.rint(pixels + grain * weight), 0, 255).astype(np.uint8)


def framed(pixels: Pixels, level: int, across: float, down: float) -> Pixels:
    """Bars of one level: parts of the width left and right, of the height above and below."""
    out = np.full_like(pixels, level)
    height, width = pixels.shape[:2]
    x, y = int(across * width), int(down * height)
    out[y : height - y, x : width - x] = pixels[y : height - y, x : width - x]
    return out


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Through a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def poster(pixels: Pixels) -> Pixels:
    """Smoothed, in six colours."""
    smooth = Image.fromarray(pixels).filter(ImageFilter.MedianFilter(7))
    return np.asarray(smooth.quantize(6, dither=Image.Dither.NONE).convert("RGB"))


def cut_out(pixels: Pixels, level: int) -> Pixels:
    """The middle as an ellipse on a plain ground, as products are shown."""
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = ndimage.gaussian_filter(((rows / 0.7) ** 2 + (columns / 0.6) ** 2 < 1).astype(float), 1)[..., None]
    return np.rint(pixels * inside + level * (1 - inside)).astype(np.uint8)


def screenshot(pixels: Pixels) -> Pixels:
    """A page with a bar, lines of text and the image in a box."""
    height, width = pixels.shape[:2]
    page = Image.new("RGB", (width, height), (250, 250, 250))
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, width, height // 12), fill=(36, 41, 46))
    pen.rectangle((0, height // 12, width // 5, height), fill=(240, 242, 245))
    for row in range(height // 8, height - 12, 14):
        pen.text((8, row), f"{row} words of a page", fill=(30, 30, 30))
    page.paste(Image.fromarray(pixels).resize((width // 2, height // 2)), (width // 4, height // 4))
    return np.asarray(page)


def shapes(pixels: Pixels) -> Pixels:
    """Plain rectangles and discs in the image's colours, as vector graphics are."""
    rng = np.random.default_rng(int(pixels[::16, ::16].sum()))
    height, width = pixels.shape[:2]
    page = Image.new("RGB", (width, height), tuple(int(x) for x in pixels[0, 0]))
    pen = ImageDraw.Draw(page)
    for turn in range(7):
        x, y = rng.integers(0, width * 3 // 4), rng.integers(0, height * 3 // 4)
        box = (int(x), int(y), int(x + rng.integers(20, width // 2)), int(y + rng.integers(20, height // 2)))
        colour = tuple(int(level) for level in pixels[rng.integers(height), rng.integers(width)])
        (pen.rectangle if turn % 2 else pen.ellipse)(box, fill=colour)
    return np.asarray(page)


def text(pixels: Pixels) -> Pixels:
    """Dark text on white, with the first words taken from the image's size."""
    height, width = pixels.shape[:2]
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    for row in range(16, height - 16, 12):
        pen.text((16, row), "the quick brown fox jumps over the lazy dog " * (width // 250), fill="black")
    return np.asarray(page)


def sharpened(pixels: Pixels) -> Pixels:
    """Unsharp mask, strong."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.UnsharpMask(2, 150, 2)))


def collage(pixels: Pixels, count: int, gutter: int) -> Pixels:
    """Parts of an image in a grid of `count` by `count`, in another order, with white lines between them."""
    edge = pixels.shape[0] // count
    page = np.full_like(pixels, 255)
    parts = [square(np.rot90(pixels, turn)[: (turn + 2) * edge // 2], edge - gutter) for turn in range(count**2)]
    for number, part in enumerate(parts):
        top, left = number // count * edge, number % count * edge
        page[top : top + edge - gutter, left : left + edge - gutter] = part
    return page


STYLES: dict[str, dict[str, Callable[[Pixels], Pixels]]] = {
    "edge maps": {"thin": thin_edges, "soft": soft_edges},
    "line art": {"dark lines": line_art},
    "halftones": {
        "ordered 8": ordered,
        "ordered 4": lambda pixels: ordered(pixels, 4),
        "dots 8": dots,
        "dots 6": lambda pixels: dots(pixels, 6.0),
        "diffused": diffused,
        "diffused colours": diffused_colours,
        "diffused channels": diffused_channels,
    },
    "pixel art": {
        **{f"{block} px": lambda pixels, block=block: pixel_art(pixels, block) for block in (4, 8, 16, 32)},  # type: ignore[misc]
        "8 px, 16 colours": lambda pixels: pixel_art(pixels, 8, 16),
    },
    "night scenes": {"black third": night, "dim": dim},
    "grain": {
        "12 levels": lambda pixels: film(pixels, 12),
        "8 levels, coloured": lambda pixels: film(pixels, 8, colour=True),
    },
    "frames": {
        "black bars": lambda pixels: framed(pixels, 0, 0, 0.12),
        "white sides": lambda pixels: framed(pixels, 255, 0.15, 0),
        "white frame": lambda pixels: framed(pixels, 255, 0.08, 0.08),
    },
    "flat grounds": {
        "on white": lambda pixels: cut_out(pixels, 255),
        "on black": lambda pixels: cut_out(pixels, 0),
        "screenshot": screenshot,
        "vector": shapes,
        "text": text,
        "poster": poster,
        "primaries": primaries,
    },
    "processing": {
        "JPEG 30": lambda pixels: jpeg(pixels, 30),
        "JPEG 75": lambda pixels: jpeg(pixels, 75),
        "sharpened": sharpened,
        "grey": lambda pixels: grey(luma(pixels)),
    },
    "collages": {
        "2x2": lambda pixels: collage(pixels, 2, 0),
        "3x3": lambda pixels: collage(pixels, 3, 0),
        "2x2 with white lines": lambda pixels: collage(pixels, 2, 6),
    },
}
"""By kind and name: what makes a healthy image of that style from any image."""
