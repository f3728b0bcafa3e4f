"""Reads an image of the rendered world back into words by looking only at its pixels. No model, no learning.

Example:
    >>> image = world.render(world.parse("a large red circle on a blue background"), np.random.default_rng(0))
    >>> read(image).background
    'blue'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from sdeval.shapes import world
from sdeval.shapes.world import Scene, Thing

MIN_AREA = 24
"""Pixels a patch of one colour must have to count as a thing; edges and specks have fewer."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """A thing found in an image. `overlap` is the intersection over union with the ideal shape, 0..1."""

    colour: str
    kind: str
    x: float
    y: float
    area: int
    overlap: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What an image shows; things by falling area."""

    background: str
    things: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Marks:
    """How an image answers its caption. `relation` is None where the caption tells none."""

    background: bool
    colours: bool
    kinds: tuple[bool, ...]
    relation: bool | None

    @property
    def all_right(self) -> bool:
        """Every attribute is as asked."""
        return self.background and self.colours and all(self.kinds) and self.relation is not False


def read(image: Image.Image) -> Reading:
    """Background, colours, shapes and positions of a 64x64 image."""
    pixels = np.asarray(image.convert("RGB"), dtype=float)
    palette = np.array(list(world.COLOURS.values()), dtype=float)
    nearest = ((pixels[:, :, None] - palette) ** 2).sum(axis=-1).argmin(axis=-1)
    border = np.concatenate(
        [nearest[:2].ravel(), nearest[-2:].ravel(), nearest[:, :2].ravel(), nearest[:, -2:].ravel()]
    )
    background = int(np.bincount(border, minlength=len(palette)).argmax())
    names = list(world.COLOURS)
    things = [
        _describe(patch, names[colour], pixels, palette[background], palette[colour])
        for colour in range(len(palette))
        if colour != background
        for patch in _patches(nearest == colour)
    ]
    return Reading(names[background], tuple(sorted(things, key=lambda thing: -thing.area)))


def _patches(mask: Mask) -> list[Mask]:
    """Connected areas of a mask that are more than an edge or a speck."""
    labels, count = ndimage.label(ndimage.binary_opening(mask, np.ones((3, 3))))
    patches = [labels == index for index in range(1, count + 1)]
    return [patch for patch in patches if patch.sum() >= MIN_AREA]


def _describe(patch: Mask, colour: str, pixels: world.Field, ground: world.Field, ink: world.Field) -> Seen:
    """Take back the soft edge of a patch, then fit every ideal shape to its bounding box."""
    near = ndimage.binary_dilation(patch, iterations=2)
    share = (pixels - ground) @ (ink - ground) / ((ink - ground) @ (ink - ground))
    shape = near & (share > 0.5)
    rows, columns = np.nonzero(shape)
    y, x = (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    fits = {kind: _overlap(shape, kind, x, y, width, height) for kind in world.KINDS}
    best = max(fits, key=lambda kind: fits[kind])
    return Seen(colour, best, float(columns.mean() + 0.5), float(rows.mean() + 0.5), int(shape.sum()), fits[best])


def _overlap(shape: Mask, kind: str, x: float, y: float, width: int, height: int) -> float:
    if kind == "triangle":
        radius = (width / 2 + height / 1.8) / 2
    else:
        radius = (width + height) / 4 / (0.88 if kind == "square" else 1.0)
    ideal = world.coverage(kind, x, y, radius) > 0.5
    return float((shape & ideal).sum() / (shape | ideal).sum())


def mark(scene: Scene, image: Image.Image) -> Marks:
    """Compare an image with the scene it should show."""
    reading = read(image)
    by_colour = {thing.colour: thing for thing in reversed(reading.things)}
    return Marks(
        background=reading.background == scene.background,
        colours={thing.colour for thing in reading.things} == {thing.colour for thing in scene.things},
        kinds=tuple(_kind_is_right(thing, by_colour.get(thing.colour)) for thing in scene.things),
        relation=_relation_holds(scene, by_colour) if scene.relation else None,
    )


def _kind_is_right(request: Thing, thing: Seen | None) -> bool:
    return thing is not None and thing.kind == request.kind


def _relation_holds(scene: Scene, by_colour: dict[str, Seen]) -> bool:
    first, second = (by_colour.get(thing.colour) for thing in scene.things)
    if first is None or second is None:
        return False
    right, down = second.x - first.x, second.y - first.y
    if abs(right) > abs(down):
        return scene.relation == ("left of" if right > 0 else "right of")
    return scene.relation == ("above" if down > 0 else "below")
