"""How a page names its images: by path where it lies beside them, or with the images inside it."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageChops, ImageFilter

from sdeval._utils.files import write_bytes
from sdeval.errors import SdevalError
from sdeval.imaging.io import open_mask, open_rgb

SMALL = 160
"""Longest edge, in pixels, of images inside a page."""
DAMAGE = (SdevalError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What opening a corrupt image can raise."""


class Sources(Protocol):
    """Names images as the `src` of an image; empty where there is none any more."""

    def here(self, image: Path) -> str:
        """An image of the session itself."""
        ...

    def full(self, image: Path) -> str:
        """An image of the session for the viewer; empty where the page holds small ones only."""
        ...

    def shrinks(self, width: int, height: int) -> bool:
        """Whether the page holds an image of this size only as a thumbnail."""
        ...

    def outline(self, mask: Path) -> str:
        """The edge of a mask, generated on nothing."""
        ...


class Linked:
    """Paths relative to the page. What comes from elsewhere is copied, so that the folder can be moved whole.

    Args:
        folder: where the page is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def here(self, image: Path) -> str:
        """The image's path, if it is a file."""
        return image.relative_to(self._folder).as_posix() if image.is_file() else ""

    def full(self, image: Path) -> str:
        """The image's path: a browser reads it when the viewer is opened."""
        return self.here(image)

    def shrinks(self, width: int, height: int) -> bool:
        """Every image is there as it is."""
        return False

    def beside(self, image: Path, copy: str) -> str:
        """An image from anywhere: its path, or that of a copy where it does not lie below the page."""
        whole, home = image.resolve(), self._folder.resolve()
        if whole.is_relative_to(home):
            return whole.relative_to(home).as_posix() if whole.is_file() else ""
        if image.is_file():
            write_bytes(self._folder / copy, image.read_bytes())
        return self.here(self._folder / copy)

    def outline(self, mask: Path) -> str:
        """Path of the outline, which is generated beside its mask."""
        path = mask.with_suffix(".outline.png")
        # A corrupt mask shows as one; the page does not fail by it.
        with contextlib.suppress(*DAMAGE):
            if not path.exists() and mask.is_file():
                write_bytes(path, _encoded(edge(open_mask(mask)), "PNG"))
        return self.here(path)


class Embedded:
    """Small images as data addresses: the page is one file."""

    def here(self, image: Path) -> str:
        """The image itself, small."""
        return _embedded(image, _small) if image.is_file() else ""

    def full(self, image: Path) -> str:
        """Nothing: the page holds every image once."""
        return ""

    def shrinks(self, width: int, height: int) -> bool:
        """Whether it is larger than images inside a page are."""
        return max(width, height) > SMALL

    def outline(self, mask: Path) -> str:
        """The edge of the mask, small."""
        return _embedded(mask, lambda path: edge(_shrunk(open_mask(path)))) if mask.is_file() else ""


def edge(mask: Image.Image) -> Image.Image:
    """The edge of the white part of a mask: black inside, white outside, so that it shows on any image.

    Args:
        mask: grey levels, white from 128 on.

    Returns:
        As large, with transparency everywhere else.
    """
    white = mask.point([0] * 128 + [255] * 128)
    reach = 2 * max(1, max(mask.size) // 256) + 1
    grown, shrunk = white.filter(ImageFilter.MaxFilter(reach)), white.filter(ImageFilter.MinFilter(reach))
    levels = ImageChops.subtract(grown, white)
    return Image.merge("RGBA", (levels, levels, levels, ImageChops.subtract(grown, shrunk)))


def _small(path: Path) -> Image.Image:
    return _shrunk(open_rgb(path))


def _shrunk(image: Image.Image) -> Image.Image:
    image.thumbnail((SMALL, SMALL))
    return image


def _embedded(path: Path, read: Callable[[Path], Image.Image]) -> str:
    """The address of an image; empty where it is corrupt."""
    try:
        image = read(path)
    except DAMAGE:
        return ""
    kind = "PNG" if image.mode == "RGBA" or max(image.size) <= SMALL // 2 else "WEBP"
    return f"data:image/{kind.lower()};base64,{base64.b64encode(_encoded(image, kind)).decode()}"


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, quality=75)
    return buffer.getvalue()
