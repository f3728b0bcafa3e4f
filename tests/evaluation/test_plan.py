"""Sizes and strengths that no pipeline generates are refused before anything is generated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdeval import Case, SdevalError, Suite
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.engine import check_request
from sdeval.evaluation.plan import check_ranges


def suite(folder: Path, task: Any, strength: float | None = None, **settings: Any) -> Suite:
    image = folder / "image.png"
    Image.new("RGB", (64, 64)).save(image)
    case = Case(
        id="cat",
        prompt="a cat",
        image=None if task == "text2img" else image,
        strength=strength,
        origin="cases.yaml:3",
    )
    return Suite(name="animals", task=task, cases=(case,), settings=settings)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"width": 100, "height": 64}, "width: must be a multiple of 8, got 100"),
        ({"width": 64, "height": -8}, "height: must be a multiple of 8, got -8"),
        ({"width": 64}, "width has no effect by itself; give width and height"),
    ],
)
def test_a_size_that_no_pipeline_generates_is_refused(tmp_path: Path, size: dict[str, int], message: str) -> None:
    with pytest.raises(SdevalError, match=f"^animals on shapes: settings: {message}"):
        check_ranges(suite(tmp_path, "text2img"), shipped_targets()["shapes"].with_values(size))


def test_a_strength_of_a_target_is_not_blamed_on_the_case_file(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"^animals on shapes: settings: strength: must be above 0 .*, got 2$"):
        check_ranges(suite(tmp_path, "img2img", 0.5), shipped_targets()["shapes"].with_values({"strength": 2}))


@pytest.mark.parametrize(
    ("own", "values", "where"),
    [
        (0.2, {}, r"cases\.yaml:3"),
        (0.9, {"strength": 0.2}, r"settings \(case cat\)"),
        (0.2, {"num_inference_steps": 4}, r"settings \(case cat\)"),
    ],
)
def test_a_strength_that_leaves_no_step_is_named_where_it_was_set(
    tmp_path: Path, own: float, values: dict[str, float], where: str
) -> None:
    with pytest.raises(
        SdevalError, match=rf"^target shapes: .*{where}: strength: 0\.2 of 4 steps is less than one; raise either"
    ):
        check_request(
            shipped_targets()["shapes"].with_values(values), suite(tmp_path, "img2img", own, num_inference_steps=4)
        )


def test_what_can_be_generated_passes(tmp_path: Path) -> None:
    check_ranges(suite(tmp_path, "img2img", 0.25, num_inference_steps=4), shipped_targets()["shapes"])
    check_ranges(suite(tmp_path, "text2img", width=64, height=32), shipped_targets()["shapes"])
