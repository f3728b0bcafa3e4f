"""Images as files and as arrays: open them within limits, hash their pixels, write them whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from sdeval._utils.files import NoSuchFile, open_file, write_bytes
from sdeval.errors import SdevalError

MAX_PIXELS = 8192 * 8192
"""Larger images are refused before they are decoded."""

LARGEST_FILE = 2**28
"""Bytes of an image file that is opened: more than `MAX_PIXELS` need, uncompressed."""
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""What is opened; Pillow runs a program of its own for some others."""
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
ORIENTATION = ExifTags.Base.Orientation
PAINTED = 128
"""The level from which on a mask is painted again."""

FULL_UP_TO = 128
"""Images with no edge longer than this many pixels are kept as they are in baselines."""
THUMBNAIL = 256
"""Longest edge of what is kept of larger ones."""
THUMBNAIL_EFFORT = 2
"""Method of WebP: of a megapixel a thumbnail takes 5 ms, with method 6 it takes 23 ms and is 8% smaller."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""Of a PNG file: those that its pixels depend on."""

Pixels = npt.NDArray[np.uint8]


def header(path: Path) -> tuple[int, int]:
    """Width and height of an image, upright; decoded only where it is stored lying.

    Raises:
        SdevalError: no such file, no image, or larger than `MAX_PIXELS`.
    """
    return _header(path, _modified(path))


@lru_cache(maxsize=4096)
def _header(path: Path, _: int) -> tuple[int, int]:
    with _opened(path) as image:
        # What lies is turned: some formats say their size as it is stored, others upright.
        return image.size if image.getexif().get(ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image).size


def open_rgb(path: Path) -> Image.Image:
    """Decode an image as RGB, upright.

    Raises:
        SdevalError: it cannot be decoded, or it holds what is not in an RGB image: transparency, other numbers.
    """
    with _opened(path) as image:
        _refuse_transparency(image, path, "lay it on the background that is meant, and save it without transparency")
        return _upright(_eight_bits(image, path), image).convert("RGB")


def open_mask(path: Path) -> Image.Image:
    """Decode a mask as grey levels, upright; 255 where it is painted again.

    Raises:
        SdevalError: it cannot be decoded, or it does not say with grey levels alone what is painted.
    """
    with _opened(path) as image:
        advice = "save it without: white where it is painted again, black where it is kept"
        _refuse_transparency(image, path, f"that can mean either side of its edge; {advice}")
        return _upright(_eight_bits(image, path), image).convert("L")


def painted_share(path: Path) -> float:
    """The share of a mask that is painted again, 0 to 1.

    Raises:
        SdevalError: it cannot be decoded, or paints nothing or everything.
    """
    return _painted_share(path, _modified(path))


@lru_cache(maxsize=4096)
def _painted_share(path: Path, _: int) -> float:
    levels = np.asarray(open_mask(path))
    share = float((levels >= PAINTED).mean())
    if share == 0:
        labels = "; in a mask of labels, save 255 in place of 1" if 0 < levels.max() < 32 else ""
        raise SdevalError(f"{path} paints nothing: its brightest level is {levels.max()} of 255{labels}")
    if share == 1:
        raise SdevalError(f"{path} paints everything: its darkest level is {levels.min()} of 255; black is kept")
    return share


def check_image(path: Path) -> None:
    """Find out whether an image can be decoded to its end.

    Raises:
        SdevalError: it cannot; says why.
    """
    # Its hash is needed later, and kept.
    pixel_hash(path)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image within the limits, not decoded yet; whatever goes wrong while it is used is said of the file."""
    try:
        with open_file(path, LARGEST_FILE) as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise SdevalError(f"{path} has {image.width}x{image.height} pixels; at most {MAX_PIXELS} are allowed")
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                raise SdevalError(f"{path} has {frames} frames; save the one that is meant by itself")
            yield image
    except NoSuchFile:
        raise SdevalError(f"no such file: {path}") from None
    except SdevalError:
        raise
    except UnidentifiedImageError:
        raise SdevalError(f"not an image that can be opened: {path} (none of {', '.join(FORMATS)})") from None
    # Of corrupt files Pillow raises whatever it stumbles over: SyntaxError, struct.error, ValueError, MemoryError.
    except Exception as error:
        raise SdevalError(f"cannot be decoded: {path} ({str(error) or type(error).__name__})") from None


def _upright(image: Image.Image, original: Image.Image) -> Image.Image:
    """As every viewer shows it, and `diffusers.utils.load_image` opens it: the original says how it lies."""
    image.getexif()[ORIENTATION] = original.getexif().get(ORIENTATION, 1)
    return ImageOps.exif_transpose(image)


def _refuse_transparency(image: Image.Image, path: Path, advice: str) -> None:
    if not image.has_transparency_data:
        return
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    if alpha.min() < 255:
        share = 100 * float((alpha < 255).mean())
        raise SdevalError(f"{path} is transparent in {share:.1f}% of its pixels; {advice}")


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """Levels of 16 bits scaled to 8; other numbers have no white that would be known."""
    if image.mode in EIGHT_BITS:
        return image
    levels = np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return Image.fromarray(np.round(levels.astype(np.float64) / 257).astype(np.uint8))
    kinds = {"F": "numbers with a fraction", "I": "numbers of 32 bits"}
    kind = kinds.get(image.mode, f"{image.mode} colours")
    raise SdevalError(f"{path} holds {kind}, and it is not known what is white; save it as RGB or grey of 8 bits")


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    # Whoever opens it says what is wrong.
    except (OSError, ValueError):
        return 0


def pixel_hash(image: Path | Image.Image) -> str:
    """SHA-256 of size, mode and pixels; the same for any lossless file of the same image."""
    if isinstance(image, Path):
        return _file_pixel_hash(image, _modified(image))
    digest = hashlib.sha256(f"{image.mode}:{image.width}x{image.height}:".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def mask_hash(path: Path) -> str:
    """`pixel_hash` of what a mask says, in RGB."""
    return _mask_hash(path, _modified(path))


@lru_cache(maxsize=4096)
def _mask_hash(path: Path, _: int) -> str:
    return pixel_hash(open_mask(path).convert("RGB"))


@lru_cache(maxsize=4096)
def _file_pixel_hash(path: Path, _: int) -> str:
    return pixel_hash(open_rgb(path))


def to_pixels(image: Image.Image) -> Pixels:
    """`[height, width, 3]` uint8."""
    return np.asarray(image.convert("RGB"))


def png_bytes(image: Image.Image, texts: Mapping[str, str] = MappingProxyType({}), compression: int = 6) -> bytes:
    """An image as a PNG file.

    Args:
        image: what it shows.
        texts: by keyword; `tEXt` chunks where Latin-1 holds them, otherwise `iTXt`. They are not compressed, for
            Pillow refuses to open a file with a compressed text of more than a megabyte.
        compression: from 1, the fastest, to 9.
    """
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=compression, pnginfo=chunks)
    return buffer.getvalue()


def png_text(path: Path, keyword: str) -> str:
    """A text that `png_bytes` wrote into a file; empty where there is none.

    Raises:
        SdevalError: the file cannot be opened.
    """
    with _opened(path) as image:
        text = image.info.get(keyword, "")
    return text if isinstance(text, str) else ""


def without_metadata(png: bytes) -> bytes:
    """A PNG file without the chunks that say something besides its pixels; what is no PNG file stays as it is."""
    if not png.startswith(PNG_SIGNATURE):
        return png
    parts, position = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while position + 12 <= len(png):
        # Length of the data, type, data, checksum.
        end = position + 12 + int.from_bytes(png[position : position + 4], "big")
        if png[position + 4 : position + 8] in PIXEL_CHUNKS:
            parts.append(png[position:end])
        position = end
    return b"".join(parts)


def write_png(path: Path, image: Image.Image, compression: int = 6) -> None:
    """Write an image losslessly, whole or not at all."""
    write_bytes(path, png_bytes(image, compression=compression))


def has_thumbnail(image: Image.Image) -> bool:
    """Whether pages and baselines show a thumbnail of an image, because it is large."""
    return max(image.size) > FULL_UP_TO


def thumbnail_bytes(image: Image.Image) -> bytes:
    """The thumbnail of an image, as a WebP file."""
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", quality=80, method=THUMBNAIL_EFFORT)
    return buffer.getvalue()


def as_thumbnail(image: Image.Image) -> Image.Image:
    """An image as a baseline that keeps thumbnails would show it, so that the two can be compared."""
    return Image.open(io.BytesIO(thumbnail_bytes(image))).convert("RGB")
