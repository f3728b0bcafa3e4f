"""What would have no effect is an error with its line; what a target turns off is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdeval import Case, SdevalError, Suite, Target
from sdeval.config.case import Task
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.engine import check, check_request, notes_on_request
from sdeval.evaluation.plan import make_plan
from tests.engines.conftest import Checkpoint


def suite(task: Task = "text2img", settings: Mapping[str, Any] | None = None, **case: Any) -> Suite:
    cases = (Case(id="plain", prompt="a red circle", image=case.get("image")), Case(id="a", prompt="a cross", **case))
    return Suite(name="few", task=task, cases=cases, settings=settings or {})


def with_config(folder: Path, part: str, **values: object) -> Path:
    """The checkpoint with other values in the configuration of a part, or in its index."""
    file = folder / part / "config.json" if part else folder / "model_index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "init.png"
    Image.new("RGB", (64, 64), "red").save(path)
    return path


@pytest.fixture
def latent_consistency(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    folder = shutil.copytree(checkpoint("sd1"), tmp_path / "lcm")
    return with_config(folder, "", _class_name="LatentConsistencyModelPipeline")


def target(folder: Path, **settings: object) -> Target:
    return Target(name="tiny", model=str(folder), device="cpu", settings=settings)


def test_guidance_of_a_model_that_was_trained_without_has_no_effect(checkpoint: Checkpoint, tmp_path: Path) -> None:
    flux = checkpoint("flux")
    for request in (
        lambda: check_request(target(flux), suite(settings={"guidance_scale": 3.5})),
        lambda: check_request(target(flux, guidance_scale=9.0), suite()),
    ):
        with pytest.raises(SdevalError, match=r"guidance_scale has no effect: the transformer of .*flux was trained"):
            request()
    for off in (0, 1, 1.0):
        check_request(target(flux, guidance_scale=off), suite())
    check_request(target(flux), suite())
    guided = with_config(shutil.copytree(flux, tmp_path / "dev"), "transformer", guidance_embeds=True)
    check_request(target(guided, guidance_scale=9.0), suite())


def test_guidance_without_effect_changes_no_image(checkpoint: Checkpoint) -> None:
    """That the rule is true."""
    engine = LoadedTarget(target(checkpoint("flux")))
    settings = {"num_inference_steps": 2, "width": 64, "height": 64}
    samples = suite().samples[:1]
    one, other = (engine.generate("text2img", samples, {**settings, "guidance_scale": scale}) for scale in (1.0, 9.0))
    assert one[0].image.tobytes() == other[0].image.tobytes()


def test_true_guidance_needs_a_negative_prompt(checkpoint: Checkpoint) -> None:
    flux = checkpoint("flux")
    with pytest.raises(SdevalError, match="true_cfg_scale has no effect: no case has a negative_prompt"):
        check_request(target(flux, true_cfg_scale=4.0), suite())
    check_request(target(flux, true_cfg_scale=4.0), suite(negative_prompt="blue"))
    check_request(target(flux, true_cfg_scale=1.0), suite())


@pytest.mark.parametrize(
    ("family", "settings", "message"),
    [
        (
            "flux",
            {},
            "cases.yaml:3: negative_prompt: has no effect with true_cfg_scale=1.0; set it above 1",
        ),
        ("flux2-klein", {}, "cases.yaml:3: negative_prompt: a Flux2KleinPipeline takes none; remove it"),
        ("flux2", {}, "cases.yaml:3: negative_prompt: a Flux2Pipeline takes none; remove it"),
        ("sana-sprint", {}, "cases.yaml:3: negative_prompt: a SanaSprintPipeline takes none; remove it"),
        ("hunyuan-image", {}, "cases.yaml:3: negative_prompt: has no effect: .* has no guider; remove it"),
        ("qwen-image", {"true_cfg_scale": 1.0}, "negative_prompt: has no effect with true_cfg_scale=1.0; set it above"),
        ("sana", {"guidance_scale": 1.0}, "negative_prompt: has no effect with guidance_scale=1.0"),
        ("sd1", {"guidance_scale": 1.0}, "cases.yaml:3: negative_prompt: has no effect with guidance_scale=1.0"),
        ("sdxl", {"guidance_scale": 0.0}, "cases.yaml:3: negative_prompt: has no effect with guidance_scale=0.0"),
        ("sd1", {}, ""),
        ("sdxl", {}, ""),
        ("sd3", {}, ""),
        ("kandinsky22", {}, ""),
        ("flux", {"true_cfg_scale": 3.0}, ""),
    ],
)
def test_negative_prompts_without_effect_are_refused(
    checkpoint: Checkpoint, family: str, settings: dict[str, float], message: str
) -> None:
    request = suite(settings=settings, negative_prompt="blue", origin="cases.yaml:3")
    if message:
        with pytest.raises(SdevalError, match=message):
            check_request(target(checkpoint(family)), request)
    else:
        check_request(target(checkpoint(family)), request)


def test_models_with_their_guidance_built_in_take_no_negative_prompts(
    checkpoint: Checkpoint, latent_consistency: Path, tmp_path: Path
) -> None:
    with pytest.raises(SdevalError, match="negative_prompt: a LatentConsistencyModelPipeline takes none"):
        check_request(target(latent_consistency), suite(negative_prompt="blue"))
    distilled = with_config(shutil.copytree(checkpoint("sd1"), tmp_path / "sd"), "unet", time_cond_proj_dim=8)
    with pytest.raises(SdevalError, match=r"negative_prompt: has no effect: .* has its guidance built in"):
        check_request(target(distilled), suite(negative_prompt="blue"))


def test_what_a_target_turns_off_is_told(checkpoint: Checkpoint) -> None:
    off, request = target(checkpoint("sd1"), guidance_scale=1.0), suite(negative_prompt="blue")
    check_request(off, request)
    note = "tiny: the negative prompts of 1 case have no effect with guidance_scale=1.0"
    assert notes_on_request(off, request) == (note,)
    assert make_plan(request, off).notes == (note,)
    assert notes_on_request(off, suite()) == ()
    assert notes_on_request(target(checkpoint("sd1")), request) == ()


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("flux2-klein", "Flux2KleinPipeline"),
        ("flux-kontext", "FluxKontextPipeline"),
        ("qwen-image-edit", "QwenImageEditPipeline"),
        ("qwen-image-edit-plus", "QwenImageEditPlusPipeline"),
        ("instruct-pix2pix", "StableDiffusionInstructPix2PixPipeline"),
    ],
)
def test_a_strength_that_a_pipeline_does_not_take_is_refused(
    checkpoint: Checkpoint, image: Path, family: str, kind: str
) -> None:
    request = suite("img2img", image=image, strength=0.5)
    with pytest.raises(SdevalError, match=f"case 'a': strength: a {kind} takes none; remove it"):
        check_request(target(checkpoint(family)), request)
    check_request(target(checkpoint("sd1")), request)


def test_a_distilled_guidance_of_a_model_that_was_trained_without_is_refused(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoint("hunyuan-image"), tmp_path / "full")
    check_request(target(folder, distilled_guidance_scale=3.25), suite())
    with_config(folder, "transformer", guidance_embeds=False)
    with pytest.raises(SdevalError, match=r"distilled_guidance_scale has no effect: the transformer of .* was trained"):
        check_request(target(folder, distilled_guidance_scale=3.25), suite())


@pytest.mark.parametrize(
    ("settings", "own", "strength", "refused"),
    [
        ({"num_inference_steps": 2}, {}, 0.4, True),
        ({"num_inference_steps": 2}, {}, 0.5, False),
        ({"num_inference_steps": 4, "strength": 0.2}, {}, None, True),
        ({"num_inference_steps": 4}, {"num_inference_steps": 1}, 0.9, True),
        ({"num_inference_steps": 4}, {"strength": 0.1}, 0.9, True),
        ({"num_inference_steps": 4}, {"strength": 1.0}, 0.1, False),
    ],
)
def test_less_than_one_step_is_refused(
    checkpoint: Checkpoint,
    image: Path,
    settings: dict[str, Any],
    own: dict[str, Any],
    strength: float | None,
    refused: bool,
) -> None:
    request = suite("img2img", settings, image=image, strength=strength)
    request = Suite(name="few", task="img2img", cases=request.cases[1:], settings=settings)
    if refused:
        with pytest.raises(SdevalError, match=r"strength: .* of \d steps? is less than one; raise either"):
            check_request(target(checkpoint("sd1"), **own), request)
    else:
        check_request(target(checkpoint("sd1"), **own), request)


def test_a_pipeline_that_needs_a_control_image_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = with_config(
        shutil.copytree(checkpoint("sd1"), tmp_path / "c"), "", _class_name="StableDiffusionControlNetPipeline"
    )
    with pytest.raises(SdevalError, match="case 'plain': control_image: is missing; a StableDiffusionControlNetPipe"):
        check_request(target(folder), suite())


def test_a_refiner_does_not_generate_from_texts(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = with_config(shutil.copytree(checkpoint("sdxl"), tmp_path / "r"), "", requires_aesthetics_score=True)
    with pytest.raises(SdevalError, match="is a refiner and cannot do text2img"):
        check(target(folder), "text2img", {})
    check(target(folder), "img2img", {})
