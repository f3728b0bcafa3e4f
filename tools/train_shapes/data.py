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
    rendered = np.stack([world.paint(scene.background, world.place(scene, rng)) for scene in scenes])
    return torch.from_numpy(rendered).permute(0, 3, 1, 2).float() / 255


def loose_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption as people would write it: mostly full, sometimes without the size or the background, or very short."""
    # The denoiser's small text encoder learns positions from the order in which things are named.
    scene = scene.forward()
    if scene.things[0].size and rng.random() < 0.25:
        scene = replace(scene, things=(replace(scene.things[0], size=""),))
    text = world.caption(scene)
    chance = rng.random()
    if chance < 0.10:
        return text.rsplit(" on a ", 1)[0]
    if chance < 0.13:
        return f"a {scene.background} background"
    if chance < 0.16:
        return f"a {scene.things[0].kind}"
    if chance < 0.19:
        return scene.things[0].colour
    return text


def wrong_scene(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with one attribute changed, so that its caption no longer fits."""
    choices = ["background", "colour", "kind"]
    choices += ["relation", "swap"] if scene.relation else ["size"]
    return _with_wrong(scene, str(rng.choice(choices)), rng)


def hard_wrong_scene(scene: Scene, rng: np.random.Generator) -> Scene:
    """A wrong scene for training: more often wrong in what is hard to see, and never one that is held out.

    A held-out caption that training only uses as a wrong one would score badly for ever.
    """
    choices = ["background", "colour", "kind", "kind", "kind"]
    choices += ["relation", "opposite", "swap", "swap"] if scene.relation else ["size"]
    while True:
        wrong = _with_wrong(scene, str(rng.choice(choices)), rng)
        if not world.is_held_out(wrong) and wrong != scene.mirror():
            return wrong


def _with_wrong(scene: Scene, attribute: str, rng: np.random.Generator) -> Scene:
    if attribute == "background":
        return replace(scene, background=_other(list(world.COLOURS), scene.background, rng))
    if attribute == "relation":
        return replace(scene, relation=_other(list(world.RELATIONS), scene.relation, rng))
    if attribute == "opposite":
        return replace(scene, relation=world.OPPOSITE[scene.relation])
    if attribute == "swap":
        return replace(scene, things=scene.things[::-1])
    index = int(rng.integers(len(scene.things)))
    things = list(scene.things)
    things[index] = _wrong_thing(things[index], attribute, rng)
    return replace(scene, things=tuple(things))


def _wrong_thing(thing: Thing, attribute: str, rng: np.random.Generator) -> Thing:
    if attribute == "colour":
        return replace(thing, colour=_other(list(world.COLOURS), thing.colour, rng))
    if attribute == "size":
        return replace(thing, size=_other(list(world.SIZES), thing.size, rng))
    return replace(thing, kind=_other(list(world.KINDS), thing.kind, rng))


def _other(values: list[str], value: str, rng: np.random.Generator) -> str:
    return str(rng.choice([candidate for candidate in values if candidate != value]))
