"""Batches of the rendered world for training: images, captions, wrong captions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sdeval.shapes import world
from sdeval.shapes.world import Scene, Thing


def scene(rng: np.random.Generator) -> Scene:
    """A scene that training may show."""
    while True:
        rendered = world.random_scene(rng, pairs=0.6)
        if not world.is_held_out(rendered):
            return rendered


def images(scenes: list[Scene], rng: np.random.Generator) -> torch.Tensor:
    """Render scenes: `[n, 3, 64, 64]` float in 0..1."""
    rendered = np.stack([world.paint(each.background, world.place(each, rng)) for each in scenes])
    return torch.from_numpy(rendered).permute(0, 3, 1, 2).float() / 255


def loose_caption(told: Scene, rng: np.random.Generator) -> str:
    """A caption as people would write it: mostly full, sometimes without the size or the background, or very short."""
    # The denoiser's small text encoder learns which thing stands where by which is named first.
    told = told.forward()
    if told.things[0].size and rng.random() < 0.25:
        told = replace(told, things=(replace(told.things[0], size=""),))
    text = world.caption(told)
    chance = rng.random()
    if chance < 0.10:
        return text.rsplit(" on a ", 1)[0]
    if chance < 0.13:
        return f"a {told.background} background"
    if chance < 0.16:
        return f"a {told.things[0].kind}"
    if chance < 0.19:
        return told.things[0].colour
    return text


def wrong_scene(right: Scene, rng: np.random.Generator) -> Scene:
    """The scene with one attribute changed, so that its caption no longer fits."""
    choices = ["background", "colour", "kind"]
    choices += ["relation", "swap"] if right.relation else ["size"]
    return _with_wrong(right, str(rng.choice(choices)), rng)


def hard_wrong_scene(right: Scene, rng: np.random.Generator) -> Scene:
    """A wrong scene for training: more often wrong in what is hard to see, and never one that is held out.

    A held-out caption that training only ever meets as wrong would be wrong to the model for ever.
    """
    choices = ["background", "colour", "kind", "kind", "kind"]
    choices += ["relation", "opposite", "swap", "swap"] if right.relation else ["size"]
    while True:
        wrong = _with_wrong(right, str(rng.choice(choices)), rng)
        if not world.is_held_out(wrong) and wrong != right.mirror():
            return wrong


def _with_wrong(right: Scene, what: str, rng: np.random.Generator) -> Scene:
    if what == "background":
        return replace(right, background=_other(list(world.COLOURS), right.background, rng))
    if what == "relation":
        return replace(right, relation=_other(list(world.RELATIONS), right.relation, rng))
    if what == "opposite":
        return replace(right, relation=world.OPPOSITE[right.relation])
    if what == "swap":
        return replace(right, things=right.things[::-1])
    index = int(rng.integers(len(right.things)))
    things = list(right.things)
    things[index] = _wrong_thing(things[index], what, rng)
    return replace(right, things=tuple(things))


def _wrong_thing(thing: Thing, what: str, rng: np.random.Generator) -> Thing:
    if what == "colour":
        return replace(thing, colour=_other(list(world.COLOURS), thing.colour, rng))
    if what == "size":
        return replace(thing, size=_other(list(world.SIZES), thing.size, rng))
    return replace(thing, kind=_other(list(world.KINDS), thing.kind, rng))


def _other(values: list[str], value: str, rng: np.random.Generator) -> str:
    return str(rng.choice([each for each in values if each != value]))
