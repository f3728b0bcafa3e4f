"""The rendered world of the embedded model: images in which right and wrong can be checked by a program.

A `Scene` says what is to be seen, `caption` puts it into words, `render` makes a 64x64 image of it. Everything
random comes from a `numpy.random.Generator` that the caller seeds, so the same seed renders the same image.

Example:
    >>> scene = parse("a large red circle on a blue background")
    >>> render(scene, np.random.default_rng(0)).size
    (64, 64)
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = 64
"""Edge of an image in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 200, 40),
    "purple": (140, 50, 170),
    "white": (245, 245, 245),
}
KINDS = ("circle", "square", "triangle", "cross")
SIZES = ("large", "small")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATIONS = tuple(OPPOSITE)

Pixels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thing:
    """One shape as the caption names it. `size` is empty where the caption gives none."""

    colour: str
    kind: str
    size: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing, or two things and the relation of the first to the second."""

    background: str
    things: tuple[Thing, ...]
    relation: str = ""

    def mirror(self) -> Scene:
        """The same image told from the other thing ("a left of b" is "b right of a")."""
        if not self.relation:
            return self
        return replace(self, things=self.things[::-1], relation=OPPOSITE[self.relation])

    def forward(self) -> Scene:
        """The same image told from the left or the upper thing."""
        return self.mirror() if self.relation in ("right of", "below") else self


@dataclass(frozen=True, slots=True)
class Place:
    """A thing put somewhere: centre and half-extent in pixels."""

    thing: Thing
    x: float
    y: float
    radius: float


def caption(scene: Scene) -> str:
    """The full caption of a scene, as `parse` reads it."""
    first = _words(scene.things[0])
    if scene.relation:
        first = f"{first} {scene.relation} {_words(scene.things[1])}"
    return f"{first} on a {scene.background} background"


def _words(thing: Thing) -> str:
    return " ".join(word for word in ("a", thing.size, thing.colour, thing.kind) if word)


_THING = rf"a (?:({'|'.join(SIZES)}) )?({'|'.join(COLOURS)}) ({'|'.join(KINDS)})"
_CAPTION = re.compile(rf"{_THING}(?: ({'|'.join(RELATIONS)}) {_THING})? on a ({'|'.join(COLOURS)}) background")


def parse(text: str) -> Scene:
    """Read a full caption back into its scene.

    Raises:
        ValueError: the text is not a caption of this world.
    """
    match = _CAPTION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a caption of the shapes world: {text!r}")
    size, colour, kind, relation, size2, colour2, kind2, background = match.groups()
    things = [Thing(colour, kind, size or "")]
    if relation:
        things.append(Thing(colour2, kind2, size2 or ""))
    return Scene(background, tuple(things), relation or "")


def random_scene(rng: np.random.Generator, pairs: float = 0.5) -> Scene:
    """A scene with every colour different from the others; a share `pairs` of them shows two things."""
    background, first, second = rng.permutation(list(COLOURS))[:3].tolist()
    kinds = rng.choice(KINDS, size=2).tolist()
    if rng.random() < pairs:
        things = (Thing(first, kinds[0]), Thing(second, kinds[1]))
        return Scene(background, things, str(rng.choice(RELATIONS)))
    return Scene(background, (Thing(first, kinds[0], str(rng.choice(SIZES))),))


def is_held_out(scene: Scene) -> bool:
    """Whether training never shows this scene: one in ten, the same whichever way a relation is reported."""
    text = min(caption(scene), caption(scene.mirror()))
    return zlib.crc32(text.encode()) % 10 == 0


def place(scene: Scene, rng: np.random.Generator) -> tuple[Place, ...]:
    """Choose where the things of a scene stand, and how large they are, inside what the caption allows."""
    if not scene.relation:
        thing = scene.things[0]
        size = thing.size or str(rng.choice(SIZES))
        radius = float(rng.uniform(18, 22) if size == "large" else rng.uniform(8, 11))
        low, high = radius + 4, SIZE - radius - 4
        return (Place(thing, float(rng.uniform(low, high)), float(rng.uniform(low, high)), radius),)
    radii = rng.uniform(9.5, 12.0, size=2)
    near, far = rng.uniform(15, 19), rng.uniform(45, 49)
    across = rng.uniform(24, 40) + rng.uniform(-4, 4, size=2)
    ends = (near, far) if scene.relation in ("left of", "above") else (far, near)
    sideways = scene.relation in ("left of", "right of")
    return tuple(
        Place(thing, float(end), float(position), float(radius))
        if sideways
        else Place(thing, float(position), float(end), float(radius))
        for thing, end, position, radius in zip(scene.things, ends, across, radii, strict=True)
    )


def coverage(kind: str, x: float, y: float, radius: float, size: int = SIZE) -> Field:
    """How much of every pixel a shape covers, `[size, size]` in 0..1, antialiased by its signed distance."""
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    return np.clip(0.5 - _distance(kind, columns - x, rows - y, radius), 0.0, 1.0)


def _distance(kind: str, dx: Field, dy: Field, radius: float) -> Field:
    """Signed distance to the outline (negative inside), exact near straight edges."""
    if kind == "circle":
        return np.asarray(np.hypot(dx, dy) - radius)
    if kind == "square":
        return np.asarray(np.maximum(np.abs(dx), np.abs(dy)) - 0.88 * radius)
    if kind == "cross":
        arm = 0.34 * radius
        upright = np.maximum(np.abs(dx) - arm, np.abs(dy) - radius)
        level = np.maximum(np.abs(dx) - radius, np.abs(dy) - arm)
        return np.asarray(np.minimum(upright, level))
    if kind == "triangle":
        # Apex at the top, base 1.8 radii below it and 2 radii wide.
        slope = np.hypot(1.0, 1.8)
        sides = (1.8 * np.abs(dx) - (dy + 0.9 * radius)) / slope
        return np.asarray(np.maximum(sides, dy - 0.9 * radius))
    raise ValueError(f"unknown shape {kind!r}; one of {', '.join(KINDS)}")


def paint(background: str, places: tuple[Place, ...]) -> Pixels:
    """Paint places on a background, later ones over earlier ones: `[64, 64, 3]` uint8."""
    canvas: Field = np.tile(np.array(COLOURS[background], dtype=float), (SIZE, SIZE, 1))
    for spot in places:
        alpha = coverage(spot.thing.kind, spot.x, spot.y, spot.radius)[..., None]
        canvas += alpha * (np.array(COLOURS[spot.thing.colour], dtype=float) - canvas)
    return np.asarray(np.rint(canvas), dtype=np.uint8)


def render(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Render a scene somewhere its caption allows."""
    return Image.fromarray(paint(scene.background, place(scene, rng)))
