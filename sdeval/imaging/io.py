"""Images as files and as arrays: open them within limits, hash their pixels, write them whole."""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from sdeval._utils.files import write_bytes
from sdeval.errors import SdevalError

MAX_PIXELS = 8192 * 8192
"""Larger images are refused before they are decoded."""

FULL_UP_TO = 128
"""Images with no edge longer than this many pixels are kept as they are in baselines."""
THUMBNAIL = 256
"""Longest edge of what is kept of larger ones."""

Pixels = npt.NDArray[np.uint8]


def header(path: Path) -> tuple[int, int]:
    """Width and height of an image file, without decoding it.

    Raises:
        SdevalError: no such file, no image, or larger than `MAX_PIXELS`.
    """
    if not path.is_file():
        raise SdevalError(f"no such file: {path}")
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise SdevalError(f"not an image that can be opened: {path} ({error})") from None
    if width * height > MAX_PIXELS:
        raise SdevalError(f"{path} has {width}x{height} pixels; at most {MAX_PIXELS} are allowed")
    return width, height


def open_rgb(path: Path) -> Image.Image:
    """Decode an image as RGB."""
    return _decode(path, "RGB")


def open_mask(path: Path) -> Image.Image:
    """Decode a mask as grey levels, 255 where it is painted again."""
    return _decode(path, "L")


def _decode(path: Path, mode: str) -> Image.Image:
    header(path)
    try:
        with Image.open(path) as image:
            return image.convert(mode)
    except (OSError, ValueError) as error:
        raise SdevalError(f"cannot be decoded: {path} ({error})") from None


def pixel_hash(image: Path | Image.Image) -> str:
    """SHA-256 of size, mode and pixels; the same for any lossless file of the same image."""
    if isinstance(image, Path):
        return _file_pixel_hash(image, image.stat().st_mtime_ns)
    digest = hashlib.sha256(f"{image.mode}:{image.width}x{image.height}:".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _file_pixel_hash(path: Path, _modified: int) -> str:
    return pixel_hash(open_rgb(path))


def to_pixels(image: Image.Image) -> Pixels:
    """`[height, width, 3]` uint8."""
    return np.asarray(image.convert("RGB"))


def write_png(path: Path, image: Image.Image) -> None:
    """Write an image losslessly, whole or not at all."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    write_bytes(path, buffer.getvalue())


def thumbnail_bytes(image: Image.Image) -> bytes | None:
    """What a baseline keeps of an image: None where it is small and kept as it is, otherwise a WebP thumbnail."""
    if max(image.size) <= FULL_UP_TO:
        return None
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", quality=80, method=6)
    return buffer.getvalue()


def as_accepted(image: Image.Image) -> Image.Image:
    """An image as a baseline would show it, so that both can be compared pixel by pixel."""
    content = thumbnail_bytes(image)
    return image if content is None else Image.open(io.BytesIO(content)).convert("RGB")
