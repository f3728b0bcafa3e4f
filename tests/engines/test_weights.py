"""What is loaded is what the files hold and the target asks for, or the target is refused by the name of the tensor."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ModelMixin, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sdeval import SdevalError, Target
from sdeval.engines.diffusers_engine import LoadedTarget
from tests.engines.conftest import Checkpoint

Tensors = dict[str, torch.Tensor]


def loaded(folder: Path, **changes: object) -> LoadedTarget:
    target = LoadedTarget(Target(**{"name": "tiny", "model": str(folder), "device": "cpu", **changes}))
    target.pipeline("text2img")
    return target


def changed(folder: Path, part: str, change: Callable[[Tensors], Any]) -> Path:
    """The checkpoint with other tensors in a part."""
    (file,) = (folder / part).glob("*.safetensors")
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


@pytest.fixture
def copy(checkpoint: Checkpoint, tmp_path: Path) -> Callable[[str], Path]:
    return lambda family: shutil.copytree(checkpoint(family), tmp_path / family)


def first_of(tensors: Tensors) -> str:
    return sorted(name for name in tensors if name.endswith("weight"))[0]


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_missing_tensor_is_refused(copy: Callable[[str], Path], part: str) -> None:
    folder = changed(copy("sd1"), part, lambda tensors: tensors.pop(first_of(tensors)))
    with pytest.raises(SdevalError, match=rf"target tiny: {part}: 1 tensor \(.+weight\) is not in its files"):
        loaded(folder)


def test_a_missing_tensor_of_a_second_text_encoder_is_refused(copy: Callable[[str], Path]) -> None:
    folder = changed(copy("sdxl"), "text_encoder_2", lambda tensors: tensors.pop("text_projection.weight"))
    with pytest.raises(SdevalError, match=r"text_encoder_2: 1 tensor \(text_projection\.weight\) is not in its files"):
        loaded(folder)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_tensor_that_would_be_left_out_is_refused(copy: Callable[[str], Path], part: str) -> None:
    folder = changed(copy("sd1"), part, lambda tensors: tensors.update({"extra.weight": torch.ones(3)}))
    with pytest.raises(SdevalError, match=rf"{part}: 1 tensor \(extra\.weight\) is in its files, and would be"):
        loaded(folder)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_tensor_of_another_shape_is_refused_in_one_line(copy: Callable[[str], Path], part: str) -> None:
    folder = changed(copy("sd1"), part, lambda tensors: tensors.update({first_of(tensors): torch.ones(3)}))
    with pytest.raises(SdevalError, match="target tiny: ") as caught:
        loaded(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_positions_in_files_of_older_versions_are_no_tensors_of_the_model(copy: Callable[[str], Path]) -> None:
    older = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    loaded(changed(copy("sd1"), "text_encoder", lambda tensors: tensors.update(older)))


def test_a_part_that_is_put_in_is_looked_at_as_well(copy: Callable[[str], Path], checkpoint: Checkpoint) -> None:
    vae = changed(copy("sd1"), "vae", lambda tensors: tensors.pop(first_of(tensors))) / "vae"
    with pytest.raises(SdevalError, match="vae: 1 tensor"):
        loaded(checkpoint("sd1"), vae=str(vae))


def test_corrupt_weights_are_refused_in_one_line(copy: Callable[[str], Path]) -> None:
    folder = copy("sd1")
    (file,) = (folder / "unet").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(SdevalError, match="does not load for text2img: ") as caught:
        loaded(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_libraries_are_left_as_they_were(copy: Callable[[str], Path]) -> None:
    before = [library.__dict__["from_pretrained"] for library in (ModelMixin, PreTrainedModel)]
    with pytest.raises(SdevalError):
        loaded(changed(copy("sd1"), "vae", lambda tensors: tensors.pop(first_of(tensors))))
    assert [library.__dict__["from_pretrained"] for library in (ModelMixin, PreTrainedModel)] == before


@pytest.mark.parametrize("family", ["sd1", "sd3", "flux", "kandinsky22"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_what_was_loaded_is_recorded(checkpoint: Checkpoint, family: str, dtype: str) -> None:
    assert loaded(checkpoint(family), dtype=dtype).describe("text2img")["dtype"] == dtype


def test_a_number_format_that_was_dropped_is_refused(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """As diffusers did before 0.40."""
    load = StableDiffusionPipeline.from_pretrained
    monkeypatch.setattr(
        StableDiffusionPipeline, "from_pretrained", lambda path, dtype, **options: load(path, **options)
    )
    with pytest.raises(SdevalError, match=r"dtype is bfloat16, but .* was loaded as float32"):
        loaded(checkpoint("sd1"), dtype="bfloat16")
