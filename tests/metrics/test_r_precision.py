from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, Suite
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.r_precision import r_precision
from sdeval.shapes import world

PROMPTS = tuple(f"a large {colour} circle on a white background" for colour in ("red", "green", "blue", "purple"))
SHAPES = MetricOptions(clip_model="shapes", prompts=PROMPTS)


def generated(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


def test_it_is_the_retrieval_of_torchmetrics(rng: np.random.Generator) -> None:
    import torch
    from torchmetrics.functional.retrieval import retrieval_r_precision

    images, texts, own = rng.normal(size=(40, 3)), rng.normal(size=(4, 3)), rng.integers(0, 4, size=40)
    found = r_precision(images, texts, own.tolist())
    for image, index, value in zip(images, own, found, strict=True):
        cosines = [image @ text / np.linalg.norm(image) / np.linalg.norm(text) for text in texts]
        relevant = torch.arange(4) == int(index)
        assert value == 100 * float(retrieval_r_precision(torch.tensor(cosines), relevant))
    assert 0 < np.mean(found) < 100


def test_a_tie_is_not_found() -> None:
    texts = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert r_precision(np.array([[1.0, 0.0]]), texts, [0]) == [0]


def test_one_prompt_can_not_be_told_apart() -> None:
    with pytest.raises(ValueError, match="one distinct prompt: there is nothing to tell it from"):
        r_precision(np.eye(2), np.ones((1, 2)), [0, 0])


def test_the_right_image_picks_its_prompt_and_the_wrong_one_does_not() -> None:
    metric = create("r_precision", SHAPES)
    case = Case(id="a", prompt=PROMPTS[1])
    assert metric.score([GeneratedImage(generated(PROMPTS[1]), case), GeneratedImage(generated(PROMPTS[0]), case)]) == [
        100,
        0,
    ]


def test_prompts_come_from_the_suite_and_count_once() -> None:
    cases = tuple(Case(id=f"case-{number}", prompt=PROMPTS[number % 2]) for number in range(4))
    suite = Suite(name="few", task="text2img", cases=cases, metric_options={"clip_model": "shapes"})
    metric = create("r_precision", MetricOptions.from_suite(suite, "cpu"))
    assert metric.score([GeneratedImage(generated(case.prompt), case) for case in cases]) == [100] * 4


def test_a_suite_of_one_prompt_has_no_score() -> None:
    metric = create("r_precision", replace(SHAPES, prompts=PROMPTS[:1]))
    with pytest.raises(ValueError, match="one distinct prompt"):
        metric.score([GeneratedImage(generated(PROMPTS[0]), Case(id="a", prompt=PROMPTS[0]))])


def test_other_prompts_are_another_version_and_their_order_is_not() -> None:
    versions = [
        create("r_precision", replace(SHAPES, prompts=each)).version for each in (PROMPTS, PROMPTS[::-1], PROMPTS[1:])
    ]
    assert versions[0] == versions[1] != versions[2]
