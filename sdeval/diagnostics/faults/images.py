"""Faults of what comes out: colours, blur, compression, size, black images."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from diffusers import DiffusionPipeline
from PIL import Image, ImageFilter

from sdeval.diagnostics.faults.base import Fault, Images, alter_call


def swap_red_and_blue(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Channels come out as BGR."""
    return alter_call(pipeline, images=lambda generated: generated[..., ::-1])


def blacken_some(pipeline: DiffusionPipeline, every: int) -> AbstractContextManager[None]:
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

    return alter_call(pipeline, images=blacken)


def each_image(
    pipeline: DiffusionPipeline, change: Callable[[Image.Image], Image.Image]
) -> AbstractContextManager[None]:
    """Every image goes through a function."""

    def apply(values: Images) -> Images:
        image = Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))
        return np.asarray(np.asarray(change(image)) / 255, dtype=np.float32)

    return alter_call(pipeline, images=lambda generated: np.stack([apply(image) for image in generated]))


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
    Fault(name="red-and-blue-swapped", says="red and blue swapped", plant=swap_red_and_blue),
    Fault(name="one-in-ten-black", says="1 image in 10 black", plant=partial(blacken_some, every=10)),
    Fault(name="one-in-twenty-black", says="1 image in 20 black", plant=partial(blacken_some, every=20)),
    Fault(
        name="blur",
        says="blurred by 1 pixel",
        plant=partial(each_image, change=lambda image: image.filter(ImageFilter.GaussianBlur(1))),
    ),
    Fault(name="jpeg-20", says="JPEG at quality 20", plant=partial(each_image, change=compress)),
    Fault(name="half-resolution", says="enlarged from half the size", plant=partial(each_image, change=halve)),
    Fault(name="wrong-size", says="half as large as asked", plant=partial(each_image, change=shrink)),
)
