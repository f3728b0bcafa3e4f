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
)
