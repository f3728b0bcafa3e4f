from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.directional_clip import directional_clip
from sdeval.shapes import world

SHAPES = MetricOptions(clip_model="shapes")
CASE = Case(
    id="a",
    prompt="a large green circle on a blue background",
    image_prompt="a large red circle on a blue background",
)


def generated(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


INIT = generated(CASE.image_prompt)


def score(caption: str, case: Case = CASE, init: Image.Image | None = INIT) -> float:
    return create("directional_clip", SHAPES).score([GeneratedImage(generated(caption), case, init=init)])[0]


def test_the_formula_is_that_of_torch(rng: np.random.Generator) -> None:
    import torch
    from torch.nn.functional import cosine_similarity, normalize

    values = [rng.normal(size=(5, 8)).astype(np.float32) for _ in range(4)]
    image, init, text, init_text = (normalize(torch.from_numpy(each)) for each in values)
    expected = 100 * cosine_similarity(image - init, text - init_text)
    assert directional_clip(*values) == pytest.approx(expected.tolist(), abs=1e-3)


def test_the_same_change_is_100_and_the_opposite_minus_100() -> None:
    one, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert directional_clip(one, other, one, other) == pytest.approx([100])
    assert directional_clip(one, other, other, one) == pytest.approx([-100])


def test_the_length_of_features_does_not_matter(rng: np.random.Generator) -> None:
    values = [rng.normal(size=(3, 8)) for _ in range(4)]
    scaled = [each * factor for each, factor in zip(values, (2, 3, 5, 7), strict=True)]
    assert directional_clip(*scaled) == pytest.approx(directional_clip(*values))


def test_it_prefers_the_change_that_was_request_for() -> None:
    assert score(CASE.prompt) > score("a large red square on a blue background") + 20


def test_the_batch_does_not_matter() -> None:
    images = [GeneratedImage(generated(CASE.prompt), CASE, init=INIT)] * 3
    assert create("directional_clip", SHAPES).score(images) == pytest.approx([score(CASE.prompt)] * 3, abs=1e-2)


def test_an_unchanged_image_has_no_direction() -> None:
    with pytest.raises(ValueError, match="the image is its init image"):
        score(CASE.image_prompt)


def test_the_same_words_have_no_direction() -> None:
    same = Case(id="a", prompt=CASE.image_prompt, image_prompt=CASE.image_prompt)
    with pytest.raises(ValueError, match="prompt and image_prompt have the same CLIP features"):
        score(CASE.prompt, same)


def test_the_same_features_of_another_image_have_no_direction() -> None:
    with pytest.raises(ValueError, match="the image has the CLIP features of its init image"):
        directional_clip(np.ones((2, 3)), np.ones((2, 3)), np.eye(3)[:2], np.eye(3)[1:])


@pytest.mark.parametrize(
    ("case", "init", "message"),
    [
        (CASE, None, "case a has no image"),
        (Case(id="a", prompt=CASE.prompt), INIT, "case a has no image_prompt"),
    ],
)
def test_a_case_without_its_parts_has_no_score(case: Case, init: Image.Image | None, message: str) -> None:
    with pytest.raises(ValueError, match=f"{message}$"):
        score(CASE.prompt, case, init)
