"""Writes trained models as others expect them: a diffusers folder and an open_clip folder, safetensors only."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from open_clip.model import CLIP
from safetensors.torch import save_file

from sdeval._utils.files import dump_json, write_text
from sdeval.shapes import tokenizer
from tools import earlier_format
from tools.train_shapes import clip as clip_training
from tools.train_shapes import denoiser as denoiser_training
from tools.train_shapes.denoiser import Denoiser


def save_pipeline(vae: AutoencoderKL, denoiser: Denoiser, folder: Path) -> None:
    """A `StableDiffusionPipeline` checkpoint.

    UNet and autoencoder are stored in half precision, the text encoder in full: without a `dtype`, diffusers loads its
    models in full precision whatever they were stored in, transformers does not, and a mixture of both fails.
    """
    StableDiffusionPipeline(
        vae=vae.half().to(memory_format=torch.contiguous_format),
        text_encoder=denoiser.text.float(),
        tokenizer=tokenizer.build(),
        unet=denoiser.unet.half().to(memory_format=torch.contiguous_format),
        scheduler=denoiser_training.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)
    earlier_format.convert(folder)
    _tidy(folder)


def save_clip(model: CLIP, folder: Path) -> None:
    """An open_clip folder with its own tokenizer, for `local-dir:`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer.build()
    words.save_pretrained(folder)
    mean, deviation = [clip_training.MEAN] * 3, [clip_training.DEVIATION] * 3
    preprocess = {"mean": mean, "std": deviation, "interpolation": "bicubic", "resize_mode": "squash"}
    config = {"model_cfg": clip_training.configuration(len(words)), "preprocess_cfg": preprocess}
    write_text(folder / "open_clip_config.json", dump_json(config))
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    _tidy(folder)


def _tidy(folder: Path) -> None:
    """Readable by all, whatever the libraries made of it, and no local path in any configuration."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
        if path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "_name_or_path" in content:
                del content["_name_or_path"]
                write_text(path, dump_json(content))
