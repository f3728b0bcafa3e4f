from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage, MetricOptions, create, info, metric_names
from sdeval.metrics.clip_score import clip_score
from sdeval.metrics.features.clip import load_clip
from sdeval.shapes import world

RED = Case(id="red", prompt="a large red circle on a blue background")
SHAPES = MetricOptions(clip_model="shapes")


def generated(caption: str) -> Image.Image:
    return world.render(world.parse(caption), np.random.default_rng(0))


def test_the_formula_is_torchmetrics(rng: np.random.Generator) -> None:
    from torchmetrics.functional import pairwise_cosine_similarity

    one, other = rng.normal(size=(5, 8)).astype(np.float32), rng.normal(size=(5, 8)).astype(np.float32)
    expected = 100 * pairwise_cosine_similarity(torch.from_numpy(one), torch.from_numpy(other)).diagonal()
    assert clip_score(one, other) == pytest.approx(expected.tolist(), abs=1e-3)


def test_scores_below_zero_are_kept() -> None:
    assert clip_score(np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])) == [-100.0]


def test_it_is_open_clips_own_score_of_a_single_image() -> None:
    import open_clip

    from sdeval.shapes import clip_folder

    name = f"local-dir:{clip_folder()}"
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    model.eval()
    image = generated(RED.prompt)
    with torch.inference_mode():
        encoded = model.encode_image(preprocess(image)[None], normalize=True)
        text = model.encode_text(open_clip.get_tokenizer(name)([RED.prompt]), normalize=True)
    found = create("clip_score", SHAPES).score([GeneratedImage(image, RED)])
    assert found == pytest.approx([100 * float((encoded @ text.T).item())], abs=1e-3)


def test_the_batch_does_not_matter() -> None:
    metric = create("clip_score", SHAPES)
    images = [
        GeneratedImage(generated(RED.prompt), RED),
        GeneratedImage(generated("a small white cross on a red background"), RED),
    ] * 20
    together = metric.score(images)
    alone = [metric.score([each])[0] for each in images[:2]]
    assert together[:2] == pytest.approx(alone, abs=1e-3)


def test_it_prefers_the_image_that_was_request_for() -> None:
    metric = create("clip_score", SHAPES)
    right, wrong = metric.score(
        [GeneratedImage(generated(RED.prompt), RED), GeneratedImage(generated(RED.prompt.replace("red", "green")), RED)]
    )
    assert right > wrong + 3


def test_the_version_follows_the_weights(tmp_path: Path) -> None:
    assert create("clip_score", SHAPES).version.startswith("1 shapes ")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("ViT-Z/openai", SdevalError, "unknown open_clip model 'ViT-Z'"),
        ("ViT-B-32", SdevalError, "write it as ViT-B-32/WEIGHTS"),
        ("ViT-B-32/opneai", SdevalError, "did you mean openai"),
        ("local-dir:/nowhere", SdevalError, "no open_clip_model.safetensors in /nowhere"),
        ("ViT-B-32/openai", NotAvailable, "get them with: hf download timm/vit_base_patch32_clip_224.openai"),
        ("hf-hub:a/b", NotAvailable, "get them with: hf download a/b"),
    ],
)
def test_models_that_would_score_nonsense_are_refused(name: str, error: type[SdevalError], message: str) -> None:
    with pytest.raises(error) as found:
        load_clip(name, "cpu")
    assert message in str(found.value)


def test_a_missing_metric_lists_the_near_matches() -> None:
    with pytest.raises(SdevalError, match="unknown metric 'clip_scor'; did you mean clip_score"):
        info("clip_scor")


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_says_what_it_is(name: str) -> None:
    found = info(name)
    assert found.name == name
    assert found.tolerance > 0
    assert found.title
