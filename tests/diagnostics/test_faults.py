"""Every fault does what it says while it is planted, and nothing afterwards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdeval import Case, Sample
from sdeval.config.case import Task
from sdeval.diagnostics.faults import CONTROLS, FAULTS, Fault
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generation import generate_batch
from tests.conftest import ROOT

SETTINGS = {"num_inference_steps": 4}


def batch(task: Task) -> list[Sample]:
    from sdeval import load_cases

    return [Sample(case, 1) for case in load_cases(ROOT / "suites" / "shapes" / f"{task}.yaml")[:4:3]]


def pixels(loaded: LoadedTarget, task: Task) -> np.ndarray:
    settings = {**SETTINGS, **({"width": 64, "height": 64} if task == "text2img" else {})}
    return np.stack([np.asarray(each.image) for each in generate_batch(loaded.pipeline(task), batch(task), settings)])


# Those of writing and of objects do nothing to images without any; `test_text_faults`, `test_object_faults` plant them.
# The embedded model does not edit; `test_every_kind_of_target` plants what only edits have.
OF_SHAPES = [
    fault
    for fault in (*FAULTS.values(), *CONTROLS.values())
    if not (fault.needs_text or fault.needs_objects or fault.tasks == ("edit",))
]


@pytest.mark.parametrize("fault", OF_SHAPES, ids=lambda fault: fault.name)
def test_images_change_while_it_is_planted_and_only_then(loaded: LoadedTarget, fault: Fault) -> None:
    task = fault.tasks[0]
    pipeline = loaded.pipeline(task)
    before = pixels(loaded, task)
    with fault.plant(pipeline):
        during = [pixels(loaded, task) for _ in range(10 if "black" in fault.name or "some" in fault.name else 1)]
    if fault.name in CONTROLS:
        assert during[-1].shape == before.shape
    else:
        assert any(not np.array_equal(each, before) for each in during)
    assert np.array_equal(pixels(loaded, task), before)


def test_one_image_in_ten_is_black(loaded: LoadedTarget) -> None:
    pipeline = loaded.pipeline("text2img")
    samples = [Sample(Case(id="a", prompt="a red circle"), seed) for seed in range(5)]
    with FAULTS["one-in-ten-black"].plant(pipeline):
        generated = [generate_batch(pipeline, samples, {**SETTINGS, "width": 64, "height": 64}) for _ in range(4)]
    black = [not np.asarray(each.image).any() for group in generated for each in group]
    assert [index for index, is_black in enumerate(black) if is_black] == [9, 19]


def test_swapped_colours_are_swapped(loaded: LoadedTarget) -> None:
    before = pixels(loaded, "text2img")
    with FAULTS["red-and-blue-swapped"].plant(loaded.pipeline("text2img")):
        assert np.array_equal(pixels(loaded, "text2img"), before[..., ::-1])


def test_the_mended_pipeline_is_of_its_own_class_again(loaded: LoadedTarget) -> None:
    pipeline = loaded.pipeline("text2img")
    kind = type(pipeline)
    with FAULTS["prompts-shuffled"].plant(pipeline):
        assert type(pipeline) is not kind
    assert type(pipeline) is kind


def test_few_steps_are_one_at_least_where_little_of_an_image_is_generated() -> None:
    given: dict[str, Any] = {}

    class Pipeline:
        def __call__(self, **arguments: Any) -> Any:
            given.update(arguments)
            return SimpleNamespace(images=[])

    pipeline = Pipeline()
    with FAULTS["steps-2"].plant(pipeline):
        pipeline(strength=0.4)
        assert given["num_inference_steps"] == 3
        pipeline(strength=1.0)
        assert given["num_inference_steps"] == 2
