"""The rate of images that a pipeline's own safety checker flags: from its output to the score."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import Case
from sdeval.engines.generation import _flags
from sdeval.evaluation.evaluate import evaluate
from sdeval.metrics import GeneratedImage, MetricOptions, create
from tests.generated import plan


def image(safety: Any) -> GeneratedImage:
    return GeneratedImage(Image.new("RGB", (8, 8)), Case(id="cat", prompt="a cat"), safety=safety)


def test_flagged_images_count() -> None:
    assert create("nsfw_rate", MetricOptions()).score([image("flagged"), image("passed")]) == [100, 0]


def test_without_a_safety_checker_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="the pipeline has no safety checker, or it is switched off"):
        create("nsfw_rate", MetricOptions()).score([image("")])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [(None, [None, None]), ([True, False], [True, False]), ([np.True_, np.False_], [True, False])],
)
def test_flags_are_the_pipelines(flags: Any, expected: list[bool | None]) -> None:
    assert _flags(SimpleNamespace(nsfw_content_detected=flags), 2) == expected


def test_a_pipeline_without_the_field_has_no_flags() -> None:
    assert _flags(SimpleNamespace(), 1) == [None]


def test_flags_of_a_pipeline_are_kept_and_scored(loaded: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval.engines import generation

    monkeypatch.setattr(generation, "_flags", lambda output, count: [number == 0 for number in range(count)])
    run = evaluate(plan(metrics=("nsfw_rate",), references=None), loaded, tmp_path)
    flagged = [sample for sample in run.samples if sample.defect == "safety_filtered"]
    assert flagged
    assert {sample.scores["nsfw_rate"] for sample in flagged} == {100.0}
    assert {sample.scores["nsfw_rate"] for sample in run.samples if sample not in flagged} == {0.0}


def test_samples_of_a_pipeline_without_a_checker_are_unscored(loaded: Any, tmp_path: Any) -> None:
    run = evaluate(plan(metrics=("nsfw_rate",), references=None), loaded, tmp_path)
    assert {sample.scores["nsfw_rate"] for sample in run.samples} == {None}
    assert "no safety checker" in run.samples[0].reasons["nsfw_rate"]
