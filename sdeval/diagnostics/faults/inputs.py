"""Faults of what goes in: prompts, images, masks, strength, seeds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from random import Random
from typing import Any

import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageChops, ImageFilter

from sdeval.diagnostics.faults.base import WHOLE, Arguments, Fault, altered_call

LEAK = 8
"""Pixels by which a leaking mask is larger."""
EVERY = 20
"""One prompt in so many is broken."""
SWAPPED = 1 / 8
"""Share of the images that are generated from another prompt."""


def prompts_dropped(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The prompt does not arrive."""
    return altered_call(pipeline, lambda given: {**given, "prompt": [""] * len(given["prompt"])})


def prompts_truncated(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Half of the words arrive."""

    def half(text: str) -> str:
        words = text.split()
        return " ".join(words[: max(1, len(words) // 2)])

    return altered_call(pipeline, lambda given: {**given, "prompt": [half(each) for each in given["prompt"]]})


def prompts_shuffled(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Every image of a batch is generated from its neighbour's prompt."""
    return altered_call(pipeline, lambda given: {**given, "prompt": [*given["prompt"][1:], given["prompt"][0]]})


def one_prompt_broken(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """One prompt in twenty, always the same, does not arrive."""
    met: list[str] = []

    def broken(prompt: str) -> str:
        if prompt not in met:
            met.append(prompt)
        return "" if met.index(prompt) % EVERY == 0 else prompt

    return altered_call(pipeline, lambda given: {**given, "prompt": [broken(each) for each in given["prompt"]]})


def some_prompts_swapped(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """One image in eight, at random, is generated from the last other prompt."""
    chance = Random(1)
    before = last = ""

    def swapped(prompt: str) -> str:
        nonlocal before, last
        if prompt != last:
            before, last = last, prompt
        return before if chance.random() < SWAPPED else prompt

    return altered_call(pipeline, lambda given: {**given, "prompt": [swapped(each) for each in given["prompt"]]})


def negative_prompt_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """What must not be generated is not said."""

    def without(given: Arguments) -> Arguments:
        return {name: value for name, value in given.items() if name != "negative_prompt"}

    return altered_call(pipeline, without)


def mask_inverted(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """What should be kept is painted, what should be painted is kept."""
    return altered_call(
        pipeline, lambda given: {**given, "mask_image": [ImageChops.invert(mask) for mask in given["mask_image"]]}
    )


def mask_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The whole image is painted, whatever the mask says."""

    def everywhere(given: Arguments) -> Arguments:
        return {**given, "mask_image": [Image.new("L", mask.size, 255) for mask in given["mask_image"]]}

    return altered_call(pipeline, everywhere)


def mask_leaks(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The mask is larger than it should be."""
    wider = ImageFilter.MaxFilter(2 * LEAK + 1)
    return altered_call(
        pipeline, lambda given: {**given, "mask_image": [mask.filter(wider) for mask in given["mask_image"]]}
    )


def init_image_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The init image does not arrive: a grey one does."""
    return altered_call(
        pipeline, lambda given: {**given, "image": [Image.new("RGB", each.size, "grey") for each in given["image"]]}
    )


def strength_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The init image is always noised to the end."""
    return altered_call(pipeline, lambda given: {**given, "strength": 1.0})


def seeds_ignored(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """All seeds generate the same noise."""

    def alike(given: Arguments) -> Arguments:
        generators: list[Any] = [torch.Generator("cpu").manual_seed(0) for _ in given["generator"]]
        return {**given, "generator": generators}

    return altered_call(pipeline, alike)


INPUTS = (
    Fault(name="prompts-dropped", says="no prompt arrives", plant=prompts_dropped),
    Fault(name="prompts-truncated", says="half of each prompt arrives", plant=prompts_truncated),
    Fault(name="prompts-shuffled", says="each image from its neighbour's prompt", plant=prompts_shuffled),
    Fault(name="some-prompts-swapped", says="1 image in 8 from another prompt", plant=some_prompts_swapped),
    Fault(name="one-prompt-broken", says="one prompt in twenty does not arrive", plant=one_prompt_broken, clear=WHOLE),
    Fault(
        name="negative-prompt-ignored",
        says="no negative prompt arrives",
        plant=negative_prompt_ignored,
        tasks=("inpainting",),
        clear=(),
    ),
    Fault(name="mask-inverted", says="inside and outside changed", plant=mask_inverted, tasks=("inpainting",)),
    Fault(name="mask-ignored", says="the whole image is painted", plant=mask_ignored, tasks=("inpainting",)),
    Fault(name="mask-leaks", says=f"mask {LEAK} pixels too wide", plant=mask_leaks, tasks=("inpainting",), clear=()),
    Fault(
        name="init-image-ignored", says="grey in place of the init image", plant=init_image_ignored, tasks=("img2img",)
    ),
    Fault(name="strength-ignored", says="always full strength", plant=strength_ignored, tasks=("img2img",)),
    Fault(name="seeds-ignored", says="all seeds alike", plant=seeds_ignored, tasks=("text2img",)),
)
