"""CLIP-I and DINO-I against init images and against the baseline's, and the Fréchet distance on DINOv2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model

from sdeval import Case, NotAvailable
from sdeval.metrics import GeneratedImage, MetricOptions, create, info
from sdeval.metrics.clip_i import image_similarity
from sdeval.metrics.features.dinov2 import Dinov2
from sdeval.shapes import world

NAMES = ("clip_i", "dino_i", "baseline_clip_i", "baseline_dino_i")
CASE = Case(id="red", prompt="a large red circle on a blue background")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> MetricOptions:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("dinov2")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    Dinov2Model(Dinov2Config(**sizes, image_size=56, patch_size=14)).save_pretrained(path)
    return MetricOptions(clip_model="shapes", dinov2_model=str(path))


def rendered(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


SAME, OTHER = rendered(CASE.prompt), rendered("a small white cross on a green background")


def test_the_formula_is_torchmetrics(rng: np.random.Generator) -> None:
    from torchmetrics.functional import pairwise_cosine_similarity

    one, other = rng.normal(size=(5, 8)).astype(np.float32), rng.normal(size=(5, 8)).astype(np.float32)
    expected = 100 * pairwise_cosine_similarity(torch.from_numpy(one), torch.from_numpy(other)).diagonal()
    assert image_similarity(one, other) == pytest.approx(expected.tolist(), abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_image_has_100_and_another_less(name: str, options: MetricOptions) -> None:
    images = [GeneratedImage(image, CASE, init=SAME.copy(), pair=(SAME.copy(), image)) for image in (SAME, OTHER)]
    same, other = create(name, options).score(images)
    assert same == pytest.approx(100, abs=1e-3)
    assert other < 99


@pytest.mark.parametrize("name", NAMES)
def test_without_the_other_image_there_is_no_score(name: str, options: MetricOptions) -> None:
    with pytest.raises(ValueError, match="case red has no image"):
        create(name, options).score([GeneratedImage(SAME, CASE)])


def test_an_init_image_is_encoded_once_for_all_seeds(options: MetricOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    real = Dinov2.images
    monkeypatch.setattr(Dinov2, "images", lambda self, images: counts.append(len(images)) or real(self, images))
    create("dino_i", options).score([GeneratedImage(image, CASE, init=SAME) for image in (SAME, OTHER, OTHER)])
    assert counts == [1, 3]


def test_what_is_compared_with_the_baseline_never_fails_a_session() -> None:
    assert {name: info(name).gating for name in NAMES} == {
        "clip_i": True,
        "dino_i": True,
        "baseline_clip_i": False,
        "baseline_dino_i": False,
    }


def test_dino_i_looks_at_dinov2_whatever_set_metrics_look_at(options: MetricOptions) -> None:
    assert "dinov2" in create("dino_i", options).version
    with pytest.raises(NotAvailable, match="get them with: hf download facebook/dinov2-small"):
        create("dino_i", MetricOptions(clip_model="shapes"))


def test_the_frechet_distance_on_dinov2_stands_beside_that_of_the_suite(options: MetricOptions) -> None:
    suites, dinov2 = create("frechet_distance", options), create("fd_dinov2", options)
    assert (suites.extractor.name, dinov2.extractor.name) == ("clip", "dinov2")
    assert (suites.info.name, dinov2.info.name) == ("frechet_distance", "fd_dinov2")
