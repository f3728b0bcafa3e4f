"""Tiny pipelines of every family with random weights, saved as real checkpoints are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def _words() -> Any:
    from sdeval.shapes import tokenizer

    return tokenizer.build()


def _clip_text(width: int = 32, *, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = _words()
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=32,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _t5() -> dict[str, Any]:
    """Tokenizer and encoder, 64 wide."""
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", -9.0),
        *((letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"),
    ]
    config = T5Config(vocab_size=64, d_model=64, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return {"tokenizer": T5TokenizerFast(vocab=pieces, extra_ids=0), "text_encoder": T5EncoderModel(config)}


def _vae(latent_channels: int = 4, **changes: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=latent_channels,
        **changes,
    )


def _unet(width: int, in_channels: int = 4, **changes: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **{
            "sample_size": 32,
            "in_channels": in_channels,
            "block_out_channels": (8, 16),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "cross_attention_dim": width,
            "attention_head_dim": 2,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            **changes,
        }
    )


def stable_diffusion(folder: Path, width: int = 32, in_channels: int = 4, *, checked: bool = False) -> Path:
    """Stable Diffusion 1 (or 2, where the text is 1024 wide); for inpainting with 9 channels."""
    from diffusers import DDIMScheduler, StableDiffusionInpaintPipeline, StableDiffusionPipeline

    kind = StableDiffusionPipeline if in_channels == 4 else StableDiffusionInpaintPipeline
    kind(
        vae=_vae(),
        text_encoder=_clip_text(width),
        tokenizer=_words(),
        unet=_unet(width, in_channels),
        scheduler=DDIMScheduler(
            clip_sample=False, steps_offset=1, prediction_type="v_prediction" if width == 1024 else "epsilon"
        ),
        safety_checker=_safety_checker() if checked else None,
        feature_extractor=_image_processor() if checked else None,
        requires_safety_checker=checked,
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def _vision_config() -> Any:
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(
        hidden_size=32,
        image_size=28,
        patch_size=14,
        projection_dim=32,
        intermediate_size=32,
        num_attention_heads=2,
        num_hidden_layers=1,
    )


def _image_processor() -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})


def _safety_checker() -> Any:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPTextConfig

    return StableDiffusionSafetyChecker(
        CLIPConfig(text_config=CLIPTextConfig().to_dict(), vision_config=_vision_config().to_dict(), projection_dim=32)
    )


def stable_diffusion_xl(folder: Path) -> Path:
    """Stable Diffusion XL: two text encoders, sizes as conditions."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=_clip_text(),
        text_encoder_2=_clip_text(projected=True),
        tokenizer=_words(),
        tokenizer_2=_words(),
        unet=_unet(
            64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8,
            transformer_layers_per_block=1,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def stable_diffusion_3(folder: Path) -> Path:
    """Stable Diffusion 3: a transformer, three text encoders, a flow."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    t5 = _t5()
    StableDiffusion3Pipeline(
        vae=_vae(16, shift_factor=0.06, scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip_text(projected=True),
        text_encoder_2=_clip_text(projected=True),
        text_encoder_3=t5["text_encoder"],
        tokenizer=_words(),
        tokenizer_2=_words(),
        tokenizer_3=t5["tokenizer"],
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=64,
            caption_projection_dim=16,
            pooled_projection_dim=64,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def flux(folder: Path) -> Path:
    """Flux: a transformer over packed latents, two text encoders, a flow."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    t5 = _t5()
    FluxPipeline(
        vae=_vae(4, shift_factor=0.06, scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip_text(),
        text_encoder_2=t5["text_encoder"],
        tokenizer=_words(),
        tokenizer_2=t5["tokenizer"],
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=64,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def flux2_klein(folder: Path) -> Path:
    """Flux.2-klein: a language model reads the texts; its weights are large, so that all inputs change the image."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _t5()["tokenizer"]
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.mul_(4)
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=AutoencoderKLFlux2(
            block_out_channels=(8, 16),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=4,
            latent_channels=4,
            layers_per_block=1,
        ),
        text_encoder=Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=64,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=8,
            )
        ),
        tokenizer=tokenizer,
        transformer=transformer,
    ).save_pretrained(folder, safe_serialization=True)
    return folder


KLEIN_SETTINGS = {
    "num_inference_steps": 2,
    "text_encoder_out_layers": [1],
    "max_sequence_length": 16,
    "guidance_scale": 1.0,
}
"""What the small model needs."""


def kandinsky_prior(folder: Path) -> Path:
    """The part of Kandinsky 2.2 that turns texts into image embeddings."""
    from diffusers import KandinskyV22PriorPipeline, PriorTransformer, UnCLIPScheduler
    from transformers import CLIPVisionModelWithProjection

    KandinskyV22PriorPipeline(
        prior=PriorTransformer(num_attention_heads=2, attention_head_dim=8, embedding_dim=32, num_layers=1),
        image_encoder=CLIPVisionModelWithProjection(_vision_config()),
        text_encoder=_clip_text(projected=True),
        tokenizer=_words(),
        scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=10.0),
        image_processor=_image_processor(),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def kandinsky(folder: Path, in_channels: int = 4) -> Path:
    """The part of Kandinsky 2.2 that turns image embeddings into images; for inpainting with 9 channels."""
    from diffusers import DDPMScheduler, KandinskyV22InpaintPipeline, KandinskyV22Pipeline, VQModel

    (KandinskyV22Pipeline if in_channels == 4 else KandinskyV22InpaintPipeline)(
        unet=_unet(
            32,
            in_channels,
            out_channels=8,
            addition_embed_type="image",
            encoder_hid_dim=32,
            encoder_hid_dim_type="image_proj",
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            resnet_time_scale_shift="scale_shift",
        ),
        scheduler=DDPMScheduler(
            beta_schedule="linear", prediction_type="epsilon", variance_type="learned_range", thresholding=True
        ),
        movq=VQModel(
            # Its attention has groups of 32.
            block_out_channels=(32, 64),
            down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
            up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
            latent_channels=4,
            norm_num_groups=8,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
        ),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def name_prior(folder: Path, prior: str) -> Path:
    """Let the model card of a decoder name its prior, as those on the hub do."""
    (folder / "README.md").write_text(f"---\nprior:\n- {prior}\n---\nA decoder.\n")
    return folder


def _kandinsky_with_prior(folder: Path, in_channels: int) -> Path:
    prior = kandinsky_prior(folder.parent / f"{folder.name}-prior")
    return name_prior(kandinsky(folder, in_channels), str(prior.resolve()))


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "sd1": stable_diffusion,
    "sd2": lambda folder: stable_diffusion(folder, width=1024),
    "sd-inpainting": lambda folder: stable_diffusion(folder, in_channels=9),
    "sdxl": stable_diffusion_xl,
    "sd3": stable_diffusion_3,
    "flux": flux,
    "flux2-klein": flux2_klein,
    "kandinsky22": lambda folder: _kandinsky_with_prior(folder, 4),
    "kandinsky22-inpaint": lambda folder: _kandinsky_with_prior(folder, 9),
}
"""By name: what saves a checkpoint into a folder."""

TASKS_OF: dict[str, tuple[str, ...]] = {
    "sd1": ("text2img", "img2img", "inpainting"),
    "sd2": ("text2img", "img2img", "inpainting"),
    "sd-inpainting": ("inpainting",),
    "sdxl": ("text2img", "img2img", "inpainting"),
    "sd3": ("text2img", "img2img", "inpainting"),
    "flux": ("text2img", "img2img", "inpainting"),
    "kandinsky22": ("text2img", "img2img"),
    "kandinsky22-inpaint": ("inpainting",),
}


def save(name: str, folder: Path) -> Path:
    """A checkpoint with the same random weights every time."""
    torch.manual_seed(0)
    return FAMILIES[name](folder)
