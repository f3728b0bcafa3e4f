"""Example cases for models of ordinary images: prompts of many kinds, and rendered landscapes to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sdeval.config.case import Task

SIZE = 512
"""Edge of an init image in pixels."""
HORIZON = 0.62
"""Where the hills begin, as a share of the height."""

PROMPTS = {
    "wooden-boat": "a wooden rowing boat on a calm lake, early morning light",
    "teapot": "a blue enamel teapot on a kitchen windowsill",
    "owl": "a barn owl on a mossy branch, close-up photograph",
    "market": "a fruit market under striped awnings, watercolour",
    "desert-road": "an empty road through a red desert, wide angle",
    "violin": "a violin beside a stack of sheet music, oil painting",
    "snow-hut": "a hut in deep snow with one lit window at night",
    "bicycle": "a green bicycle leaning on a brick wall",
    "two-pears": "two yellow pears on a white plate",
    "old-sailor": "portrait of an old sailor with a grey beard",
    "tram": "a red tram on a rainy street at dusk",
    "paper-crane": "a folded paper crane on a black table, studio light",
}


@dataclass(frozen=True, slots=True)
class Landscape:
    """A flat landscape: a sky, a sun, hills."""

    name: str
    sky: str
    hills: str
    sun: tuple[float, float]
    """Its centre, as shares of width and height."""

    @property
    def sky_with_article(self) -> str:
        """Its colour, as in "an orange" sky."""
        return f"{'an' if self.sky[0] in 'aeiou' else 'a'} {self.sky}"

    @property
    def words(self) -> str:
        """What the image shows."""
        return f"a flat drawing of {self.hills} hills under {self.sky_with_article} sky"


LANDSCAPES = tuple(
    Landscape(f"{hills}-hills-{sky}-sky", sky, hills, (0.2 + 0.05 * number, 0.2 + 0.01 * number))
    for number, (sky, hills) in enumerate(
        (sky, hills) for sky in ("blue", "orange", "pink", "grey") for hills in ("green", "brown", "purple")
    )
)
COLOURS = {
    "blue": (110, 165, 225),
    "orange": (240, 160, 90),
    "pink": (235, 165, 185),
    "grey": (160, 165, 172),
    "green": (70, 130, 65),
    "brown": (135, 95, 60),
    "purple": (105, 75, 135),
}
STYLES = ("an oil painting", "a photograph", "a watercolour", "a pencil drawing")
THINGS = ("red barn", "white windmill", "lone oak tree", "stone tower")


def cases(task: Task) -> Iterator[tuple[dict[str, Any], dict[str, Image.Image]]]:
    """Fields of each case of a task, and its images by name."""
    if task == "text2img":
        yield from (({"id": name, "prompt": prompt}, {}) for name, prompt in PROMPTS.items())
        return
    make = {"img2img": _restyled, "inpainting": _with_thing, "edit": _edited}[task]
    yield from (make(number, landscape) for number, landscape in enumerate(LANDSCAPES))


def _restyled(number: int, landscape: Landscape) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """A landscape in another technique."""
    style, image = STYLES[number % len(STYLES)], f"images/{landscape.name}.png"
    fields = {
        "id": f"{landscape.name}-{style.split()[-1]}",
        "prompt": f"{style} of {landscape.hills} hills under {landscape.sky_with_article} sky",
        "image_prompt": landscape.words,
        "image": image,
        "strength": 0.7,
    }
    return fields, {image: render(landscape)}


def _with_thing(number: int, landscape: Landscape) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """Something on the hills that was not there."""
    thing = THINGS[number % len(THINGS)]
    image, mask = (f"{folder}/{landscape.name}.png" for folder in ("images", "masks"))
    fields = {
        "id": f"{landscape.name}-{thing.replace(' ', '-')}",
        "prompt": f"a {thing} on {landscape.hills} hills under {landscape.sky_with_article} sky",
        "negative_prompt": "blurry, deformed",
        "region_prompt": f"a {thing}",
        "image": image,
        "mask": mask,
    }
    return fields, {image: render(landscape), mask: _middle()}


def _edited(number: int, landscape: Landscape) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """An instruction to put something on the hills."""
    thing, image = THINGS[number % len(THINGS)], f"images/{landscape.name}.png"
    fields = {
        "id": f"{landscape.name}-{thing.replace(' ', '-')}",
        "prompt": f"put a {thing} on the {landscape.hills} hills",
        "image_prompt": landscape.words,
        "edited_prompt": f"{landscape.words}, with a {thing} on the hills",
        "image": image,
    }
    return fields, {image: render(landscape)}


def render(landscape: Landscape) -> Image.Image:
    """The landscape: a sky that brightens towards the horizon, a sun, two rows of hills, and a little grain."""
    rows = np.linspace(0, 1, SIZE)[:, None, None]
    sky = np.array(COLOURS[landscape.sky]) * (0.8 + 0.3 * rows) * np.ones((1, SIZE, 1))
    canvas = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    x, y = (share * SIZE for share in landscape.sun)
    draw.ellipse((x - 38, y - 38, x + 38, y + 38), fill=(255, 240, 200))
    columns = np.arange(SIZE)
    for depth, (shade, waves) in enumerate(((1.25, 2.0), (0.9, 3.0))):
        heights = SIZE * (HORIZON + 0.12 * depth + 0.05 * np.sin(waves * columns / SIZE * np.pi + x))
        colour = tuple(int(min(255, level * shade)) for level in COLOURS[landscape.hills])
        outline = [(0, SIZE), *zip(columns.tolist(), heights.tolist(), strict=True), (SIZE, SIZE)]
        draw.polygon(outline, fill=colour)
    grain = np.random.default_rng(len(landscape.name)).normal(0, 3, (SIZE, SIZE, 1))
    pixels = np.asarray(canvas.filter(ImageFilter.GaussianBlur(1))) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _middle() -> Image.Image:
    """A white box where the hills meet the sky."""
    levels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    levels[SIZE * 3 // 8 : SIZE * 7 // 8, SIZE // 4 : SIZE * 3 // 4] = 255
    return Image.fromarray(levels)
