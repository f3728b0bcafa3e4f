"""Faults of what comes out: colours, blur, compression, size, black images."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from sdeval.diagnostics.faults.alteration import Alteration, alter_fault
from sdeval.diagnostics.faults.base import Images


def swap_red_and_blue() -> Alteration:
    """Channels come out as BGR."""
    return Alteration(images=lambda generated: generated[..., ::-1])


def blacken_some(every: int) -> Alteration:
    """One image in `every` comes out black, as a safety checker makes them."""
    generated = 0

    def blacken(images: Images) -> Images:
        nonlocal generated
        result = images.copy()
        for index in range(len(result)):
            generated += 1
            if generated % every == 0:
                result[index] = 0
        return result

    return Alteration(images=blacken)


def each_image(change: Callable[[Image.Image], Image.Image]) -> Alteration:
    """Every image goes through a function."""

    def apply(values: Images) -> Images:
        image = Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))
        return np.asarray(np.asarray(change(image)) / 255, dtype=np.float32)

    return Alteration(images=lambda generated: np.stack([apply(image) for image in generated]))


def compress(image: Image.Image) -> Image.Image:
    """As JPEG at quality 20."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def halve(image: Image.Image) -> Image.Image:
    """Generated at half the size and enlarged."""
    width, height = image.size
    return image.resize((width // 2, height // 2)).resize((width, height))


def shrink(image: Image.Image) -> Image.Image:
    """Half as large as asked."""
    return image.resize((image.width // 2, image.height // 2))


def swap_letters() -> Alteration:
    """Where something can be read, pieces as wide as a letter change places.

    Raises:
        NotAvailable: what reads the images is not on this machine.
    """
    from sdeval.metrics.features.text import load_reader

    reader = load_reader(1)

    def garble(image: Image.Image) -> Image.Image:
        (reading,) = reader.read([image])
        result = image.copy()
        for line in reading:
            _swap_neighbours(result, line.bounds, len(line.text))
        return result

    return each_image(garble)


def _swap_neighbours(image: Image.Image, bounds: tuple[int, int, int, int], count: int) -> None:
    """Cut an area of an image into upright pieces of one width, and swap the first with the second, and so on."""
    left, top, right, bottom = bounds
    width = max(1, (right - left) // max(2, count))
    for start in range(left, right - 2 * width + 1, 2 * width):
        pieces = [image.crop((start + shift, top, start + shift + width, bottom)) for shift in (0, width)]
        image.paste(pieces[1], (start, top))
        image.paste(pieces[0], (start + width, top))


def remove_text() -> Alteration:
    """Where something can be read, it is painted over with the colour around it.

    Raises:
        NotAvailable: what reads the images is not on this machine.
    """
    from sdeval.metrics.features.text import load_reader

    reader = load_reader(1)

    def paint(image: Image.Image) -> Image.Image:
        (reading,) = reader.read([image])
        result = image.copy()
        for line in reading:
            left, top, right, bottom = line.bounds
            corner = image.crop((left, top, left + 1, top + 1))
            result.paste(corner.resize((right - left, bottom - top)), (left, top))
        return result

    return each_image(paint)


IMAGES = (
    alter_fault(name="red-and-blue-swapped", says="red and blue swapped", alter=swap_red_and_blue),
    alter_fault(name="one-in-ten-black", says="1 image in 10 black", alter=partial(blacken_some, every=10)),
    alter_fault(name="one-in-twenty-black", says="1 image in 20 black", alter=partial(blacken_some, every=20)),
    alter_fault(
        name="blur",
        says="blurred by 1 pixel",
        alter=partial(each_image, change=lambda image: image.filter(ImageFilter.GaussianBlur(1))),
    ),
    alter_fault(name="jpeg-20", says="JPEG at quality 20", alter=partial(each_image, change=compress)),
    alter_fault(name="half-resolution", says="enlarged from half the size", alter=partial(each_image, change=halve)),
    alter_fault(name="wrong-size", says="half as large as asked", alter=partial(each_image, change=shrink)),
    alter_fault(name="letters-swapped", says="letters of writing swapped", alter=swap_letters, needs_text=True),
    alter_fault(name="text-removed", says="writing painted over", alter=remove_text, needs_text=True),
)
