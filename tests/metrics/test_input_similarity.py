"""What an edit left as it was, and metrics that compare an edit with what its result shall show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sdeval import Case, SdevalError, Suite
from sdeval.config.case import Task
from sdeval.metrics import GeneratedImage, MetricOptions, create, info, lpips
from sdeval.session.items import items_of
from sdeval.shapes import world

SHAPES = MetricOptions(clip_model="shapes")
BEFORE, AFTER = "a large red circle on a blue background", "a large green circle on a blue background"
CASE = Case(id="a", prompt="make it green", image_prompt=BEFORE, edited_prompt=AFTER)


def rendered(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


def score(metric: str, image: Image.Image, case: Case = CASE) -> float:
    return create(metric, SHAPES).score([GeneratedImage(image, case, init=rendered(BEFORE))])[0]


def ssim_written_out(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, with scipy's Gaussian window of 11 pixels."""

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, sigma=1.5, radius=5, axes=(0, 1), mode="mirror")

    x, y = one.astype(float), other.astype(float)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return 100 * float((((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def test_ssim_to_the_input_image_is_the_formula_written_out() -> None:
    image = rendered(AFTER)
    expected = ssim_written_out(np.asarray(image), np.asarray(rendered(BEFORE)))
    assert score("input_ssim", image) == pytest.approx(expected, abs=1e-2)
    # Of single precision, flat areas leave a rest.
    assert score("input_ssim", rendered(BEFORE)) == pytest.approx(100, abs=0.05)


def test_lpips_to_the_input_image_asks_the_network_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    class Network:
        version = "1 of a test"

        @staticmethod
        def distance(image: np.ndarray, other: np.ndarray) -> float:
            return float(image[0, 0, 0]) - float(other[0, 0, 0])

    monkeypatch.setattr(lpips, "load_network", lambda _: Network)
    metric = create("input_lpips", SHAPES)
    images = [GeneratedImage(Image.new("RGB", (32, 32), (90, 0, 0)), CASE, init=Image.new("RGB", (32, 32), (50, 0, 0)))]
    assert (metric.version, metric.score(images)) == ("1 of a test", [40.0])


@pytest.mark.parametrize("name", ["input_ssim", "input_lpips"])
def test_what_stayed_is_reported_only(name: str) -> None:
    described = info(name)
    assert (described.gating, described.tasks, described.needs) == (False, ("edit",), ("image",))


@pytest.mark.parametrize("metric", ["input_ssim", "clip_i", "dino_i", "directional_clip", "clip_score"])
def test_an_edit_may_have_a_metric(metric: str) -> None:
    assert "edit" in info(metric).tasks


def test_the_clip_score_of_an_edit_is_that_of_what_its_result_shall_show() -> None:
    image = rendered(AFTER)
    assert score("clip_score", image) == score("clip_score", image, Case(id="b", prompt=AFTER))
    without = Case(id="c", prompt="make it green")
    assert score("clip_score", image, without) == score("clip_score", image, Case(id="d", prompt=without.prompt))


def test_the_direction_of_an_edit_is_that_of_its_descriptions() -> None:
    as_img2img = Case(id="b", prompt=AFTER, image_prompt=BEFORE)
    image = rendered(AFTER)
    assert score("directional_clip", image) == score("directional_clip", image, as_img2img)
    assert score("directional_clip", image) > score("directional_clip", rendered(AFTER.replace("green", "white"))) + 10


@pytest.mark.parametrize(
    ("task", "lacking"), [("edit", "edited_prompt"), ("img2img", "image_prompt"), ("edit", "image_prompt")]
)
def test_directional_clip_leaves_out_cases_without_a_description(tmp_path: Path, task: Task, lacking: str) -> None:
    path = tmp_path / "image.png"
    rendered(BEFORE).save(path)
    whole = replace(CASE, image=path, edited_prompt=AFTER if task == "edit" else "")
    bare = replace(whole, id="b", **{lacking: ""})
    directional = info("directional_clip")
    assert (directional.lacks(whole, task), directional.lacks(bare, task)) == ("", lacking)
    items_of(suite(task, whole, bare), ())
    with pytest.raises(
        SdevalError, match=f"case 'b': {lacking}: is missing in this case and all others; metric direct"
    ):
        items_of(suite(task, bare), ())


def suite(task: Task, *cases: Case) -> Suite:
    return Suite(name="few", task=task, cases=cases, metrics=("directional_clip",))
