"""Whether the objects in an image are those that were asked for, by the rules of GenEval. Pure: no image, no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sdeval.config.expected_objects import ExpectedObject, Position

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""
MOST = 16
"""Objects of a kind that count: those of which the detector is surest."""
DEAD_ZONE = 0.1
"""Centres that are no further apart than this share of both boxes' edges together are in the same place."""
LEAN = 0.5
"""From this part of the distance on, an object lies in a direction."""


@dataclass(frozen=True, slots=True)
class Detection:
    """An object that was found in an image."""

    name: str
    box: Box
    score: float
    """How sure the detector is, 0 to 1."""


ColorOf = Callable[[Detection], str]
"""Names the colour of an object."""


def mistakes(expected: Sequence[ExpectedObject], found: Sequence[Detection], color_of: ColorOf) -> list[str]:
    """What is wrong with the objects of an image, in words; nothing where all are as asked.

    Args:
        expected: by the case.
        found: in the image.
        color_of: asked of objects whose colour counts.
    """
    by_name = {object_.name: _surest(found, object_.name) for object_ in expected}
    return [mistake for object_ in expected if (mistake := _mistake(object_, by_name, color_of))]


def _surest(found: Sequence[Detection], name: str) -> list[Detection]:
    named = sorted((one for one in found if one.name == name), key=lambda one: -one.score)
    return named[:MOST]


def _mistake(expected: ExpectedObject, by_name: Mapping[str, Sequence[Detection]], color_of: ColorOf) -> str:
    found = by_name[expected.name]
    if len(found) < expected.count or (expected.exact and len(found) > expected.count):
        return f"{expected}: found {len(found)}"
    found = found[: expected.count]
    if expected.color:
        colors = [color_of(one) for one in found]
        if any(color != expected.color for color in colors):
            return f"{expected}: found {', '.join(colors)}"
    if expected.position:
        others = by_name[expected.other]
        # As in GenEval, each of the objects must lie there, seen from any of the others.
        if not all(any(expected.position in positions(one.box, other.box) for other in others) for one in found):
            return f"{expected}: is elsewhere" if others else f"{expected}: found 0 {expected.other}"
    return ""


def positions(box: Box, other: Box) -> set[Position]:
    """Where a box lies, seen from another one; nowhere where their centres are too near."""
    offsets = [(box[axis] + box[axis + 2] - other[axis] - other[axis + 2]) / 2 for axis in (0, 1)]
    edges = [box[axis + 2] - box[axis] + other[axis + 2] - other[axis] for axis in (0, 1)]
    rest = [
        max(abs(offset) - DEAD_ZONE * edge, 0.0) * (1 if offset > 0 else -1)
        for offset, edge in zip(offsets, edges, strict=True)
    ]
    distance = (offsets[0] ** 2 + offsets[1] ** 2) ** 0.5
    if not any(rest):
        return set()
    x, y = (value / distance for value in rest)
    directions: dict[Position, bool] = {
        "left of": x < -LEAN,
        "right of": x > LEAN,
        "above": y < -LEAN,
        "below": y > LEAN,
    }
    return {position for position, holds in directions.items() if holds}
