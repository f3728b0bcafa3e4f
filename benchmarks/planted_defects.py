"""Defects to plant into healthy images, each in several strengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from benchmarks.healthy_images import Pixels, square

Floats = npt.NDArray[np.float64]
Plant = Callable[[Pixels, np.random.Generator], Pixels]


def to_uint8(levels: Floats) -> Pixels:
    """Rounded and clipped."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def enlarge(values: Floats, size: int) -> Floats:
    """`[h, w, channels]` to `size` pixels each way, smoothly."""
    bands = [
        np.asarray(Image.fromarray(values[..., band].astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC))
        for band in range(values.shape[-1])
    ]
    return np.stack(bands, axis=-1).astype(np.float64)


def mixed_noise(size: int, rng: np.random.Generator, grid: int, channels: int, texture: float) -> Floats:
    """White latents on a grid of `grid` pixels, enlarged, mixed to three colours, with finer texture; deviation 1."""
    latents = rng.normal(size=(size // grid, size // grid, channels))
    colours = enlarge(latents @ rng.normal(size=(channels, 3)), size)
    colours /= colours.std()
    fine = enlarge(rng.normal(size=(size // 2, size // 2, 3)), size)
    colours += texture * fine / fine.std()
    return colours / colours.std()


def decoded_noise(size: int, rng: np.random.Generator, channels: int, grey: float) -> Floats:
    """White latents through three random convolutions with doublings between them, as a decoder has; deviation 1."""
    values = rng.normal(size=(size // 8, size // 8, channels))
    for wide in (12, 8, 3):
        edge = values.shape[0] * 2
        values = np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)
        mixed = np.tensordot(values, rng.normal(size=(values.shape[-1], wide)), axes=1)
        blurred = ndimage.gaussian_filter(mixed, (1.0, 1.0, 0)) + 0.1 * ndimage.laplace(mixed)
        values = blurred / blurred.std()
        if edge < size:
            values = np.where(values > 0, values, 0.2 * values)
    values += grey * values.mean(axis=-1, keepdims=True)
    return (values - values.mean()) / values.std()


def two_scales(size: int, rng: np.random.Generator) -> Floats:
    """Latents of which a part varies slowly, as of schedulers with offset noise; deviation 1."""
    both = mixed_noise(size, rng, 8, 4, 0.1) + 0.5 * mixed_noise(size, rng, 32, 4, 0.0)
    return both / both.std()


TUNED = {
    "4 channels, grid 8": lambda size, rng: mixed_noise(size, rng, 8, 4, 0.15),
    "16 channels, grid 4": lambda size, rng: mixed_noise(size, rng, 4, 16, 0.1),
    "convolutions, 4 channels": lambda size, rng: decoded_noise(size, rng, 4, 0.0),
}
"""Emulations of decoded random latents by which the thresholds were chosen."""
REPORTED = {
    "16 channels, grid 16": lambda size, rng: mixed_noise(size, rng, 16, 16, 0.2),
    "convolutions, 16 channels, greyish": lambda size, rng: decoded_noise(size, rng, 16, 1.0),
    "two scales": two_scales,
}
"""Others, by which they were not."""


def undenoised(
    pixels: Pixels, rng: np.random.Generator, make: Callable[[int, np.random.Generator], Floats], snr: float
) -> Pixels:
    """Decoded noise, with the image at 1/8 of its size in it where `snr` (power of image over noise) is above 0."""
    size = pixels.shape[0]
    levels = make(size, rng) * rng.uniform(28, 50)
    if snr:
        image = enlarge(square(pixels, size // 8).astype(np.float64), size)
        image = (image - image.mean()) / image.std() * levels.std() * np.sqrt(snr)
        levels = (image + levels) / np.sqrt(1 + snr)
    return to_uint8(levels + rng.uniform(100, 145) + rng.normal(0, 8, 3))


def residual(pixels: Pixels, rng: np.random.Generator, sigma: float, width: float = 0.0) -> Pixels:
    """Gaussian noise of `sigma` levels, white or smoothed over `width` pixels."""
    noise = rng.normal(size=pixels.shape)
    if width:
        noise = ndimage.gaussian_filter(noise, (width, width, 0))
    return to_uint8(pixels + noise * sigma / noise.std())


def hole(pixels: Pixels, rng: np.random.Generator, area: float, level: int = 0) -> Pixels:
    """A square of one level, at a place on a grid of its own size."""
    size = pixels.shape[0]
    edge = round(size * area**0.5)
    top, left = (int(rng.integers(0, size // edge)) * edge for _ in range(2))
    out = pixels.copy()
    out[top : top + edge, left : left + edge] = level
    return out


def patch(pixels: Pixels, rng: np.random.Generator, area: float) -> Pixels:
    """A black rectangle anywhere, with sides that differ by up to two: what NaN in a part of an image becomes."""
    size = pixels.shape[0]
    ratio = rng.uniform(0.5, 2.0) ** 0.5
    height, width = round(size * area**0.5 * ratio), round(size * area**0.5 / ratio)
    top, left = int(rng.integers(0, size - height)), int(rng.integers(0, size - width))
    out = pixels.copy()
    out[top : top + height, left : left + width] = 0
    return out


def bar(pixels: Pixels, rng: np.random.Generator, part: float) -> Pixels:
    """A bar of one colour across the image, at one side."""
    size = pixels.shape[0]
    out = np.rot90(pixels, int(rng.integers(4))).copy()
    out[: round(size * part)] = rng.choice([0, 127, 255])
    return np.ascontiguousarray(np.rot90(out, int(rng.integers(4))))


def seams(pixels: Pixels, rng: np.random.Generator, step: float, blend: int = 0) -> Pixels:
    """Tiles of 3/8 of the size, of which each differs in colour: neighbours by `step` levels on average."""
    size = pixels.shape[0]
    tiles = 3
    offsets = rng.choice([-1.0, 1.0], size=(tiles, tiles, 1)) + rng.normal(0, 0.4, (tiles, tiles, 3))
    # A chessboard of signs: every neighbour differs.
    signs = np.indices((tiles, tiles)).sum(axis=0)[..., None] % 2 * 2 - 1
    offsets = np.abs(offsets) * signs * step / 2
    field = np.repeat(np.repeat(offsets, -(-size * 3 // 8), axis=0), -(-size * 3 // 8), axis=1)[:size, :size]
    if blend:
        field = ndimage.uniform_filter(field, (blend, blend, 0))
    return to_uint8(pixels + field)


def patch_grid(pixels: Pixels, rng: np.random.Generator, amplitude: float, period: int, kind: str) -> Pixels:
    """A pattern that repeats in every patch, or a level of its own for every patch; deviation `amplitude`."""
    size = pixels.shape[0]
    if kind == "pattern":
        cell = ndimage.gaussian_filter(rng.normal(size=(period, period, 3)), (1, 1, 0), mode="wrap")
        field = np.tile(cell, (size // period + 1, size // period + 1, 1))[:size, :size]
    else:
        cells = rng.normal(size=(size // period + 1, size // period + 1, 3))
        field = np.repeat(np.repeat(cells, period, axis=0), period, axis=1)[:size, :size]
    return to_uint8(pixels + (field - field.mean()) / field.std() * amplitude)


def burnt(pixels: Pixels, rng: np.random.Generator, gain: float) -> Pixels:
    """Contrast and saturation multiplied by `gain`, as too much guidance does."""
    levels = pixels.astype(np.float64)
    grey = levels.mean(axis=-1, keepdims=True)
    middle = levels.mean()
    return to_uint8((grey - middle) * gain + middle + (levels - grey) * gain * rng.uniform(1.0, 1.3))


def _undenoised(kind: str, snr: float) -> Plant:
    makers = list({"tuned": TUNED, "reported": REPORTED}[kind].values())
    return lambda pixels, rng: undenoised(pixels, rng, makers[int(rng.integers(len(makers)))], snr)


PLANTS: dict[str, dict[str, Plant]] = {
    "undenoised": {
        f"{kind} generators, SNR {snr:g}": _undenoised(kind, snr)
        for kind in ("tuned", "reported")
        for snr in (0.0, 0.25, 0.5, 1.0, 2.0)
    },
    "noise": {
        "uniform levels": lambda pixels, rng: rng.integers(0, 256, pixels.shape, dtype=np.uint8),
        "grey, σ 40": lambda pixels, rng: to_uint8(
            128 + np.repeat(rng.normal(0, 40, (*pixels.shape[:2], 1)), 3, axis=-1)
        ),
    },
    "residual_noise": {
        **{f"white, σ {sigma}": lambda p, rng, sigma=sigma: residual(p, rng, sigma) for sigma in (5, 10, 20, 40, 60)},  # type: ignore[misc]
        **{
            f"2 px wide, σ {sigma}": lambda p, rng, sigma=sigma: residual(p, rng, sigma, 1.0)  # type: ignore[misc]
            for sigma in (10, 20, 40)
        },
    },
    "missing_area": {
        **{
            f"{name} tile, {title}": lambda p, rng, area=area, level=level: hole(p, rng, area, level)  # type: ignore[misc]
            for name, level in (("black", 0), ("grey", 127))
            for title, area in (("1/64", 1 / 64), ("1/16", 1 / 16), ("1/4", 1 / 4))
        },
        **{
            f"NaN patch, {title}": lambda p, rng, area=area: patch(p, rng, area)  # type: ignore[misc]
            for title, area in (("1/64", 1 / 64), ("1/16", 1 / 16))
        },
        **{
            f"bar at a side, {title}": lambda p, rng, part=part: bar(p, rng, part)  # type: ignore[misc]
            for title, part in (("1/16", 1 / 16), ("1/4", 1 / 4))
        },
    },
    "tile_seams": {
        **{f"step {step}": lambda p, rng, step=step: seams(p, rng, step) for step in (2, 4, 8, 16)},  # type: ignore[misc]
        **{
            f"step 16, blended over {blend} px": lambda p, rng, blend=blend: seams(p, rng, 16, blend)  # type: ignore[misc]
            for blend in (4, 32)
        },
    },
    "patch_grid": {
        f"{kind} {period} px, amplitude {amplitude}": lambda p, rng, k=kind, n=period, a=amplitude: patch_grid(  # type: ignore[misc]
            p, rng, a, n, k
        )
        for kind in ("pattern", "levels")
        for period in (8, 16, 32)
        for amplitude in (2, 4, 8)
    },
    "burnt_colours": {f"gain {gain:g}": lambda p, rng, gain=gain: burnt(p, rng, gain) for gain in (1.5, 2.0, 3.0, 5.0)},  # type: ignore[misc]
    "black": {
        "all 0": lambda pixels, rng: np.zeros_like(pixels),
        "up to 6": lambda pixels, rng: rng.integers(0, 7, pixels.shape, dtype=np.uint8),
    },
    "uniform": {"one colour": lambda pixels, rng: np.full_like(pixels, rng.integers(20, 256, 3))},
}
"""By defect and strength."""
