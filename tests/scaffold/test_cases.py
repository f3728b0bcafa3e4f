from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdeval import Suite, load_cases
from sdeval.config.case import TASKS, Task
from sdeval.imaging.io import open_rgb, painted_share
from sdeval.scaffold.cases import COUNT, example_cases
from sdeval.scaffold.choices import SHAPES_SETTINGS
from sdeval.shapes import world


def suite(folder: Path, task: Task, *, shapes: bool) -> Suite:
    """The cases as somebody reads them who has written them."""
    examples = example_cases(task, shapes=shapes)
    (folder / "cases.yaml").write_text(examples.yaml("# head\n"), encoding="utf-8")
    for name, content in examples.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return Suite(name="examples", task=task, cases=load_cases(folder / "cases.yaml"))


@pytest.mark.parametrize("shapes", [True, False])
@pytest.mark.parametrize("task", TASKS)
def test_there_are_enough_cases_to_show_a_regression(tmp_path: Path, task: Task, shapes: bool) -> None:
    cases = suite(tmp_path, task, shapes=shapes).cases
    assert len(cases) == COUNT >= 12
    assert len({case.prompt for case in cases}) == COUNT


@pytest.mark.parametrize("task", TASKS)
def test_they_are_the_same_every_time(task: Task) -> None:
    assert example_cases(task, shapes=True) == example_cases(task, shapes=True)
    assert example_cases(task, shapes=False) == example_cases(task, shapes=False)


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_the_embedded_model_knows_every_word(tmp_path: Path, task: Task) -> None:
    for case in suite(tmp_path, task, shapes=True).cases:
        assert world.parse(case.prompt)
        assert not case.image_prompt or world.parse(case.image_prompt)


@pytest.mark.parametrize("shapes", [True, False])
def test_images_and_masks_are_sound(tmp_path: Path, shapes: bool) -> None:
    for case in suite(tmp_path, "inpainting", shapes=shapes).cases:
        assert case.image
        assert case.mask
        assert np.asarray(open_rgb(case.image), dtype=float).std() > 10
        assert 0.05 < painted_share(case.mask) < 0.8
