"""Images as servers take and give them: PNG, in base64 or as they are, and masks for either convention."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from sdeval._utils.http import Client
from sdeval.errors import CallFailed, one_line
from sdeval.imaging.io import MAX_PIXELS

PNG = b"\x89PNG\r\n\x1a\n"
OTHERS = {b"\xff\xd8\xff": "a JPEG image", b"RIFF": "a WebP image", b"GIF8": "a GIF image", b"BM": "a BMP image"}
"""How other formats begin."""
LOSSY = "it must be a PNG: what a lossy format changes would be taken for a change of the model"


class Lossy(CallFailed):
    """A server answered with a format that loses something."""


def to_png(image: Image.Image) -> bytes:
    """An image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def to_base64(image: Image.Image) -> str:
    """An image as a PNG file in base64."""
    return base64.b64encode(to_png(image)).decode()


def both_ways(mask: Image.Image) -> Image.Image:
    """A mask that says the same where white is painted, and where what is transparent is painted."""
    levels = np.asarray(mask.convert("L"))
    return Image.fromarray(np.stack([levels, levels, levels, 255 - levels], axis=-1))


def with_hole(image: Image.Image, mask: Image.Image) -> Image.Image:
    """An image that is transparent where its mask is white."""
    levels = np.asarray(mask.convert("L"))
    return Image.fromarray(np.dstack([np.asarray(image.convert("RGB")), 255 - levels]))


def decode(content: bytes, where: str) -> Image.Image:
    """The image in a PNG file.

    Raises:
        Lossy: it is another format.
        CallFailed: it is broken, transparent, too large, or no image.
    """
    if not content.startswith(PNG):
        kind = next((name for begin, name in OTHERS.items() if content.startswith(begin)), "")
        if kind:
            raise Lossy(f"{where}: answered with {kind}; {LOSSY}")
        shown = one_line(content[:40].decode("latin-1")) or "nothing"
        raise CallFailed(f"{where}: answered with no image: {shown}")
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width}x{image.height}"
                raise CallFailed(f"{where}: answered with {size} pixels; at most {MAX_PIXELS} are allowed")
            image.load()
            if image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
                raise CallFailed(f"{where}: answered with a transparent image; ask for an opaque background")
            return image.convert("RGB")
    except CallFailed:
        raise
    # Of corrupt files Pillow raises whatever it stumbles over.
    except Exception as error:
        reason = one_line(str(error)) or type(error).__name__
        raise CallFailed(f"{where}: answered with a PNG that cannot be decoded: {reason}") from None


def from_base64(text: Any, where: str) -> bytes:
    """What base64 holds, with or without the beginning of a data URL.

    Raises:
        CallFailed: it is no base64.
    """
    if not isinstance(text, str):
        raise CallFailed(f"{where}: answered without an image: got {shown(text)} where base64 belongs")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallFailed(f"{where}: answered with what is no base64: {error}") from None


def shown(value: Any) -> str:
    """The beginning of what a server answered, for messages."""
    return one_line(repr(value))[:80]


def only(answer: Any, name: str, where: str) -> Any:
    """The one entry of a list in an answer.

    Raises:
        CallFailed: there are none or several, or it is no list.
    """
    images = answer.get(name) if isinstance(answer, Mapping) else None
    if not isinstance(images, list):
        raise CallFailed(f"{where}: answered without images: {shown(answer)}")
    if len(images) != 1:
        raise CallFailed(f"{where}: answered with {len(images)} images where one was asked for")
    return images[0]


def image_in(entry: Any, client: Client, where: str) -> Image.Image:
    """The image of one entry of `data`: in base64, or at a URL.

    Raises:
        CallFailed: there is none.
    """
    if not isinstance(entry, dict):
        raise CallFailed(f"{where}: answered without an image: {shown(entry)}")
    if entry.get("b64_json"):
        return decode(from_base64(entry["b64_json"], where), where)
    url = entry.get("url")
    if not isinstance(url, str) or not url:
        raise CallFailed(f"{where}: answered without an image: neither b64_json nor url in {sorted(entry)}")
    if url.startswith("data:"):
        return decode(from_base64(url, where), where)
    return decode(client.fetch(url), where)
