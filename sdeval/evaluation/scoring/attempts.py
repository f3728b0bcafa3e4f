"""Asks metrics and extractors, which may be anybody's program, for a value of each image, or says why it has none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sdeval.engines.attempt import attempt
from sdeval.errors import CallFailed, plural
from sdeval.metrics import MetricInfo

SLACK = 1e-3
"""Rounding may push a perfect score a hair beyond its range."""
Image = TypeVar("Image")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class NoValue:
    """Stands for the value of an image that has none."""

    reason: str


def attempt_all(
    call: Callable[[Sequence[Image]], Iterable[Value]], images: Sequence[Image], noun: str
) -> list[Value] | NoValue:
    """One value for each image, or why there is none of any.

    Args:
        call: takes all the images.
        images: at least one.
        noun: what the values are called in the reason.
    """
    try:
        values = attempt(lambda: list(call(images)))
    except CallFailed as error:
        return NoValue(str(error))
    if len(values) != len(images):
        return NoValue(f"gave {len(values)} {noun} for {plural(len(images), 'image')}")
    return values


def attempt_each(
    call: Callable[[Sequence[Image]], Iterable[Value]], images: Sequence[Image], noun: str
) -> list[Value | NoValue]:
    """One value for each image, or why it has none: where all together fail, each is tried by itself."""
    if not images:
        return []
    values = attempt_all(call, images, noun)
    if not isinstance(values, NoValue):
        return list(values)
    if len(images) == 1:
        return [values]
    return [outcome for image in images for outcome in attempt_each(call, [image], noun)]


def check_score(value: float, info: MetricInfo) -> float | NoValue:
    """A score, or why it is none."""
    low, high = info.range
    if math.isfinite(value) and low - SLACK <= value <= high + SLACK:
        return float(value)
    return NoValue(f"the score is {value}, not within {low:g} to {high:g}")
