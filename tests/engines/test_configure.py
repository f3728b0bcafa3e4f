"""Switches of a target: turned on where they do something, refused where they would do nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from sdeval import NotAvailable, SdevalError, Target
from sdeval.engines.diffusers_engine import LoadedTarget, check
from tests.engines.conftest import Checkpoint
from tests.families import save


def loaded(folder: Path, **changes: Any) -> LoadedTarget:
    return LoadedTarget(Target(**{"name": "tiny", "model": str(folder), "device": "cpu", **changes}))


def test_a_schedulers_arguments_reach_it(checkpoint: Checkpoint) -> None:
    karras = {"scheduler": "DPMSolverMultistepScheduler", "scheduler_config": {"use_karras_sigmas": True}}
    assert loaded(checkpoint("sd1"), **karras).pipeline("text2img").scheduler.config.use_karras_sigmas is True


def test_the_models_own_scheduler_takes_arguments_too(checkpoint: Checkpoint) -> None:
    pipeline = loaded(checkpoint("sd1"), scheduler_config={"timestep_spacing": "trailing"}).pipeline("img2img")
    assert type(pipeline.scheduler).__name__ == "DDIMScheduler"
    assert pipeline.scheduler.config.timestep_spacing == "trailing"


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        (
            "sd1",
            {"scheduler_config": {"use_karas_sigmas": True}},
            "scheduler_config: unknown argument of DDIMScheduler 'use_karas_sigmas'",
        ),
        ("flux", {"scheduler": "DDIMScheduler"}, "DDIMScheduler does not fit a Flux model; these do: FlowMatchEuler"),
        ("kandinsky22", {"scheduler": "DDIMScheduler"}, "with variance_type=fixed_small DPMSolverMultistepScheduler"),
        ("sd1", {"prior": "org/prior"}, "prior has no effect: .* is generated without one"),
        ("sd1", {"safety_checker": False}, "safety_checker: .* has none; leave the switch alone"),
        ("sd1", {"vae": "./nowhere"}, r"vae: no such folder: \./nowhere"),
        ("sd1", {"loras": {"./nowhere.safetensors": 1.0}}, "loras: no such file or folder"),
    ],
)
def test_what_does_not_fit_is_refused_before_weights_are_read(
    checkpoint: Checkpoint,
    family: str,
    changes: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(SdevalError, match=message):
        check(loaded(checkpoint(family), **changes).target, "text2img", {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vae": "org/vae"}, "weights of org/vae are not on this machine; get them with: hf download org/vae"),
        ({"loras": {"org/lora": 1.0}}, "weights of org/lora are not on this machine"),
    ],
)
def test_parts_that_are_not_here_say_how_to_get_them(
    checkpoint: Checkpoint,
    changes: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(NotAvailable, match=message):
        check(loaded(checkpoint("sd1"), **changes).target, "text2img", {})


def test_slices_and_tiles_reach_the_vae(checkpoint: Checkpoint) -> None:
    vae = loaded(checkpoint("sd1"), vae_slicing=True, vae_tiling=True).pipeline("text2img").vae
    assert (vae.use_slicing, vae.use_tiling) == (True, True)


def test_channels_last_reaches_the_denoiser(checkpoint: Checkpoint) -> None:
    unet = loaded(checkpoint("sd1"), channels_last=True).pipeline("text2img").unet
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def test_sliced_attention_is_told_by_what_runs(checkpoint: Checkpoint) -> None:
    said = loaded(checkpoint("sd1"), attention="sliced").describe("text2img")
    assert said["attention"] == ["SlicedAttnProcessor"]


def test_a_backend_reaches_a_transformer(checkpoint: Checkpoint) -> None:
    said = loaded(checkpoint("flux"), attention="_native_math").describe("text2img")
    assert said["attention"] == ["FluxAttnProcessor (_native_math)"]


@pytest.mark.parametrize(
    ("family", "changes", "error", "message"),
    [
        ("kandinsky22", {"vae_slicing": True}, SdevalError, "vae_slicing has no effect: .* has no enable_slicing"),
        (
            "sd1",
            {"attention": "_native_math"},
            SdevalError,
            "has no effect on a UNet2DConditionModel; it runs AttnProc",
        ),
        ("flux", {"attention": "sliced"}, SdevalError, "attention sliced has no effect on a FluxTransformer2DModel"),
        ("flux", {"attention": "nope"}, SdevalError, "attention: .*must be one of"),
        ("sd1", {"attention": "xformers"}, NotAvailable, "xformers"),
        ("flux", {"attention": "xformers"}, NotAvailable, "xformers"),
        ("sd1", {"cpu_offload": "model", "device": "auto"}, SdevalError, "this machine has none"),
    ],
)
def test_what_would_do_nothing_or_cannot_be_done_is_said(
    checkpoint: Checkpoint,
    family: str,
    changes: dict[str, Any],
    error: type[SdevalError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        loaded(checkpoint(family), **changes).pipeline("text2img")


def test_another_vae_takes_the_place_of_the_models(checkpoint: Checkpoint, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    folder = tmp_path / "vae"
    other = AutoencoderKL.from_pretrained(checkpoint("sd1") / "vae")
    with torch.no_grad():
        other.decoder.conv_out.bias += 1
    other.save_pretrained(folder)
    vae = loaded(checkpoint("sd1"), vae=str(folder)).pipeline("inpainting").vae
    assert torch.equal(vae.decoder.conv_out.bias, other.decoder.conv_out.bias)


def test_a_safety_checker_is_kept_unless_it_is_switched_off(tmp_path: Path) -> None:
    from tests.families import stable_diffusion

    folder = stable_diffusion(tmp_path / "checked", checked=True)
    assert loaded(folder).pipeline("text2img").safety_checker is not None
    assert loaded(folder, safety_checker=False).pipeline("text2img").safety_checker is None


def test_weights_of_a_variant_are_read(tmp_path: Path) -> None:
    folder = save("sd1", tmp_path / "model")
    for weights in folder.glob("*/*.safetensors"):
        weights.rename(weights.with_suffix(".fp16.safetensors"))
    assert loaded(folder, variant="fp16").pipeline("text2img").unet is not None
    with pytest.raises(SdevalError, match="does not load for text2img"):
        loaded(folder).pipeline("text2img")


def test_adaptations_change_the_denoiser(checkpoint: Checkpoint, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers

    folder = shutil.copytree(checkpoint("sd1"), tmp_path / "model")
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.unet.add_adapter(peft.LoraConfig(r=2, target_modules=["to_q"], init_lora_weights=False))
    layers = convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(pipeline.unet))
    StableDiffusionPipeline.save_lora_weights(tmp_path / "lora", unet_lora_layers=layers)
    target = loaded(folder, loras={str(tmp_path / "lora"): 0.5})
    assert target.pipeline("text2img").get_active_adapters() == ["lora-0"]
