"""HPS v2 on a tiny model of random weights, compared with open_clip's own computation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.features.preference import _pad_to_square, load_hps
from sdeval.metrics.hps_v2 import HpsV2

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
NAME = "sdeval-tiny-hps"
CASE = Case(id="cat", prompt="a cat on a sofa")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hps")
    (folder / f"{NAME}.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    model = open_clip.create_model(NAME, pretrained=None)
    torch.save({"epoch": 1, "state_dict": model.state_dict()}, folder / "hps.pt")
    return folder / "hps.pt"


def images(rng: np.random.Generator, *sizes: tuple[int, int]) -> list[Image.Image]:
    return [Image.fromarray(rng.integers(0, 256, size=(h, w, 3), dtype=np.uint8)) for w, h in sizes]


def test_it_is_the_cosine_of_the_loaded_weights(weights: Path, rng: np.random.Generator) -> None:
    group = images(rng, (32, 32), (32, 32), (32, 32))
    model = open_clip.create_model(NAME, pretrained=None).eval()
    model.load_state_dict(torch.load(weights, weights_only=True)["state_dict"])
    _, _, preprocess = open_clip.create_model_and_transforms(NAME, pretrained=None)
    with torch.inference_mode():
        encoded = model.encode_image(torch.stack([preprocess(image) for image in group]), normalize=True)
        text = model.encode_text(open_clip.get_tokenizer(NAME)([CASE.prompt]), normalize=True)
    metric = HpsV2(load_hps(str(weights), "cpu", NAME))
    found = metric.score([GeneratedImage(image, CASE) for image in group])
    assert found == pytest.approx((100 * encoded @ text.T)[:, 0].tolist(), abs=1e-3)
    assert len(set(found)) == 3


@pytest.mark.parametrize(("size", "black"), [((64, 32), "rows"), ((32, 64), "columns")])
def test_other_shapes_are_padded_with_black_and_not_cut(size: tuple[int, int], black: str) -> None:
    tensor = _pad_to_square(Image.new("RGB", size, "white"), 32)
    assert tensor.shape == (3, 32, 32)
    means = tensor[0].mean(dim=1 if black == "rows" else 0)
    assert (means[:8] < -1.5).all()
    assert (means[8:24] > 1.5).all()
    assert (means[24:] < -1.5).all()


def test_an_image_of_the_models_size_is_only_normalised(rng: np.random.Generator) -> None:
    (image,) = images(rng, (32, 32))
    mean, deviation = (np.array(value) for value in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD))
    expected = ((np.asarray(image) / 255 - mean) / deviation).transpose(2, 0, 1)
    assert _pad_to_square(image, 32).numpy() == pytest.approx(expected, abs=1e-5)


def test_the_version_has_the_digest_of_the_file(weights: Path) -> None:
    import hashlib

    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    assert HpsV2(load_hps(str(weights), "cpu", NAME)).version == f"1 hps v2.1 {digest}"


def test_missing_weights_say_how_to_get_them() -> None:
    message = r"get them with: hf download xswu/HPSv2 HPS_v2.1_compressed.pt"
    with pytest.raises(NotAvailable, match=message):
        create("hps_v2", MetricOptions())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match=r"hps_weights: no such file: .*gone.pt"):
        create("hps_v2", MetricOptions(hps_weights=str(tmp_path / "gone.pt")))


def test_a_folder_that_has_the_file_is_one_too(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "HPS_v2.1_compressed.pt").write_bytes(weights.read_bytes())
    assert load_hps(str(tmp_path), "cpu", NAME).version == load_hps(str(weights), "cpu", NAME).version
    with pytest.raises(NotAvailable, match=r"hps_weights: no such file: .*/HPS_v2.1_compressed.pt"):
        load_hps(str(weights.parent), "cpu", NAME)


def test_weights_of_another_model_are_one_line(weights: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(SdevalError, match=r"hps_weights .*other.pt: does not load: ") as error:
        load_hps(str(tmp_path / "other.pt"), "cpu", NAME)
    assert "\n" not in str(error.value)


def test_code_in_a_file_is_not_run(weights: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(SdevalError, match="does not load"):
        load_hps(str(tmp_path / "bomb.pt"), "cpu", NAME)
    assert not (tmp_path / "ran").exists()
