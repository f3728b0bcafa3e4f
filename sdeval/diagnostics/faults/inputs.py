"""Faults of what goes in: prompts, images, masks, strength, seeds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from random import Random
from typing import Any

import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageChops, ImageFilter

from sdeval.diagnostics.faults.base import WHOLE, Arguments, Fault, alter_call

LEAK = 8
"""Pixels by which a leaking mask is larger."""
EVERY = 20
"""One prompt in so many is broken."""
SWAPPED = 1 / 8
"""Share of the images that are generated from another prompt."""


def drop_prompts(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The prompt does not arrive."""
    return alter_call(pipeline, lambda arguments: {**arguments, "prompt": [""] * len(arguments["prompt"])})


def truncate_prompts(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Half of the words arrive."""

    def half(text: str) -> str:
        words = text.split()
        return " ".join(words[: max(1, len(words) // 2)])

    return alter_call(
        pipeline, lambda arguments: {**arguments, "prompt": [half(prompt) for prompt in arguments["prompt"]]}
    )


def shuffle_prompts(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Every image of a batch is generated from its neighbour's prompt."""
    return alter_call(
        pipeline, lambda arguments: {**arguments, "prompt": [*arguments["prompt"][1:], arguments["prompt"][0]]}
    )


def break_one_prompt(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """One prompt in twenty, always the same, does not arrive."""
    prompts: list[str] = []

    def drop_some(prompt: str) -> str:
        if prompt not in prompts:
            prompts.append(prompt)
        return "" if prompts.index(prompt) % EVERY == 0 else prompt

    return alter_call(
        pipeline, lambda arguments: {**arguments, "prompt": [drop_some(prompt) for prompt in arguments["prompt"]]}
    )


def swap_some_prompts(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """One image in eight, at random, is generated from the last other prompt."""
    chance = Random(1)
    previous = last = ""

    def swap_some(prompt: str) -> str:
        nonlocal previous, last
        if prompt != last:
            previous, last = last, prompt
        return previous if chance.random() < SWAPPED else prompt

    return alter_call(
        pipeline, lambda arguments: {**arguments, "prompt": [swap_some(prompt) for prompt in arguments["prompt"]]}
    )


def ignore_negative_prompt(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """What must not be generated is not said."""

    def without(arguments: Arguments) -> Arguments:
        return {name: value for name, value in arguments.items() if name != "negative_prompt"}

    return alter_call(pipeline, without)


def invert_mask(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """What should be kept is painted, what should be painted is kept."""
    return alter_call(
        pipeline,
        lambda arguments: {**arguments, "mask_image": [ImageChops.invert(mask) for mask in arguments["mask_image"]]},
    )


def ignore_mask(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The whole image is painted, not only the masked part."""

    def everywhere(arguments: Arguments) -> Arguments:
        return {**arguments, "mask_image": [Image.new("L", mask.size, 255) for mask in arguments["mask_image"]]}

    return alter_call(pipeline, everywhere)


def widen_mask(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The mask is larger than it should be."""
    wider = ImageFilter.MaxFilter(2 * LEAK + 1)
    return alter_call(
        pipeline,
        lambda arguments: {**arguments, "mask_image": [mask.filter(wider) for mask in arguments["mask_image"]]},
    )


def ignore_init_image(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The init image does not arrive: a grey one does."""
    return alter_call(
        pipeline,
        lambda arguments: {
            **arguments,
            "image": [Image.new("RGB", image.size, "grey") for image in arguments["image"]],
        },
    )


def ignore_strength(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The init image is always noised to the end."""
    return alter_call(pipeline, lambda arguments: {**arguments, "strength": 1.0})


def ignore_seeds(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """All seeds generate the same noise."""

    def alike(arguments: Arguments) -> Arguments:
        generators: list[Any] = [torch.Generator("cpu").manual_seed(0) for _ in arguments["generator"]]
        return {**arguments, "generator": generators}

    return alter_call(pipeline, alike)


INPUTS = (
    Fault(name="prompts-dropped", says="no prompt arrives", plant=drop_prompts),
    Fault(name="prompts-truncated", says="half of each prompt arrives", plant=truncate_prompts),
    Fault(name="prompts-shuffled", says="each image from its neighbour's prompt", plant=shuffle_prompts),
    Fault(name="some-prompts-swapped", says="1 image in 8 from another prompt", plant=swap_some_prompts),
    Fault(name="one-prompt-broken", says="one prompt in twenty does not arrive", plant=break_one_prompt, clear=WHOLE),
    Fault(
        name="negative-prompt-ignored",
        says="no negative prompt arrives",
        plant=ignore_negative_prompt,
        tasks=("inpainting",),
        clear=(),
    ),
    Fault(name="mask-inverted", says="inside and outside changed", plant=invert_mask, tasks=("inpainting",)),
    Fault(name="mask-ignored", says="the whole image is painted", plant=ignore_mask, tasks=("inpainting",)),
    Fault(name="mask-leaks", says=f"mask {LEAK} pixels too wide", plant=widen_mask, tasks=("inpainting",), clear=()),
    Fault(
        name="init-image-ignored", says="grey in place of the init image", plant=ignore_init_image, tasks=("img2img",)
    ),
    Fault(name="strength-ignored", says="always full strength", plant=ignore_strength, tasks=("img2img",)),
    Fault(name="seeds-ignored", says="all seeds alike", plant=ignore_seeds, tasks=("text2img",)),
)
