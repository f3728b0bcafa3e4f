"""The DINOv2 extractor on a tiny model of random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

from sdeval import NotAvailable, SdevalError
from sdeval.metrics import MetricOptions
from sdeval.metrics.features.dinov2 import Dinov2
from sdeval.metrics.features.registry import load_extractor

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("dinov2")
    Dinov2Model(Dinov2Config(**SIZES, image_size=56, patch_size=14)).save_pretrained(path)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def images(rng: np.random.Generator, count: int) -> list[Image.Image]:
    return [Image.fromarray(rng.integers(0, 256, size=(40, 64, 3), dtype=np.uint8)) for _ in range(count)]


def test_features_are_the_models_own_of_pixels_prepared_by_transformers(folder: Path, rng: np.random.Generator) -> None:
    from transformers import BitImageProcessorPil

    processor = BitImageProcessorPil(
        size={"height": 224, "width": 224},
        resample=Image.Resampling.BICUBIC,
        do_center_crop=False,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    group = images(rng, 3)
    with torch.inference_mode():
        pixels = processor(group, return_tensors="pt")["pixel_values"]
        expected = Dinov2Model.from_pretrained(folder).eval()(pixel_values=pixels).pooler_output.numpy()
    assert pixels.shape == (3, 3, 224, 224)
    assert Dinov2(str(folder), "cpu").images(group) == pytest.approx(expected, abs=1e-5)


def test_pixels_are_prepared_as_by_pillow_and_plain_arithmetic(rng: np.random.Generator) -> None:
    from torchvision.transforms.v2 import functional

    from sdeval.metrics.features.dinov2 import _model_input

    (image,) = images(rng, 1)
    resized = functional.resize(image, [224, 224], functional.InterpolationMode.BICUBIC)
    tensor = functional.to_dtype(functional.to_image(resized), torch.float32, scale=True)
    expected = functional.normalize(tensor, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert _model_input(image) == pytest.approx(expected.numpy(), abs=1e-6)


def test_the_batch_does_not_matter(folder: Path, rng: np.random.Generator) -> None:
    dinov2, group = Dinov2(str(folder), "cpu"), images(rng, 34)
    assert dinov2.images(group)[33:] == pytest.approx(dinov2.images(group[33:]), abs=1e-5)


def test_the_version_follows_the_weights(folder: Path, copy: Path) -> None:
    torch.manual_seed(1)
    Dinov2Model(Dinov2Config(**SIZES, image_size=56, patch_size=14)).save_pretrained(copy)
    one, other = (Dinov2(str(each), "cpu") for each in (folder, copy))
    assert one.version != other.version
    assert one.version.endswith("bicubic 224")
    assert one.resize == "bicubic 224x224 squash"


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(NotAvailable, match="get them with: hf download no/such-dinov2"):
        load_extractor(MetricOptions(extractor="dinov2", dinov2_model="no/such-dinov2"))


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no model.safetensors in it"):
        Dinov2(str(tmp_path), "cpu")


def test_a_pickle_is_never_opened(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(Dinov2Model.from_pretrained(copy).state_dict(), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(torch, "load", never)
    with pytest.raises(SdevalError, match="other formats are not opened"):
        Dinov2(str(copy), "cpu")


def test_weights_that_are_cut_off_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(SdevalError, match="does not load"):
        Dinov2(str(copy), "cpu")


def test_weights_that_would_be_made_up_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["layernorm.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SdevalError, match=r"weights are missing in it: layernorm.weight"):
        Dinov2(str(copy), "cpu")


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    ViTModel(ViTConfig(**SIZES, image_size=56, patch_size=14)).save_pretrained(tmp_path)
    with pytest.raises(SdevalError, match="is a vit, not a DINOv2"):
        Dinov2(str(tmp_path), "cpu")
