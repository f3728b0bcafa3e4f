"""An image as an object of a store: a PNG of eight bits and three channels with nothing in it but the pixels."""

from __future__ import annotations

import io
import struct

from PIL import Image

from sdeval.errors import SdevalError, first_line
from sdeval.imaging.io import MAX_PIXELS, pixel_hash
from sdeval.stores.failures import WrongContent

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = (b"IHDR", b"IDAT", b"IEND")
"""Chunks of an RGB image; prompts, names of models and times of other chunks stay out of a store that many read."""


def without_metadata(content: bytes) -> bytes:
    """A PNG without the chunks that say something besides its pixels; what is no PNG stays as it is."""
    if not content.startswith(SIGNATURE):
        return content
    kept, position = [SIGNATURE], len(SIGNATURE)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind, end = content[position + 4 : position + 8], position + 12 + length
        if kind in KEPT:
            kept.append(content[position:end])
        position = end
    return b"".join(kept)


def decoded(content: bytes, sha256: str, where: str) -> Image.Image:
    """The image that a PNG holds, whose pixels have this hash.

    Args:
        content: of the file.
        sha256: the `pixel_hash` of the image.
        where: what messages call it.

    Raises:
        WrongContent: it is another image, or none.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG",))
        if image.width * image.height > MAX_PIXELS:
            raise SdevalError(f"{image.width}x{image.height} pixels are too many")
        image.load()
    # Of bytes that are no image Pillow raises whatever it stumbles over.
    except Exception as error:
        raise WrongContent(f"{where}: is no image that can be decoded ({first_line(error)})") from None
    if image.mode != "RGB" or pixel_hash(image) != sha256:
        raise WrongContent(f"{where}: holds another image: its pixels do not have the hash that it is named by")
    return image
