"""What a scene shows, as numbers that do not depend on its wording: the left or upper thing always comes first."""

from __future__ import annotations

import torch

from sdeval.shapes import world
from sdeval.shapes.world import Scene

_COLOURS, _KINDS = list(world.COLOURS), list(world.KINDS)
_LAYOUTS = ["large", "small", "", "left of", "above"]

SIZES = [len(_COLOURS), len(_LAYOUTS), len(_COLOURS), len(_KINDS), len(_COLOURS) + 1, len(_KINDS) + 1]
"""Number of values of each attribute: background, layout, colour and kind of the first thing and of the second."""


def table(scenes: list[Scene]) -> torch.Tensor:
    """`[scenes, attributes]`."""
    return torch.tensor([_row(scene) for scene in scenes])


def _row(scene: Scene) -> list[int]:
    scene = scene.forward()
    first = scene.things[0]
    second = scene.things[1] if scene.relation else None
    return [
        _COLOURS.index(scene.background),
        _LAYOUTS.index(scene.relation or first.size),
        _COLOURS.index(first.colour),
        _KINDS.index(first.kind),
        _COLOURS.index(second.colour) if second else len(_COLOURS),
        _KINDS.index(second.kind) if second else len(_KINDS),
    ]
