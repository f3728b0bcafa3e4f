"""Faults of objects: planted into scenes whose objects are known, and seen by the metric that asks for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from benchmarks.metric_faults import WorldColors, WorldDetector, altered, scenes_bench
from sdeval import Case, NotAvailable, SdevalError, Suite
from sdeval.diagnostics.faults import objects as faults
from sdeval.diagnostics.faults.objects import Paint, change_surest, paint_over, rotate_colours
from sdeval.diagnostics.sensitivity import select_faults
from sdeval.metrics.objects import Objects
from sdeval.shapes import oracle, world

OBJECT_FAULTS = {"object-removed", "object-recoloured"}


def planted(image: Image.Image, paint: Paint) -> Image.Image:
    return altered(image, change_surest(paint, WorldDetector(), world.KINDS))


def scene() -> Image.Image:
    return world.render(world.parse("a large red circle on a blue background"), np.random.default_rng(0))


def test_a_removed_object_is_not_there_any_more() -> None:
    assert [thing.kind for thing in oracle.read(scene()).things] == ["circle"]
    assert oracle.read(planted(scene(), paint_over)).things == ()


def test_an_object_of_another_colour_has_its_shape_still() -> None:
    (thing,) = oracle.read(planted(scene(), rotate_colours)).things[:1]
    assert thing.colour != "red"


@pytest.mark.parametrize("paint", [paint_over, rotate_colours])
def test_an_image_without_objects_stays_as_it_is(paint: Paint) -> None:
    empty = Image.new("RGB", (64, 64), world.COLOURS["blue"])
    assert planted(empty, paint).tobytes() == empty.tobytes()


@pytest.mark.parametrize("paint", [paint_over, rotate_colours])
def test_the_metric_of_objects_sees_them(paint: Paint) -> None:
    metric = Objects(WorldDetector(), WorldColors())
    pictures = scenes_bench(4, seeds=1).sound
    assert metric.score(pictures) == [100.0] * 4
    changed = [type(one)(planted(one.image, paint), one.case) for one in pictures]
    assert metric.score(changed) == [0.0] * 4


@pytest.mark.parametrize(
    "box", [(-9.0, -9.0, 3.0, 3.0), (60.0, 60.0, 99.0, 99.0), (70.0, 70.0, 80.0, 80.0), (5.0, 5.0, 5.0, 5.0)]
)
@pytest.mark.parametrize("paint", [paint_over, rotate_colours])
def test_boxes_beyond_the_image_are_cut(box: tuple[float, float, float, float], paint: Paint) -> None:
    image = scene()
    paint(image, faults._inside(box, image.size))
    assert image.size == (64, 64)


def suite(*metrics: str, objects: tuple[str, ...] = ("red circle",), task: str = "text2img") -> Suite:
    case = Case(id="one", prompt="a red circle", objects=objects)
    return Suite(name="few", task=task, cases=(case,), metrics=metrics or ("objects",))


def use(detector: object) -> Callable[..., object]:
    return lambda *options: detector


def names(suite: Suite) -> set[str]:
    return {fault.name for fault in select_faults([], suite)}


def test_they_are_planted_where_a_suite_asks_for_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdeval.metrics.features.detector.load_detector", use(WorldDetector()))
    assert names(suite()) >= OBJECT_FAULTS
    assert not names(suite("sharpness")) & OBJECT_FAULTS
    assert not names(suite("sharpness", objects=())) & OBJECT_FAULTS


def test_the_suite_s_own_detector_finds_what_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdeval.metrics.features.detector.load_detector", use(WorldDetector()))
    (fault,) = select_faults(["object-removed"], suite("sharpness"), in_pipeline=False)
    assert fault.around is not None
    (other,) = select_faults(["object-removed"], suite("sharpness", objects=("cross",)), in_pipeline=False)
    assert fault.around is not other.around


def test_without_a_detector_they_are_refused() -> None:
    with pytest.raises(NotAvailable, match="detector_model google/owlv2-base-patch16-ensemble is not on this machine"):
        select_faults(["object-removed"], suite("sharpness"))


def test_without_objects_they_are_refused() -> None:
    with pytest.raises(
        SdevalError, match="fault object-removed changes what `objects` names, and no case of few has any"
    ):
        select_faults(["object-removed"], suite("sharpness", objects=()))
