"""An image as an object of a store: a PNG of eight bits and three channels with nothing in it but the pixels."""

from __future__ import annotations

import io

from PIL import Image

from sdeval.errors import SdevalError, first_line
from sdeval.imaging.io import MAX_PIXELS, pixel_hash
from sdeval.stores.failures import WrongContent


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
