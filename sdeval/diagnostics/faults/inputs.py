"""Faults of what goes in: prompts, images, masks, strength, seeds."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageFilter

from sdeval.diagnostics.faults.alteration import Alteration, alter_fault
from sdeval.diagnostics.faults.base import WHOLE

LEAK = 8
"""Pixels by which a leaking mask is larger."""
EVERY = 20
"""One prompt in so many is broken."""
SWAPPED = 1 / 8
"""Share of the images that are generated from another prompt."""


def prompts_dropped() -> Alteration:
    """The prompt does not arrive."""
    return Alteration(prompts=lambda prompts: [""] * len(prompts))


def prompts_truncated() -> Alteration:
    """Half of the words arrive."""

    def half(text: str) -> str:
        words = text.split()
        return " ".join(words[: max(1, len(words) // 2)])

    return Alteration(prompts=lambda prompts: [half(prompt) for prompt in prompts])


def prompts_shuffled() -> Alteration:
    """Every image of a batch is generated from its neighbour's prompt."""
    return Alteration(prompts=lambda prompts: [*prompts[1:], prompts[0]])


def one_prompt_broken() -> Alteration:
    """One prompt in twenty, always the same, does not arrive."""
    known: list[str] = []

    def drop_some(prompt: str) -> str:
        if prompt not in known:
            known.append(prompt)
        return "" if known.index(prompt) % EVERY == 0 else prompt

    return Alteration(prompts=lambda prompts: [drop_some(prompt) for prompt in prompts])


def some_prompts_swapped() -> Alteration:
    """One image in eight, at random, is generated from the last other prompt."""
    chance = Random(1)
    previous = last = ""

    def swap_some(prompt: str) -> str:
        nonlocal previous, last
        if prompt != last:
            previous, last = last, prompt
        return previous if chance.random() < SWAPPED else prompt

    return Alteration(prompts=lambda prompts: [swap_some(prompt) for prompt in prompts])


def negative_prompt_ignored() -> Alteration:
    """What must not be generated is not said."""
    return Alteration(no_negative_prompts=True)


def mask_inverted() -> Alteration:
    """What should be kept is painted, what should be painted is kept."""
    return Alteration(mask=ImageChops.invert)


def mask_ignored() -> Alteration:
    """The whole image is painted, whatever the mask says."""
    return Alteration(mask=lambda mask: Image.new("L", mask.size, 255))


def mask_leaks() -> Alteration:
    """The mask is larger than it should be."""
    wider = ImageFilter.MaxFilter(2 * LEAK + 1)
    return Alteration(mask=lambda mask: mask.filter(wider))


def init_image_ignored() -> Alteration:
    """The init image does not arrive: a grey one does."""
    return Alteration(init_image=lambda image: Image.new("RGB", image.size, "grey"))


def strength_ignored() -> Alteration:
    """The init image is always noised to the end."""
    return Alteration(strength=1.0)


def seeds_ignored() -> Alteration:
    """All seeds generate the same noise."""
    return Alteration(seed=0)


INPUTS = (
    alter_fault(name="prompts-dropped", says="no prompt arrives", alter=prompts_dropped),
    alter_fault(name="prompts-truncated", says="half of each prompt arrives", alter=prompts_truncated),
    alter_fault(name="prompts-shuffled", says="each image from its neighbour's prompt", alter=prompts_shuffled),
    alter_fault(name="some-prompts-swapped", says="1 image in 8 from another prompt", alter=some_prompts_swapped),
    alter_fault(
        name="one-prompt-broken", says="one prompt in twenty does not arrive", alter=one_prompt_broken, clear=WHOLE
    ),
    alter_fault(
        name="negative-prompt-ignored",
        says="no negative prompt arrives",
        alter=negative_prompt_ignored,
        tasks=("inpainting",),
        clear=(),
    ),
    alter_fault(name="mask-inverted", says="inside and outside changed", alter=mask_inverted, tasks=("inpainting",)),
    alter_fault(name="mask-ignored", says="the whole image is painted", alter=mask_ignored, tasks=("inpainting",)),
    alter_fault(
        name="mask-leaks", says=f"mask {LEAK} pixels too wide", alter=mask_leaks, tasks=("inpainting",), clear=()
    ),
    alter_fault(
        name="init-image-ignored", says="grey in place of the init image", alter=init_image_ignored, tasks=("img2img",)
    ),
    alter_fault(name="strength-ignored", says="always full strength", alter=strength_ignored, tasks=("img2img",)),
    alter_fault(name="seeds-ignored", says="all seeds alike", alter=seeds_ignored, tasks=("text2img",)),
)
