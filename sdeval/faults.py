"""Planted defects: what a pipeline does wrong while a fault is in it. They measure what a suite would catch.

Each is a context manager over a diffusers pipeline; leaving it mends the pipeline.

Example:
    >>> with FAULTS["mask-inverted"](pipeline):
    ...     pipeline(prompt, image=image, mask_image=mask)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from diffusers import DiffusionPipeline
from PIL import Image, ImageChops

Arguments = dict[str, Any]
Images = npt.NDArray[np.float32]
Fault = Callable[[DiffusionPipeline], AbstractContextManager[None]]


@contextmanager
def altered_call(
    pipeline: DiffusionPipeline,
    arguments: Callable[[Arguments], Arguments] = lambda given: given,
    images: Callable[[Images], Images] = lambda drawn: drawn,
) -> Iterator[None]:
    """Change what goes into the pipeline, or the pictures (`[n, height, width, 3]` in 0..1) that come out."""
    sound = type(pipeline)

    def call(self: Any, **given: Any) -> Any:
        output = sound.__call__(self, **arguments(given))
        output.images = images(output.images)
        return output

    # A call is looked up in the class, so the pipeline gets a class of its own for the while.
    pipeline.__class__ = type(sound.__name__, (sound,), {"__call__": call})
    try:
        yield
    finally:
        pipeline.__class__ = sound


def prompts_shuffled(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Every picture of a batch is drawn from its neighbour's prompt."""
    return altered_call(pipeline, lambda given: {**given, "prompt": [*given["prompt"][1:], given["prompt"][0]]})


def mask_inverted(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """What should be kept is painted, what should be painted is kept."""
    return altered_call(
        pipeline, lambda given: {**given, "mask_image": [ImageChops.invert(mask) for mask in given["mask_image"]]}
    )


def init_image_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The init image does not arrive: a grey one does."""
    return altered_call(
        pipeline, lambda given: {**given, "image": [Image.new("RGB", each.size, "grey") for each in given["image"]]}
    )


def red_and_blue_swapped(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Channels come out as BGR."""
    return altered_call(pipeline, images=lambda drawn: drawn[..., ::-1])


def some_black(pipeline: DiffusionPipeline, every: int = 10) -> AbstractContextManager[None]:
    """One picture in `every` comes out black."""
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


@contextmanager
def vae_scale_wrong(pipeline: DiffusionPipeline, factor: float = 1.5) -> Iterator[None]:
    """The autoencoder's scaling factor is off."""
    config = pipeline.vae.config
    right = config.scaling_factor
    pipeline.vae.register_to_config(scaling_factor=right * factor)
    try:
        yield
    finally:
        pipeline.vae.register_to_config(scaling_factor=right)


FAULTS: dict[str, Fault] = {
    "prompts-shuffled": prompts_shuffled,
    "mask-inverted": mask_inverted,
    "init-image-ignored": init_image_ignored,
    "red-and-blue-swapped": red_and_blue_swapped,
    "one-in-ten-black": some_black,
    "vae-scale-wrong": vae_scale_wrong,
}
