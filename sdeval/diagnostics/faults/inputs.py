"""Faults of what goes in: prompts, images, masks, strength, seeds."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from sdeval.diagnostics.faults.alteration import Alteration, alter_fault
from sdeval.diagnostics.faults.base import WHOLE, Images
from sdeval.imaging.io import to_pixels

LEAK = 8
"""Pixels by which a leaking mask is larger."""
EVERY = 20
"""One prompt in so many is broken."""
SWAPPED = 1 / 8
"""Share of the images that are generated from another prompt."""


def drop_prompts() -> Alteration:
    """The prompt does not arrive."""
    return Alteration(prompts=lambda prompts: [""] * len(prompts))


def truncate_prompts() -> Alteration:
    """Half of the words arrive."""

    def half(text: str) -> str:
        words = text.split()
        return " ".join(words[: max(1, len(words) // 2)])

    return Alteration(prompts=lambda prompts: [half(prompt) for prompt in prompts])


def shuffle_prompts() -> Alteration:
    """Every image of a batch is generated from its neighbour's prompt."""
    return Alteration(prompts=lambda prompts: [*prompts[1:], prompts[0]])


def break_one_prompt() -> Alteration:
    """One prompt in twenty, always the same, does not arrive."""
    known: list[str] = []

    def drop_some(prompt: str) -> str:
        if prompt not in known:
            known.append(prompt)
        return "" if known.index(prompt) % EVERY == 0 else prompt

    return Alteration(prompts=lambda prompts: [drop_some(prompt) for prompt in prompts])


def swap_some_prompts() -> Alteration:
    """One image in eight, at random, is generated from the last other prompt."""
    chance = Random(1)
    previous = last = ""

    def swap_some(prompt: str) -> str:
        nonlocal previous, last
        if prompt != last:
            previous, last = last, prompt
        return previous if chance.random() < SWAPPED else prompt

    return Alteration(prompts=lambda prompts: [swap_some(prompt) for prompt in prompts])


def ignore_negative_prompt() -> Alteration:
    """What must not be generated is not said."""
    return Alteration(no_negative_prompts=True)


def invert_mask() -> Alteration:
    """What should be kept is painted, what should be painted is kept."""
    return Alteration(mask=ImageChops.invert)


def ignore_mask() -> Alteration:
    """The whole image is painted, whatever the mask says."""
    return Alteration(mask=lambda mask: Image.new("L", mask.size, 255))


def widen_mask() -> Alteration:
    """The mask is larger than it should be."""
    wider = ImageFilter.MaxFilter(2 * LEAK + 1)
    return Alteration(mask=lambda mask: mask.filter(wider))


def ignore_init_image() -> Alteration:
    """The init image, or what is edited, does not arrive: a grey one does."""
    return Alteration(init_image=lambda image: Image.new("RGB", image.size, "grey"))


def skip_edit() -> Alteration:
    """What comes out is the first input image, whatever was to be changed in it."""
    inputs: list[Image.Image] = []

    def begin(prompts: list[str]) -> list[str]:
        # A call that failed has left its images.
        inputs.clear()
        return prompts

    def remember(image: Image.Image) -> Image.Image:
        inputs.append(image)
        return image

    def give_back(images: Images) -> Images:
        # All samples of a batch have as many input images.
        first = inputs[:: len(inputs) // len(images)]
        height, width = images.shape[1:3]
        resized = np.stack([to_pixels(image.resize((width, height))) for image in first])
        return resized.astype(np.float32) / np.float32(255)

    return Alteration(prompts=begin, init_image=remember, images=give_back)


def ignore_strength() -> Alteration:
    """The init image is always noised to the end."""
    return Alteration(strength=1.0)


def ignore_seeds() -> Alteration:
    """All seeds generate the same noise."""
    return Alteration(seed=0)


INPUTS = (
    alter_fault(name="prompts-dropped", says="no prompt arrives", alter=drop_prompts),
    alter_fault(name="prompts-truncated", says="half of each prompt arrives", alter=truncate_prompts),
    alter_fault(name="prompts-shuffled", says="each image from its neighbour's prompt", alter=shuffle_prompts),
    alter_fault(name="some-prompts-swapped", says="1 image in 8 from another prompt", alter=swap_some_prompts),
    alter_fault(
        name="one-prompt-broken", says="one prompt in twenty does not arrive", alter=break_one_prompt, clear=WHOLE
    ),
    alter_fault(
        name="negative-prompt-ignored",
        says="no negative prompt arrives",
        alter=ignore_negative_prompt,
        tasks=("inpainting",),
        clear=(),
    ),
    alter_fault(name="mask-inverted", says="inside and outside changed", alter=invert_mask, tasks=("inpainting",)),
    alter_fault(name="mask-ignored", says="the whole image is painted", alter=ignore_mask, tasks=("inpainting",)),
    alter_fault(
        name="mask-leaks", says=f"mask {LEAK} pixels too wide", alter=widen_mask, tasks=("inpainting",), clear=()
    ),
    alter_fault(
        name="init-image-ignored",
        says="grey in place of the init image",
        alter=ignore_init_image,
        tasks=("img2img", "edit"),
    ),
    alter_fault(name="edit-missing", says="the input image comes out as it was", alter=skip_edit, tasks=("edit",)),
    alter_fault(name="strength-ignored", says="always full strength", alter=ignore_strength, tasks=("img2img",)),
    alter_fault(name="seeds-ignored", says="all seeds alike", alter=ignore_seeds, tasks=("text2img",)),
)
