"""Tiny pipelines of every family with random weights, saved as real checkpoints are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def _words() -> Any:
    from sdeval.shapes import tokenizer

    return tokenizer.build()


def _clip_text(width: int = 32, *, projected: bool = False, positions: int = 77) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = _words()
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=32,
        max_position_embeddings=positions,
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


def _vae(latent_channels: int = 4, widths: tuple[int, ...] = (8, 16), **changes: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
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


def stable_diffusion_3(folder: Path, **changes: Any) -> Path:
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
            # The last one takes nothing of a controlnet.
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=64,
            caption_projection_dim=16,
            pooled_projection_dim=64,
            **changes,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder, safe_serialization=True)
    return folder


FLUX: dict[str, Any] = {
    "patch_size": 1,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 64,
    "pooled_projection_dim": 32,
    "axes_dims_rope": (4, 4, 8),
}
"""Sizes of a transformer of Flux."""
FLUX2: dict[str, Any] = {
    "in_channels": 16,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 16,
    "timestep_guidance_channels": 32,
    "axes_dims_rope": (4, 4, 4, 4),
}
FLUX2_VAE: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 4,
    "latent_channels": 4,
    "layers_per_block": 1,
}


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
        transformer=FluxTransformer2DModel(**FLUX, in_channels=16),
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
    transformer = _loud(Flux2Transformer2DModel(**FLUX2, guidance_embeds=False), 4.0)
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=AutoencoderKLFlux2(**FLUX2_VAE),
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


def _loud(model: torch.nn.Module, factor: float = 3.0) -> Any:
    """A model with large weights: whatever goes in changes the image."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)
    return model


def _flow(**changes: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**changes)


def _flow_vae(**changes: Any) -> Any:
    plain: dict[str, Any] = {"use_quant_conv": False, "use_post_quant_conv": False}
    plain |= {"shift_factor": 0.06, "scaling_factor": 1.5}
    return _vae(**plain, **changes)


LANGUAGE = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 2048,
}
"""Sizes of a small language model."""


def _letters() -> Any:
    """A tokenizer of letters, that writes messages one after another."""
    tokenizer = _t5()["tokenizer"]
    tokenizer.chat_template = (
        "{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}"
        "{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}{% endfor %}"
    )
    return tokenizer


def _bytes() -> Any:
    """Qwen's tokenizer, with single bytes for words."""
    from transformers import Qwen2Tokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    special += ["<|image_pad|>", "<|video_pad|>"]
    names = [*bytes_to_unicode().values(), *special]
    tokenizer = Qwen2Tokenizer(vocab={name: number for number, name in enumerate(names)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": special[1:]})
    return tokenizer


def _vision_language(tokenizer: Any) -> Any:
    """A model that reads texts and images."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    sizes = {name: value for name, value in LANGUAGE.items() if name != "head_dim"}
    rope = {"type": "mrope", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    config = Qwen2_5_VLConfig(
        text_config={**sizes, "vocab_size": len(tokenizer), "rope_scaling": rope},
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 16,
            "fullatt_block_indexes": [0],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def pixart_sigma(folder: Path) -> Path:
    """PixArt-Sigma: a transformer that learned noise and its variance, read by T5."""
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    PixArtSigmaPipeline(
        **_t5(),
        vae=_vae(),
        transformer=_loud(
            PixArtTransformer2DModel(
                sample_size=32,
                num_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                cross_attention_dim=16,
                caption_channels=64,
            )
        ),
        scheduler=DPMSolverMultistepScheduler(),
    ).save_pretrained(folder)
    return folder


def stable_diffusion_3_5(folder: Path) -> Path:
    """Stable Diffusion 3.5: Stable Diffusion 3 with normalised attention, and a second one in some layers."""
    return stable_diffusion_3(folder, qk_norm="rms_norm", dual_attention_layers=(0,))


def flux_of(folder: Path, kind: str, *, in_channels: int = 16, guidance: bool = True) -> Path:
    """A relative of Flux: the class says which."""
    import diffusers

    t5 = _t5()
    getattr(diffusers, kind)(
        vae=_flow_vae(),
        text_encoder=_clip_text(),
        text_encoder_2=t5["text_encoder"],
        tokenizer=_words(),
        tokenizer_2=t5["tokenizer"],
        transformer=_loud(
            diffusers.FluxTransformer2DModel(**FLUX, in_channels=in_channels, out_channels=16, guidance_embeds=guidance)
        ),
        scheduler=_flow(),
    ).save_pretrained(folder)
    return folder


def qwen_image(folder: Path, kind: str = "QwenImagePipeline") -> Path:
    """Qwen-Image: its texts are read by a model that reads images too, which its edit models show theirs."""
    import diffusers
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    tokenizer = _bytes()
    parts: dict[str, Any] = {}
    if "Edit" in kind:
        parts["processor"] = Qwen2VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor())
    getattr(diffusers, kind)(
        scheduler=_flow(),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            # Images of edits are made as large as a megapixel.
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False] * 3,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        text_encoder=_vision_language(tokenizer),
        tokenizer=tokenizer,
        transformer=_loud(
            diffusers.QwenImageTransformer2DModel(
                in_channels=16,
                out_channels=4,
                num_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=16,
                axes_dims_rope=(4, 4, 8),
            )
        ),
        **parts,
    ).save_pretrained(folder)
    return folder


def z_image(folder: Path) -> Path:
    """Z-Image: one stream of texts and latents, read by Qwen 3."""
    from diffusers import ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[4, 4, 8],
        axes_lens=[1024, 64, 64],
    )
    with torch.no_grad():
        # Left as they come from memory.
        for padding in (transformer.x_pad_token, transformer.cap_pad_token):
            padding.normal_()
    ZImagePipeline(
        scheduler=_flow(),
        vae=_flow_vae(),
        text_encoder=Qwen3Model(Qwen3Config(**LANGUAGE, vocab_size=64)),
        tokenizer=_letters(),
        transformer=transformer,
    ).save_pretrained(folder)
    return folder


def _gemma() -> Any:
    from transformers import Gemma2Config, Gemma2Model

    return Gemma2Model(Gemma2Config(**LANGUAGE, vocab_size=64, query_pre_attn_scalar=8))


def sana(folder: Path, kind: str = "SanaPipeline") -> Path:
    """SANA: linear attention over strongly compressed latents, and a diffusion solver that is configured for flows."""
    import diffusers

    is_sprint = "Sprint" in kind
    getattr(diffusers, kind)(
        tokenizer=_letters(),
        text_encoder=_gemma(),
        vae=diffusers.AutoencoderDC(
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types="ResBlock",
            decoder_block_types="ResBlock",
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), ()),
            decoder_qkv_multiscales=((), ()),
        ),
        transformer=_loud(
            diffusers.SanaTransformer2DModel(
                in_channels=4,
                out_channels=4,
                num_layers=1,
                num_attention_heads=2,
                attention_head_dim=8,
                num_cross_attention_heads=2,
                cross_attention_head_dim=8,
                cross_attention_dim=16,
                caption_channels=16,
                guidance_embeds=is_sprint,
                qk_norm="rms_norm_across_heads" if is_sprint else None,
            )
        ),
        scheduler=diffusers.SCMScheduler()
        if is_sprint
        else diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    ).save_pretrained(folder)
    return folder


def flux2(folder: Path) -> Path:
    """Flux.2: Flux.2-klein with a larger reader and a guidance of its own."""
    from diffusers import AutoencoderKLFlux2, Flux2Pipeline, Flux2Transformer2DModel
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration

    Flux2Pipeline(
        scheduler=_flow(),
        vae=AutoencoderKLFlux2(**FLUX2_VAE),
        text_encoder=Mistral3ForConditionalGeneration(
            Mistral3Config(
                text_config={**LANGUAGE, "vocab_size": 64, "model_type": "mistral"},
                vision_config={
                    "hidden_size": 16,
                    "intermediate_size": 16,
                    "num_hidden_layers": 1,
                    "num_attention_heads": 2,
                    "image_size": 28,
                    "patch_size": 14,
                    "model_type": "pixtral",
                },
            )
        ),
        tokenizer=_letters(),
        transformer=_loud(Flux2Transformer2DModel(**FLUX2)),
    ).save_pretrained(folder)
    return folder


def chroma(folder: Path) -> Path:
    """Chroma: Flux without CLIP, whose modulations come from one small network."""
    from diffusers import ChromaPipeline, ChromaTransformer2DModel

    sizes = {name: value for name, value in FLUX.items() if name != "pooled_projection_dim"}
    ChromaPipeline(
        **_t5(),
        scheduler=_flow(),
        vae=_flow_vae(),
        transformer=_loud(
            ChromaTransformer2DModel(
                **sizes,
                in_channels=16,
                approximator_num_channels=8,
                approximator_hidden_dim=16,
                approximator_layers=1,
            ),
            1.5,
        ),
    ).save_pretrained(folder)
    return folder


def instruct_pix2pix(folder: Path) -> Path:
    """InstructPix2Pix: the image goes in beside the noise, in channels of its own."""
    from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline

    StableDiffusionInstructPix2PixPipeline(
        vae=_vae(),
        text_encoder=_clip_text(),
        tokenizer=_words(),
        unet=_unet(32, in_channels=8, out_channels=4),
        scheduler=EulerAncestralDiscreteScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def latent_consistency(folder: Path) -> Path:
    """LCM: Stable Diffusion distilled to a few steps, with the guidance scale as an input."""
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    LatentConsistencyModelPipeline(
        vae=_vae(),
        text_encoder=_clip_text(),
        tokenizer=_words(),
        unet=_unet(32, time_cond_proj_dim=8),
        scheduler=LCMScheduler(clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def auraflow(folder: Path) -> Path:
    """AuraFlow: read by a multilingual T5."""
    from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel
    from transformers import UMT5Config, UMT5EncoderModel

    AuraFlowPipeline(
        tokenizer=_letters(),
        text_encoder=UMT5EncoderModel(
            UMT5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
        vae=_vae(),
        transformer=_loud(
            AuraFlowTransformer2DModel(
                sample_size=32,
                num_mmdit_layers=1,
                num_single_dit_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                joint_attention_dim=16,
                caption_projection_dim=16,
                pos_embed_max_size=256,
            )
        ),
        scheduler=_flow(),
    ).save_pretrained(folder)
    return folder


def lumina2(folder: Path) -> Path:
    """Lumina 2: one stream, read by Gemma 2."""
    from diffusers import Lumina2Pipeline, Lumina2Transformer2DModel

    Lumina2Pipeline(
        transformer=_loud(
            Lumina2Transformer2DModel(
                sample_size=16,
                in_channels=4,
                hidden_size=24,
                num_layers=1,
                num_refiner_layers=1,
                num_attention_heads=2,
                num_kv_heads=1,
                multiple_of=8,
                axes_dim_rope=(4, 4, 4),
                axes_lens=(512, 64, 64),
                cap_feat_dim=16,
            ),
            2.5,
        ),
        scheduler=_flow(),
        # Its pipeline takes no other VAE than one that makes images 8 times smaller.
        vae=_flow_vae(widths=(8, 8, 8, 8)),
        text_encoder=_gemma(),
        tokenizer=_letters(),
    ).save_pretrained(folder)
    return folder


def cogview4(folder: Path) -> Path:
    """CogView4: read by GLM."""
    from diffusers import CogView4Pipeline, CogView4Transformer2DModel
    from transformers import GlmConfig, GlmModel

    CogView4Pipeline(
        tokenizer=_letters(),
        text_encoder=GlmModel(GlmConfig(**LANGUAGE, vocab_size=64, pad_token_id=0, eos_token_id=1)),
        vae=_vae(),
        transformer=_loud(
            CogView4Transformer2DModel(
                in_channels=4,
                out_channels=4,
                num_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                text_embed_dim=16,
                time_embed_dim=8,
                condition_dim=4,
                rope_axes_dim=(64, 64),
            ),
            6.0,
        ),
        scheduler=_flow(base_shift=0.25, max_shift=0.75, base_image_seq_len=256, use_dynamic_shifting=True),
    ).save_pretrained(folder)
    return folder


def hidream(folder: Path) -> Path:
    """HiDream: four text encoders, and experts among which a gate chooses."""
    from diffusers import HiDreamImagePipeline, HiDreamImageTransformer2DModel
    from transformers import LlamaConfig, LlamaForCausalLM

    t5 = _t5()
    letters = _letters()
    letters.model_max_length = 128
    HiDreamImagePipeline(
        scheduler=_flow(),
        vae=_flow_vae(),
        text_encoder=_clip_text(projected=True, positions=128),
        tokenizer=_words(),
        text_encoder_2=_clip_text(projected=True, positions=128),
        tokenizer_2=_words(),
        text_encoder_3=t5["text_encoder"],
        tokenizer_3=t5["tokenizer"],
        text_encoder_4=LlamaForCausalLM(LlamaConfig(**LANGUAGE, vocab_size=64, attn_implementation="eager")),
        tokenizer_4=letters,
        transformer=_loud(
            HiDreamImageTransformer2DModel(
                patch_size=2,
                in_channels=4,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                caption_channels=[64, 16],
                text_emb_dim=64,
                num_routed_experts=2,
                num_activated_experts=1,
                axes_dims_rope=(4, 2, 2),
                max_resolution=(32, 32),
                llama_layers=[0, 1],
            )
        ),
    ).save_pretrained(folder)
    return folder


def hunyuan_image(folder: Path) -> Path:
    """HunyuanImage, distilled: a second reader for the words to be written, and a guidance scale as an input."""
    from diffusers import AutoencoderKLHunyuanImage, HunyuanImagePipeline, HunyuanImageTransformer2DModel
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    tokenizer = _bytes()
    HunyuanImagePipeline(
        scheduler=_flow(),
        vae=AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 32, 32, 32),
            layers_per_block=1,
            spatial_compression_ratio=8,
            sample_size=64,
            scaling_factor=1.0,
        ),
        text_encoder=_vision_language(tokenizer),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(T5Config(vocab_size=400, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
        tokenizer_2=ByT5Tokenizer(),
        transformer=_loud(
            HunyuanImageTransformer2DModel(
                in_channels=4,
                out_channels=4,
                num_attention_heads=2,
                attention_head_dim=8,
                num_layers=1,
                num_single_layers=1,
                num_refiner_layers=1,
                guidance_embeds=True,
                text_embed_dim=16,
                text_embed_2_dim=16,
                rope_axes_dim=(4, 4),
            ),
            6.0,
        ),
    ).save_pretrained(folder)
    return folder


def bria(folder: Path) -> Path:
    """Bria: a relative of Flux with true guidance."""
    from diffusers import BriaPipeline, BriaTransformer2DModel

    sizes = {name: value for name, value in FLUX.items() if name != "pooled_projection_dim"}
    BriaPipeline(
        **_t5(),
        scheduler=_flow(),
        vae=_vae(shift_factor=0.0),
        transformer=_loud(BriaTransformer2DModel(**{**sizes, "axes_dims_rope": [4, 4, 8]}, in_channels=16)),
    ).save_pretrained(folder)
    return folder


def fibo(folder: Path) -> Path:
    """Bria's FIBO: reads texts with all layers of a language model; its latents are 16 times smaller than images."""
    from diffusers import AutoencoderKLWan, BriaFiboPipeline, BriaFiboTransformer2DModel
    from transformers import SmolLM3Config, SmolLM3ForCausalLM

    sizes = {name: value for name, value in FLUX.items() if name != "pooled_projection_dim"}
    language = {name: value for name, value in LANGUAGE.items() if name != "head_dim"}
    BriaFiboPipeline(
        scheduler=_flow(),
        vae=AutoencoderKLWan(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False] * 4,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ),
        # Where there is no text, its pipeline puts a word with this number.
        text_encoder=SmolLM3ForCausalLM(SmolLM3Config(**language, vocab_size=128_001, pad_token_id=0)),
        tokenizer=_letters(),
        transformer=_loud(
            BriaFiboTransformer2DModel(
                **{**sizes, "axes_dims_rope": [4, 4, 8], "joint_attention_dim": 32},
                in_channels=4,
                text_encoder_dim=16,
            )
        ),
    ).save_pretrained(folder)
    return folder


def kandinsky5(folder: Path, kind: str = "Kandinsky5T2IPipeline") -> Path:
    """Kandinsky 5: a model of videos of one frame, of a few sizes only."""
    import diffusers
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    tokenizer = _bytes()
    getattr(diffusers, kind)(
        scheduler=_flow(),
        vae=_vae(widths=(8, 8, 8, 8)),
        text_encoder=_vision_language(tokenizer),
        tokenizer=Qwen2VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor()),
        text_encoder_2=_clip_text(),
        tokenizer_2=_words(),
        transformer=_loud(
            diffusers.Kandinsky5Transformer3DModel(
                in_visual_dim=4,
                out_visual_dim=4,
                in_text_dim=16,
                in_text_dim2=32,
                time_dim=16,
                model_dim=16,
                ff_dim=16,
                num_text_blocks=1,
                num_visual_blocks=1,
                axes_dims=(4, 2, 2),
                visual_cond="I2I" in kind,
            )
        ),
    ).save_pretrained(folder)
    return folder


KLEIN_SETTINGS = {
    "num_inference_steps": 2,
    "text_encoder_out_layers": [1],
    "max_sequence_length": 16,
    "guidance_scale": 1.0,
}
"""What the small model needs."""
SETTINGS_OF: dict[str, dict[str, Any]] = {
    "flux-kontext": {"_auto_resize": False},
    "flux2": {"text_encoder_out_layers": [1], "max_sequence_length": 512},
    "flux2-klein": KLEIN_SETTINGS,
    # Its pipeline makes every image as large.
    "hidream": {"width": 256, "height": 256},
    "kandinsky5": {"width": 1024, "height": 1024},
    "kandinsky5-edit": {"width": 1024, "height": 1024},
    "lumina2": {"system_prompt": "draw"},
    "pixart-sigma": {"use_resolution_binning": False, "clean_caption": False},
    "sana": {"use_resolution_binning": False, "complex_human_instruction": None},
    "sana-sprint": {"use_resolution_binning": False, "complex_human_instruction": None},
}
"""What small models need: without these, pipelines make images large, or texts longer than these models read."""


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
    "pixart-sigma": pixart_sigma,
    "sd3.5": stable_diffusion_3_5,
    "flux-kontext": lambda folder: flux_of(folder, "FluxKontextPipeline"),
    # Noise, what is left of the image, and the mask: 4 pixels of 16, 16 and 4 values, packed.
    "flux-fill": lambda folder: flux_of(folder, "FluxFillPipeline", in_channels=48),
    "qwen-image": qwen_image,
    "qwen-image-edit": lambda folder: qwen_image(folder, "QwenImageEditPipeline"),
    "qwen-image-edit-plus": lambda folder: qwen_image(folder, "QwenImageEditPlusPipeline"),
    "z-image": z_image,
    "sana": sana,
    "sana-sprint": lambda folder: sana(folder, "SanaSprintPipeline"),
    "flux2": flux2,
    "chroma": chroma,
    "instruct-pix2pix": instruct_pix2pix,
    "lcm": latent_consistency,
    "auraflow": auraflow,
    "lumina2": lumina2,
    "cogview4": cogview4,
    "hidream": hidream,
    "hunyuan-image": hunyuan_image,
    "bria": bria,
    "fibo": fibo,
    "kandinsky5": kandinsky5,
    "kandinsky5-edit": lambda folder: kandinsky5(folder, "Kandinsky5I2IPipeline"),
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
    "sd3.5": ("text2img", "img2img", "inpainting"),
    "flux": ("text2img", "img2img", "inpainting"),
    "flux-kontext": ("text2img", "img2img", "inpainting", "edit"),
    "flux-fill": ("inpainting",),
    "flux2": ("text2img", "img2img", "edit"),
    "flux2-klein": ("text2img", "img2img", "inpainting", "edit"),
    "pixart-sigma": ("text2img",),
    "qwen-image": ("text2img", "img2img", "inpainting"),
    "qwen-image-edit": ("img2img", "inpainting", "edit"),
    "qwen-image-edit-plus": ("img2img", "edit"),
    "z-image": ("text2img", "img2img", "inpainting"),
    "sana": ("text2img",),
    "sana-sprint": ("text2img", "img2img"),
    "chroma": ("text2img", "img2img"),
    "instruct-pix2pix": ("img2img", "edit"),
    "lcm": ("text2img", "img2img"),
    "auraflow": ("text2img",),
    "lumina2": ("text2img",),
    "cogview4": ("text2img",),
    "hidream": ("text2img",),
    "hunyuan-image": ("text2img",),
    "bria": ("text2img",),
    "fibo": ("text2img",),
    "kandinsky5": ("text2img",),
    "kandinsky5-edit": ("img2img", "edit"),
    "kandinsky22": ("text2img", "img2img"),
    "kandinsky22-inpaint": ("inpainting",),
}


def save(name: str, folder: Path) -> Path:
    """A checkpoint with the same random weights every time."""
    torch.manual_seed(0)
    return FAMILIES[name](folder)


def _control(**changes: Any) -> dict[str, Any]:
    """Sizes of a controlnet for the small UNet."""
    return {
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        # The VAE makes images two times smaller, and so does this.
        "conditioning_embedding_out_channels": (4, 8),
        **changes,
    }


def controlnet(family: str, folder: Path) -> Path:
    """A controlnet for a family, with large weights: those of a new one are zeros, which change nothing."""
    from diffusers import ControlNetModel, FluxControlNetModel, SD3ControlNetModel

    torch.manual_seed(1)
    if family == "sd1":
        model = ControlNetModel(**_control(cross_attention_dim=32))
    elif family == "sdxl":
        model = ControlNetModel(
            **_control(
                cross_attention_dim=64,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=32 + 6 * 8,
                use_linear_projection=True,
            )
        )
    elif family == "flux":
        model = FluxControlNetModel(**{**FLUX, "axes_dims_rope": [4, 4, 8]}, in_channels=16)
    else:
        model = SD3ControlNetModel(
            sample_size=32,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=64,
            caption_projection_dim=16,
            pooled_projection_dim=64,
        )
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.5)
    model.save_pretrained(folder)
    return folder


def ip_adapter(folder: Path) -> Path:
    """An IP-Adapter for Stable Diffusion 1, with the model that reads its images beside it."""
    from safetensors.torch import save_file
    from transformers import CLIPVisionModelWithProjection

    torch.manual_seed(1)
    CLIPVisionModelWithProjection(_vision_config()).save_pretrained(folder / "image_encoder")
    tokens, width = 4, 32
    tensors = {
        "image_proj.proj.weight": torch.randn(tokens * width, 32),
        "image_proj.proj.bias": torch.zeros(tokens * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    # Attention to texts has odd numbers.
    for number in range(1, len(_unet(width).attn_processors), 2):
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{number}.{part}.weight"] = torch.randn(16, width)
    save_file(tensors, folder / "ip-adapter.safetensors")
    return folder / "ip-adapter.safetensors"
