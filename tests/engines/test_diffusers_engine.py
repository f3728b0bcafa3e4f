from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from sdeval import NotAvailable, SdevalError, Target
from sdeval.config.case import Task
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.checkpoints import find_model
from sdeval.engines.diffusers_engine import LoadedTarget, check
from sdeval.scaffold.choices import SHAPES_SETTINGS


def target(folder: Path, **changes: object) -> Target:
    return Target(**{"name": "tiny", "model": str(folder), "device": "cpu", **changes})


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_every_task_is_checked_and_loaded(tiny: Path, task: Task) -> None:
    check(target(tiny), task, {"num_inference_steps": 2})
    expected = {"text2img": "", "img2img": "Img2Img", "inpainting": "Inpaint"}[task]
    assert type(LoadedTarget(target(tiny)).pipeline(task)).__name__ == f"StableDiffusion{expected}Pipeline"


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_the_embedded_model_does_every_task_by_diffusers_alone(task: Task) -> None:
    import diffusers

    from sdeval.shapes import pipeline_folder

    name = {"text2img": "Text2Image", "img2img": "Image2Image", "inpainting": "Inpainting"}[task]
    assert getattr(diffusers, f"AutoPipelineFor{name}").from_pretrained(pipeline_folder()).unet is not None


def test_all_tasks_share_the_weights(tiny: Path) -> None:
    loaded = LoadedTarget(target(tiny))
    assert loaded.pipeline("text2img").unet is loaded.pipeline("inpainting").unet
    assert loaded.pipeline("text2img") is loaded.pipeline("text2img")


def test_the_dtype_is_the_one_request_for(tiny: Path) -> None:
    pipeline = LoadedTarget(target(tiny, dtype="bfloat16")).pipeline("text2img")
    assert {pipeline.unet.dtype, pipeline.text_encoder.dtype, pipeline.vae.dtype} == {torch.bfloat16}


def test_the_scheduler_is_the_one_request_for_in_every_task(tiny: Path) -> None:
    loaded = LoadedTarget(target(tiny, scheduler="EulerDiscreteScheduler"))
    assert loaded.describe("text2img")["scheduler"] == "EulerDiscreteScheduler"
    assert loaded.describe("img2img")["scheduler"] == "EulerDiscreteScheduler"


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        (
            {"scheduler": "EulerScheduler"},
            {},
            "unknown scheduler 'EulerScheduler'; did you mean EDMEulerScheduler or EulerDiscreteScheduler",
        ),
        ({}, {"guidence_scale": 1}, "unknown setting 'guidence_scale'; did you mean guidance_scale"),
        ({}, {"shceduler": "x"}, "unknown setting 'shceduler'; did you mean scheduler"),
        ({}, {"prompt": "a cat"}, "unknown setting 'prompt'"),
        (
            {},
            {"num_inference_steps": "abc"},
            "StableDiffusionPipeline: num_inference_steps: must be a whole number, got 'abc'",
        ),
        ({}, {"guidance_scale": True}, "guidance_scale: must be a number, got True"),
    ],
)
def test_what_pipelines_would_swallow_is_refused(
    tiny: Path, changes: dict[str, object], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SdevalError) as error:
        check(target(tiny, **changes), "text2img", settings)
    assert message in str(error.value)


@pytest.mark.parametrize("task", ["text2img", "img2img"])
def test_an_inpainting_checkpoint_is_refused_for_other_tasks(tiny_inpainting: Path, task: Task) -> None:
    with pytest.raises(SdevalError, match=f"is an inpainting checkpoint and cannot do {task}"):
        check(target(tiny_inpainting), task, {})


def test_an_inpainting_checkpoint_loads_for_its_task(tiny_inpainting: Path) -> None:
    check(target(tiny_inpainting), "inpainting", {})
    assert LoadedTarget(target(tiny_inpainting)).pipeline("inpainting").unet.config.in_channels == 9


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no model_index\.json in"):
        find_model(target(tmp_path))


def test_pickled_weights_are_refused_before_they_are_opened(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(SdevalError, match="holds pickled weights, which can run code"):
        find_model(target(folder))


def test_a_damaged_index_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "corrupt")
    (folder / "model_index.json").write_text("{")
    with pytest.raises(SdevalError, match=r"model_index\.json cannot be read"):
        check(target(folder), "text2img", {})


def test_an_unknown_pipeline_class_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "other")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "MyPipeline"}))
    with pytest.raises(SdevalError, match="diffusers has no text2img pipeline for a MyPipeline checkpoint"):
        check(target(folder), "text2img", {})


def test_a_damaged_weights_file_is_one_line(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "cut")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut")
    with pytest.raises(SdevalError, match="does not load for text2img") as error:
        LoadedTarget(target(folder)).pipeline("text2img")
    assert "\n" not in str(error.value)


def test_a_hub_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(NotAvailable, match="get them with: hf download some/model --revision v2"):
        find_model(Target(name="a", model="some/model", revision="v2"))


def test_the_shipped_target_is_here() -> None:
    assert (find_model(shipped_targets()["shapes"]) / "model_index.json").is_file()
