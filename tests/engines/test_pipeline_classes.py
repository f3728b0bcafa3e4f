"""Which class does a task is known from the index of a checkpoint: no weights are needed."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import diffusers
import pytest

from sdeval import SdevalError, Target
from sdeval.config.case import Task
from sdeval.engines.pipeline_classes import control_argument, has_control, pipeline_class


def model(folder: Path, class_name: str, *missing: str) -> Path:
    """The index of a checkpoint that has all parts of a class but some."""
    parts = list(inspect.signature(getattr(diffusers, class_name).__init__).parameters)[1:]
    index = {part: [None, None] if part in missing else ["diffusers", "Part"] for part in parts}
    folder.mkdir(exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": class_name, **index}))
    return folder


def target(folder: Path, **changes: object) -> Target:
    return Target(**{"name": "tiny", "model": str(folder), **changes})


@pytest.mark.parametrize(
    ("own", "task", "expected"),
    [
        # Mapped by diffusers.
        ("StableDiffusionPipeline", "inpainting", "StableDiffusionInpaintPipeline"),
        ("FluxKontextPipeline", "img2img", "FluxKontextPipeline"),
        ("QwenImagePipeline", "img2img", "QwenImageImg2ImgPipeline"),
        # The checkpoint's own, where what its call takes is what the task gives.
        ("HiDreamImagePipeline", "text2img", "HiDreamImagePipeline"),
        ("HunyuanImagePipeline", "text2img", "HunyuanImagePipeline"),
        ("Kandinsky5T2IPipeline", "text2img", "Kandinsky5T2IPipeline"),
        ("Kandinsky5I2IPipeline", "img2img", "Kandinsky5I2IPipeline"),
        ("SanaSprintPipeline", "text2img", "SanaSprintPipeline"),
        ("BriaPipeline", "text2img", "BriaPipeline"),
        ("BriaFiboPipeline", "text2img", "BriaFiboPipeline"),
        ("FluxFillPipeline", "inpainting", "FluxFillPipeline"),
        ("StableDiffusionInstructPix2PixPipeline", "img2img", "StableDiffusionInstructPix2PixPipeline"),
        ("StableDiffusionXLInstructPix2PixPipeline", "img2img", "StableDiffusionXLInstructPix2PixPipeline"),
        # Its namesakes.
        ("ChromaPipeline", "img2img", "ChromaImg2ImgPipeline"),
        ("ChromaPipeline", "inpainting", "ChromaInpaintPipeline"),
        ("SanaSprintPipeline", "img2img", "SanaSprintImg2ImgPipeline"),
        ("Flux2KleinPipeline", "inpainting", "Flux2KleinInpaintPipeline"),
        ("FluxKontextPipeline", "inpainting", "FluxKontextInpaintPipeline"),
        # Edits: by an instruction, without mask or strength.
        ("FluxKontextPipeline", "edit", "FluxKontextPipeline"),
        ("Flux2Pipeline", "edit", "Flux2Pipeline"),
        ("Flux2KleinPipeline", "edit", "Flux2KleinPipeline"),
        ("QwenImageEditPipeline", "edit", "QwenImageEditPipeline"),
        ("QwenImageEditPlusPipeline", "edit", "QwenImageEditPlusPipeline"),
        ("StableDiffusionInstructPix2PixPipeline", "edit", "StableDiffusionInstructPix2PixPipeline"),
        ("StableDiffusionXLInstructPix2PixPipeline", "edit", "StableDiffusionXLInstructPix2PixPipeline"),
        ("Kandinsky5I2IPipeline", "edit", "Kandinsky5I2IPipeline"),
        ("LongCatImageEditPipeline", "edit", "LongCatImageEditPipeline"),
    ],
)
def test_a_checkpoint_finds_the_class_for_a_task(tmp_path: Path, own: str, task: Task, expected: str) -> None:
    assert pipeline_class(target(model(tmp_path, own)), tmp_path, task).__name__ == expected


@pytest.mark.parametrize(
    ("own", "task"),
    [
        ("HiDreamImagePipeline", "img2img"),
        ("FluxFillPipeline", "text2img"),
        ("QwenImageEditPipeline", "text2img"),
        ("StableDiffusionInstructPix2PixPipeline", "text2img"),
        ("Lumina2Pipeline", "inpainting"),
        ("StableDiffusionPipeline", "edit"),
        ("StableDiffusionUpscalePipeline", "edit"),
        ("QwenImagePipeline", "edit"),
        ("FluxPipeline", "edit"),
        ("WanPipeline", "text2img"),
    ],
)
def test_a_task_that_no_class_does_is_refused(tmp_path: Path, own: str, task: Task) -> None:
    with pytest.raises(SdevalError, match=f"target tiny: diffusers has no {task} pipeline for a {own} checkpoint"):
        pipeline_class(target(model(tmp_path, own)), tmp_path, task)


def test_a_target_names_its_class(tmp_path: Path) -> None:
    named = target(model(tmp_path, "StableDiffusionPipeline"), pipeline="StableDiffusionPAGPipeline")
    assert pipeline_class(named, tmp_path, "text2img").__name__ == "StableDiffusionPAGPipeline"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "HiDreamImagPipeline",
            "target tiny: pipeline: unknown class 'HiDreamImagPipeline'; did you mean HiDreamImagePipeline",
        ),
        ("StableDiffusionImg2ImgPipeline", "a StableDiffusionImg2ImgPipeline cannot do text2img; it does img2img"),
        ("WanPipeline", "pipeline: a WanPipeline generates no images from prompts"),
        ("DDPMPipeline", "pipeline: a DDPMPipeline generates no images from prompts"),
        ("StableDiffusionXLPipeline", r"a StableDiffusionXLPipeline needs text_encoder_2, tokenizer_2, not in /"),
    ],
)
def test_a_class_that_cannot_be_is_refused(tmp_path: Path, name: str, message: str) -> None:
    named = target(model(tmp_path, "StableDiffusionPipeline"), pipeline=name)
    with pytest.raises(SdevalError, match=message):
        pipeline_class(named, tmp_path, "text2img")


def test_a_class_that_edits_says_so(tmp_path: Path) -> None:
    named = target(model(tmp_path, "QwenImagePipeline"), pipeline="QwenImageEditPlusPipeline")
    with pytest.raises(SdevalError, match=r"a QwenImageEditPlusPipeline cannot do text2img; it does img2img, edit$"):
        pipeline_class(named, tmp_path, "text2img")


def test_a_part_that_a_class_needs_and_an_index_leaves_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="a ChromaImg2ImgPipeline needs vae, not in "):
        pipeline_class(target(model(tmp_path, "ChromaPipeline", "vae")), tmp_path, "img2img")


@pytest.mark.parametrize(
    ("own", "task", "expected", "argument"),
    [
        ("StableDiffusionPipeline", "text2img", "StableDiffusionControlNetPipeline", "image"),
        ("StableDiffusionPipeline", "img2img", "StableDiffusionControlNetImg2ImgPipeline", "control_image"),
        ("StableDiffusionXLPipeline", "inpainting", "StableDiffusionXLControlNetInpaintPipeline", "control_image"),
        ("StableDiffusion3Pipeline", "text2img", "StableDiffusion3ControlNetPipeline", "control_image"),
        ("FluxPipeline", "text2img", "FluxControlNetPipeline", "control_image"),
        ("QwenImagePipeline", "inpainting", "QwenImageControlNetInpaintPipeline", "control_image"),
        ("SanaPipeline", "text2img", "SanaControlNetPipeline", "control_image"),
        ("HunyuanDiTPipeline", "text2img", "HunyuanDiTControlNetPipeline", "control_image"),
    ],
)
def test_a_controlnet_finds_the_class_that_takes_it(
    tmp_path: Path, own: str, task: Task, expected: str, argument: str
) -> None:
    kind = pipeline_class(target(model(tmp_path, own), controlnet="./edges"), tmp_path, task)
    assert kind.__name__ == expected
    assert has_control(kind)
    assert control_argument(kind) == argument


def test_a_controlnet_that_no_class_takes_is_refused(tmp_path: Path) -> None:
    chroma = target(model(tmp_path, "ChromaPipeline"), controlnet="./edges")
    message = "no text2img pipeline for a ChromaPipeline checkpoint with a controlnet; set pipeline to a class"
    with pytest.raises(SdevalError, match=message):
        pipeline_class(chroma, tmp_path, "text2img")
    plain = target(model(tmp_path, "ChromaPipeline"), controlnet="./edges", pipeline="ChromaPipeline")
    with pytest.raises(SdevalError, match="pipeline: a ChromaPipeline takes no controlnet"):
        pipeline_class(plain, tmp_path, "text2img")
