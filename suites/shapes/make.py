"""Renders what the shapes suites need: cases, init images, masks, reference images. `python suites/shapes/make.py`.

Everything follows from the seed; running it again changes nothing. The case files it writes are meant to be read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from sdeval.imaging.io import write_png
from sdeval.shapes import world
from sdeval.shapes.world import Place, Scene, Thing

HERE = Path(__file__).parent
CASES = 32
REFERENCES_PER_CASE = 5
STRENGTHS = (0.4, 0.5, 0.6)


def main() -> None:
    """Write everything beside this file."""
    rng = np.random.default_rng(2026)
    write("text2img", text2img(rng))
    write("img2img", img2img(rng))
    write("inpainting", inpainting(rng))


def scenes(rng: np.random.Generator, pairs: int, sizes: tuple[str, ...] = world.SIZES) -> list[Scene]:
    """Distinct scenes: single things first, then `pairs` of two."""
    chosen: dict[str, Scene] = {}
    while len(chosen) < CASES:
        scene = world.random_scene(rng, pairs=1.0 if len(chosen) >= CASES - pairs else 0.0).forward()
        if scene.things[0].size in ("", *sizes):
            chosen.setdefault(world.caption(scene), scene)
    return list(chosen.values())


def text2img(rng: np.random.Generator) -> list[dict[str, object]]:
    """Prompts alone."""
    return [{"id": slug(scene), "prompt": world.caption(scene)} for scene in scenes(rng, pairs=16)]


def img2img(rng: np.random.Generator) -> list[dict[str, object]]:
    """A rendered image, and a prompt that asks for another colour or another shape in its place."""
    cases: list[dict[str, object]] = []
    for number, scene in enumerate(scenes(rng, pairs=12)):
        asked = changed(scene, rng, {case["id"] for case in cases})
        init = world.render(scene, rng)
        image = f"images/img2img-{slug(asked)}.png"
        write_png(HERE / image, init)
        strength = STRENGTHS[number % len(STRENGTHS)]
        cases.append(
            {
                "id": slug(asked),
                "prompt": world.caption(asked),
                "image_prompt": world.caption(scene),
                "image": image,
                "strength": strength,
            }
        )
    return cases


def inpainting(rng: np.random.Generator) -> list[dict[str, object]]:
    """A rendered image, a mask over one thing, and a prompt that puts another thing there."""
    cases: list[dict[str, object]] = []
    # A small thing alone may stand anywhere: the model often puts it where the mask is not.
    for scene in scenes(rng, pairs=16, sizes=("large",)):
        asked = changed(scene, rng, {case["id"] for case in cases})
        places = world.place(scene, rng)
        name = slug(asked)
        write_png(HERE / f"images/inpainting-{name}.png", Image.fromarray(world.paint(scene.background, places)))
        write_png(HERE / f"masks/inpainting-{name}.png", mask_over(places[0]))
        old, new = scene.things[0], asked.things[0]
        alone = Scene(asked.background, (replace(new, size="large"),))
        cases.append(
            {
                "id": name,
                "prompt": world.caption(asked),
                "negative_prompt": f"a {old.colour} {old.kind}",
                "region_prompt": world.caption(alone),
                "image": f"images/inpainting-{name}.png",
                "mask": f"masks/inpainting-{name}.png",
            }
        )
    return cases


def changed(scene: Scene, rng: np.random.Generator, ids: set[object]) -> Scene:
    """The scene with its first thing in a colour that is nowhere in it, or in another shape; an id of its own."""
    while slug(asked := _changed(scene, rng)) in ids:
        pass
    return asked


def _changed(scene: Scene, rng: np.random.Generator) -> Scene:
    first = scene.things[0]
    if rng.random() < 0.6:
        taken = {scene.background, *(thing.colour for thing in scene.things)}
        new = Thing(str(rng.choice([each for each in world.COLOURS if each not in taken])), first.kind, first.size)
    else:
        new = Thing(first.colour, str(rng.choice([each for each in world.KINDS if each != first.kind])), first.size)
    return replace(scene, things=(new, *scene.things[1:]))


def mask_over(spot: Place) -> Image.Image:
    """A white box around a thing, on the grid of the latents (8 pixels)."""
    levels = np.zeros((world.SIZE, world.SIZE), dtype=np.uint8)
    reach = spot.radius + 2
    left, top = (max(0, int((centre - reach) // 8 * 8)) for centre in (spot.x, spot.y))
    right, bottom = (min(world.SIZE, int(-(-(centre + reach) // 8) * 8)) for centre in (spot.x, spot.y))
    levels[top:bottom, left:right] = 255
    return Image.fromarray(levels)


def slug(scene: Scene) -> str:
    """A scene as a case id."""
    words = world.caption(scene).removesuffix(" background").split()
    return "-".join(word for word in words if word != "a")


def write(task: str, cases: list[dict[str, object]]) -> None:
    """Write the case file of a task and reference images of what its prompts ask for."""
    head = f"# Cases of the shapes suite for {task}, written by make.py; edit them there.\n"
    text = yaml.safe_dump(cases, sort_keys=False, allow_unicode=True, width=1000)
    (HERE / f"{task}.yaml").write_text(head + text.replace("\n- id", "\n\n- id"), encoding="utf-8")
    rng = np.random.default_rng(31)
    for case in cases:
        scene = world.parse(str(case["prompt"]))
        for number in range(REFERENCES_PER_CASE):
            write_png(HERE / "references" / task / f"{case['id']}-{number}.png", world.render(scene, rng))


if __name__ == "__main__":
    main()
