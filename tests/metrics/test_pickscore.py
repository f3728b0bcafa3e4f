"""PickScore on a tiny model of random weights, compared with what the authors' example computes with transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage, MetricOptions, create

EDGE = 32
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
PROMPTS = ("a cat", "a dog on a red sofa", "cats and dogs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("pickscore")
    config = CLIPConfig(
        text_config={**SIZES, "vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": 49407},
        vision_config={**SIZES, "image_size": EDGE, "patch_size": 16},
        projection_dim=12,
        logit_scale_init_value=4.0,
    )
    CLIPModel(config).save_pretrained(path)
    return path


@pytest.fixture
def images(rng: np.random.Generator) -> list[GeneratedImage]:
    return [
        GeneratedImage(
            Image.fromarray(rng.integers(0, 256, size=(40, 60, 3), dtype=np.uint8)), Case(id=f"c-{n}", prompt=prompt)
        )
        for n, prompt in enumerate(PROMPTS)
    ]


def test_it_is_the_scaled_cosine_of_transformers(folder: Path, images: list[GeneratedImage]) -> None:
    import open_clip

    # An odd number of columns to cut off would be cut one column further to the left than by transformers.
    model = CLIPModel.from_pretrained(folder).eval()
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": EDGE}, crop_size={"height": EDGE, "width": EDGE}, resample=Image.Resampling.BICUBIC
    )
    pixels = processor([image.image for image in images], return_tensors="pt")["pixel_values"]
    tokens = open_clip.get_tokenizer("ViT-H-14")(list(PROMPTS))
    with torch.inference_mode():
        logits = model(input_ids=tokens, pixel_values=pixels).logits_per_image
    found = create("pickscore", MetricOptions(pickscore_model=str(folder))).score(images)
    assert found == pytest.approx(logits.diagonal().tolist(), abs=2e-2)
    assert max(found) - min(found) > 1


def test_the_batch_does_not_matter(folder: Path, images: list[GeneratedImage]) -> None:
    metric = create("pickscore", MetricOptions(pickscore_model=str(folder)))
    assert metric.score(images)[1] == pytest.approx(metric.score(images[1:2])[0], abs=1e-3)


def test_the_end_of_a_long_prompt_is_told(folder: Path) -> None:
    metric = create("pickscore", MetricOptions(pickscore_model=str(folder)))
    assert metric.unread(Case(id="a", prompt="cat " * 100 + "zebra")).endswith("zebra")


def test_missing_weights_say_how_to_get_them() -> None:
    message = "get them with: hf download yuvalkirstain/PickScore_v1 config.json model.safetensors"
    with pytest.raises(NotAvailable, match=message):
        create("pickscore", MetricOptions())


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no model.safetensors in it"):
        create("pickscore", MetricOptions(pickscore_model=str(tmp_path)))


def test_weights_that_would_be_made_up_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["logit_scale"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(SdevalError, match=r"weights are missing in it: logit_scale"):
        create("pickscore", MetricOptions(pickscore_model=str(tmp_path)))
