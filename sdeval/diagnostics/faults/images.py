"""Faults of what comes out: colours, blur, compression, size, black pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from diffusers import DiffusionPipeline
from PIL import Image, ImageFilter

from sdeval.diagnostics.faults.base import Fault, Images, altered_call


def red_and_blue_swapped(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Channels come out as BGR."""
    return altered_call(pipeline, images=lambda drawn: drawn[..., ::-1])


def some_black(pipeline: DiffusionPipeline, every: int) -> AbstractContextManager[None]:
    """One picture in `every` comes out black, as a safety checker makes them."""
    drawn = 0

    def blacken(images: Images) -> Images:
        nonlocal drawn
        kept = images.copy()
        for index in range(len(kept)):
            drawn += 1
            if drawn % every == 0:
                kept[index] = 0
        return kept

    return altered_call(pipeline, images=blacken)


def each_picture(
    pipeline: DiffusionPipeline, change: Callable[[Image.Image], Image.Image]
) -> AbstractContextManager[None]:
    """Every picture goes through a function."""

    def changed(values: Images) -> Images:
        picture = Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))
        return np.asarray(np.asarray(change(picture)) / 255, dtype=np.float32)

    return altered_call(pipeline, images=lambda drawn: np.stack([changed(each) for each in drawn]))


def compressed(picture: Image.Image) -> Image.Image:
    """As JPEG at quality 20."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def halved(picture: Image.Image) -> Image.Image:
    """Drawn at half the size and enlarged."""
    width, height = picture.size
    return picture.resize((width // 2, height // 2)).resize((width, height))


def smaller(picture: Image.Image) -> Image.Image:
    """Half as large as asked."""
    return picture.resize((picture.width // 2, picture.height // 2))


PICTURES = (
    Fault(name="red-and-blue-swapped", says="red and blue swapped", plant=red_and_blue_swapped),
    Fault(name="one-in-ten-black", says="1 picture in 10 black", plant=partial(some_black, every=10)),
    Fault(name="one-in-twenty-black", says="1 picture in 20 black", plant=partial(some_black, every=20)),
    Fault(
        name="blur",
        says="blurred by 1 pixel",
        plant=partial(each_picture, change=lambda picture: picture.filter(ImageFilter.GaussianBlur(1))),
    ),
    Fault(name="jpeg-20", says="JPEG at quality 20", plant=partial(each_picture, change=compressed)),
    Fault(name="half-resolution", says="enlarged from half the size", plant=partial(each_picture, change=halved)),
    Fault(name="wrong-size", says="half as large as asked", plant=partial(each_picture, change=smaller)),
)
