"""What a case says of the objects that an image shall show, in words: `4 bus`, `red cake`, `couch left of toaster`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sdeval._utils.validation import preview

Position = Literal["left of", "right of", "above", "below"]
POSITIONS: tuple[Position, ...] = get_args(Position)
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
"""Those of GenEval."""

_NAME = r'"[^"]+"|[^"]+?'
_RULE = re.compile(
    rf"(?:(?P<count>[1-9][0-9]?)(?P<more>\+?)\s+)?(?:(?P<color>{'|'.join(COLORS)})\s+)?(?P<name>{_NAME})"
    rf"(?:\s+(?P<position>{'|'.join(POSITIONS)})\s+(?P<other>{_NAME}))?"
)


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """One kind of object, and what is expected of it."""

    name: str
    """As the detector calls it."""
    count: int = 1
    """As many at least."""
    exact: bool = False
    """Whether more of them are wrong."""
    color: str = ""
    position: Position | None = None
    other: str = ""
    """The object that it is left of, right of, above or below."""

    def __str__(self) -> str:
        number = f"{self.count} " if self.exact else f"{self.count}+ " if self.count > 1 else ""
        color = f"{self.color} " if self.color else ""
        place = f" {self.position} {_quoted(self.other)}" if self.position else ""
        return f"{number}{color}{_quoted(self.name)}{place}"


def _quoted(name: str) -> str:
    """A name; in quotes where it would be read as something else."""
    match = _RULE.fullmatch(name)
    return name if match and match["name"] == name else f'"{name}"'


def parse_object(text: str) -> ExpectedObject:
    """What a text says.

    Example:
        >>> parse_object("4 bus")
        ExpectedObject(name='bus', count=4, exact=True, color='', position=None, other='')
        >>> str(parse_object("2+ red cup above table"))
        '2+ red cup above table'

    Raises:
        ValueError: it is none.
    """
    match = _RULE.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(
            f"{preview(text)} names no object; write such as 'bus', '4 bus', 'red cake', 'cup above table'"
        )
    exact = bool(match["count"]) and not match["more"]
    position = next((name for name in POSITIONS if name == match["position"]), None)
    name, other = (match[part].strip('"') if match[part] else "" for part in ("name", "other"))
    return ExpectedObject(name, int(match["count"] or 1), exact, match["color"] or "", position, other)


def parse_objects(texts: Sequence[str]) -> tuple[ExpectedObject, ...]:
    """What the texts of a case say together.

    Raises:
        ValueError: one of them says nothing, or is beside an object that no other one names.
    """
    objects = tuple(map(parse_object, texts))
    names = {expected.name for expected in objects}
    for expected in objects:
        if expected.position and expected.other not in names - {expected.name}:
            raise ValueError(f"{preview(str(expected))} names {expected.other!r}, which must be an object of its own")
    return objects
