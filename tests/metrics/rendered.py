"""Images with writing, rendered with the font that comes with Pillow."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


def sign(*lines: str, size: int = 40, edge: int = 320) -> Image.Image:
    """Dark writing on a pale image, a line below the other."""
    image = Image.new("RGB", (edge, edge), (225, 232, 240))
    return write(image, [(20, 30 + 2 * size * number, line) for number, line in enumerate(lines)], size)


def write(image: Image.Image, lines: Sequence[tuple[int, int, str]], size: int = 40) -> Image.Image:
    """Lines at places of an image, given by their upper left corner."""
    font = ImageFont.load_default(size)
    for x, y, line in lines:
        ImageDraw.Draw(image).text((x, y), line, fill=(20, 30, 60), font=font)
    return image
