"""Faults of objects: what a suite's detector finds in an image is painted over, or gets another colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image

from sdeval.config.expected_objects import parse_objects
from sdeval.config.suite import Suite
from sdeval.diagnostics.faults.alteration import Alteration, alter_fault
from sdeval.diagnostics.faults.base import Fault
from sdeval.diagnostics.faults.images import each_image
from sdeval.metrics.base import MetricOptions
from sdeval.metrics.object_rules import Box, Detection
from sdeval.metrics.objects import ObjectDetector

MARGIN = 3
"""Pixels around a box that belong to the object's soft edge."""
Paint = Callable[[Image.Image, tuple[int, int, int, int]], None]
"""Changes an area of an image."""


def paint_over(image: Image.Image, bounds: tuple[int, int, int, int]) -> None:
    """An area, and what little of the object reaches beyond it, gets the colour that most of its surroundings has."""
    left, top, right, bottom = bounds
    wider = (
        max(0, left - MARGIN),
        max(0, top - MARGIN),
        min(image.width, right + MARGIN),
        min(image.height, bottom + MARGIN),
    )
    area = np.asarray(image.crop(wider))
    edge = np.concatenate([area[0], area[-1], area[:, 0], area[:, -1]])
    red, green, blue = (int(level) for level in np.median(edge, axis=0))
    image.paste((red, green, blue), wider)


def rotate_colours(image: Image.Image, bounds: tuple[int, int, int, int]) -> None:
    """Red becomes green, green becomes blue, and blue becomes red."""
    red, green, blue = image.crop(bounds).split()
    image.paste(Image.merge("RGB", (blue, red, green)), bounds)


def change_surest(paint: Paint, detector: ObjectDetector, names: tuple[str, ...]) -> Alteration:
    """In each image, the object of which the detector is surest is changed; where it finds none, nothing is.

    Args:
        paint: changes an area.
        detector: finds objects.
        names: of all objects that any case of the suite asks for.
    """

    def change(image: Image.Image) -> Image.Image:
        result = image.convert("RGB")
        found = detector.detect(result, names)
        if found:
            paint(result, _inside(max(found, key=_sureness).box, result.size))
        return result

    return each_image(change)


def _sureness(detection: Detection) -> float:
    return detection.score


def _inside(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box in whole pixels inside an image, a pixel or more wide and high."""
    left, top = (min(max(0, int(value)), edge - 1) for value, edge in zip(box[:2], size, strict=True))
    right, bottom = (min(edge, int(value) + 1) for value, edge in zip(box[2:], size, strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def of_suite(fault: Fault, suite: Suite) -> Fault:
    """A fault of objects for the cases and the detector of a suite.

    Raises:
        NotAvailable: the detector's weights are not on this machine.
        SdevalError: there is no such detector.
    """
    from sdeval.metrics.features.detector import load_detector

    options = MetricOptions.from_suite(suite, "cpu")
    expected = [object_ for case in suite.cases for object_ in parse_objects(case.objects)]
    names = tuple(dict.fromkeys(object_.name for object_ in expected))
    detector = load_detector(options.detector_model, options.detector_threshold, options.device)
    alter = partial(change_surest, _PAINTS[fault.name], detector, names)
    planted = alter_fault(name=fault.name, says=fault.says, alter=alter)
    return replace(fault, plant=planted.plant, around=planted.around)


_PAINTS: dict[str, Paint] = {"object-removed": paint_over, "object-recoloured": rotate_colours}
OBJECTS = (
    alter_fault(
        name="object-removed", says="an object painted over", alter=Alteration, needs_objects=True, of_suite=of_suite
    ),
    alter_fault(
        name="object-recoloured",
        says="an object in another colour",
        alter=Alteration,
        needs_objects=True,
        of_suite=of_suite,
        clear=(),
    ),
)
