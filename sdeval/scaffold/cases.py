"""Example cases for each task, with the images and masks that they need: rendered here, from a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import yaml
from PIL import Image

from sdeval.config.case import Task
from sdeval.imaging.io import png_bytes
from sdeval.scaffold import landscapes
from sdeval.shapes import world
from sdeval.shapes.world import Place, Scene, Thing

COUNT = 12
"""Cases of a suite that is written: fewer than ten cannot show a regression beside several metrics."""
SEED = 2026
LATENT = 8
"""Pixels of one latent: edges of masks lie on their grid."""


@dataclass(frozen=True, slots=True)
class ExampleCases:
    """The cases of a suite, and the files that they name."""

    fields: tuple[Mapping[str, Any], ...]
    files: Mapping[str, bytes]
    """Contents by name, seen from the folder of the case file."""

    def yaml(self, head: str) -> str:
        """The case file.

        Args:
            head: comment lines at its top.
        """
        text = yaml.safe_dump(list(map(dict, self.fields)), sort_keys=False, allow_unicode=True, width=1000)
        return f"{head}{text}".replace("\n- id", "\n\n- id")


def example_cases(task: Task, *, shapes: bool) -> ExampleCases:
    """Twelve cases of a task.

    Args:
        task: of the suite.
        shapes: whether they are for the embedded model, which knows only coloured shapes.
    """
    makers = {"text2img": _text2img, "img2img": _img2img, "inpainting": _inpainting}
    # Nothing of the embedded model edits by instructions.
    made = list(makers[task]() if shapes and task in makers else landscapes.cases(task))
    files = {name: png_bytes(image) for _, images in made for name, image in images.items()}
    return ExampleCases(tuple(fields for fields, _ in made), files)


Made = tuple[dict[str, Any], dict[str, Image.Image]]
"""The fields of a case, and its images by name."""


def _text2img() -> Iterator[Made]:
    for scene in _scenes(np.random.default_rng(SEED)):
        yield {"id": _slug(scene), "prompt": world.caption(scene)}, {}


def _img2img() -> Iterator[Made]:
    """A rendered shape, and a prompt that asks for it in another colour."""
    rng = np.random.default_rng(SEED)
    for scene in _scenes(rng):
        wanted = _recoloured(scene, rng)
        image = f"images/{_slug(scene)}.png"
        fields = {
            "id": f"{_slug(scene)}-to-{wanted.things[0].colour}",
            "prompt": world.caption(wanted),
            "image_prompt": world.caption(scene),
            "image": image,
            "strength": 0.6,
        }
        yield fields, {image: world.render(scene, rng)}


def _inpainting() -> Iterator[Made]:
    """A rendered shape with a mask over it, and a prompt that puts it there in another colour."""
    rng = np.random.default_rng(SEED)
    for scene in _scenes(rng):
        wanted, (spot, *_) = _recoloured(scene, rng), world.place(scene, rng)
        image, mask = (f"{folder}/{_slug(scene)}.png" for folder in ("images", "masks"))
        fields = {
            "id": f"{_slug(scene)}-to-{wanted.things[0].colour}",
            "prompt": world.caption(wanted),
            "negative_prompt": f"a {scene.things[0].colour} {scene.things[0].kind}",
            "region_prompt": world.caption(wanted),
            "image": image,
            "mask": mask,
        }
        yield fields, {image: Image.fromarray(world.paint(scene.background, (spot,))), mask: _mask_over(spot)}


def _scenes(rng: np.random.Generator) -> list[Scene]:
    """Distinct single large shapes: what the model generates most reliably."""
    chosen: dict[str, Scene] = {}
    while len(chosen) < COUNT:
        scene = world.random_scene(rng, pairs=0.0)
        if scene.things[0].size == "large":
            chosen.setdefault(world.caption(scene), scene)
    return list(chosen.values())


def _recoloured(scene: Scene, rng: np.random.Generator) -> Scene:
    (thing,) = scene.things
    others = [colour for colour in world.COLOURS if colour not in (thing.colour, scene.background)]
    return replace(scene, things=(Thing(str(rng.choice(others)), thing.kind, thing.size),))


def _mask_over(spot: Place) -> Image.Image:
    """A white box around a shape, on the grid of the latents."""
    levels = np.zeros((world.SIZE, world.SIZE), dtype=np.uint8)
    reach = spot.radius + 2
    left, top = (max(0, int((centre - reach) // LATENT * LATENT)) for centre in (spot.x, spot.y))
    right, bottom = (min(world.SIZE, int(-(-(centre + reach) // LATENT) * LATENT)) for centre in (spot.x, spot.y))
    levels[top:bottom, left:right] = 255
    return Image.fromarray(levels)


def _slug(scene: Scene) -> str:
    words = world.caption(scene).removesuffix(" background").split()
    return "-".join(word for word in words if word != "a")
