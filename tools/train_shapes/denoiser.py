"""The denoiser and its text encoder, trained together on the latents of rendered images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from sdeval.shapes import tokenizer, world
from sdeval.shapes.world import Scene
from tools.train_shapes import autoencoder, data
from tools.train_shapes.loop import Outcome, Recipe, train

RECIPES = (
    Recipe(steps=7200, batch=48, rate=1.5e-3, flat=5800 / 7200, average=0.999),
    Recipe(steps=6000, batch=48, rate=1.2e-3, flat=0.72, average=0.9993, warm_up=200),
)
"""Trained once, and once more from there: the second time takes the colours from 97 to 99 right in a hundred."""
IMAGES = 40_000
"""Images rendered and encoded once, before training."""

NO_CAPTION = 0.1
"""Share of images trained without words, for classifier-free guidance."""

WIDTH = 96


class Denoiser(nn.Module):
    """What is optimised: the UNet and the text encoder."""

    def __init__(self, vocabulary: int, end: int) -> None:
        super().__init__()
        self.unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(64, 96),
            layers_per_block=1,
            norm_num_groups=8,
            attention_head_dim=4,
            cross_attention_dim=WIDTH,
        )
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=vocabulary,
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=tokenizer.CONTEXT,
                bos_token_id=end - 1,
                eos_token_id=end,
                pad_token_id=end,
                projection_dim=WIDTH,
            )
        )


def scheduler() -> DDIMScheduler:
    """The schedule of training and the sampler that ships."""
    return DDIMScheduler(
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=0.02,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


def train_denoiser(
    vae: AutoencoderKL,
    seed: int,
    checkpoint: Path,
    recipes: Sequence[Recipe] = RECIPES,
    images: int = IMAGES,
) -> tuple[Denoiser, list[Outcome]]:
    """Train from `seed` by the error of the predicted velocity (Salimans and Ho, arXiv 2202.00512)."""
    torch.manual_seed(seed)
    words = tokenizer.build()
    model = Denoiser(len(words), words.eos_token_id)
    model.unet.to(memory_format=torch.channels_last)
    scenes, latents = encode_scenes(vae, seed, images, checkpoint.with_name("latents.pt"))
    noises = scheduler()

    def loss_of_step(batch: int, rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
        indices = rng.integers(len(scenes), size=batch)
        texts = [_caption_or_nothing(scenes[index], rng) for index in indices]
        clean = latents[torch.from_numpy(indices)].to(memory_format=torch.channels_last)
        grain = torch.randn(clean.shape, generator=noise)
        times = torch.randint(noises.config.num_train_timesteps, (batch,), generator=noise)
        noisy = noises.add_noise(clean, grain, times)
        tokens = words(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        context = model.text(tokens).last_hidden_state
        velocity = model.unet(noisy, times, context).sample
        return functional.mse_loss(velocity, noises.get_velocity(clean, grain, times))

    outcomes = [
        train(model, partial(loss_of_step, recipe.batch), recipe, seed + number, _with_number(checkpoint, number))
        for number, recipe in enumerate(recipes)
    ]
    return model.eval(), outcomes


def _with_number(checkpoint: Path, number: int) -> Path:
    return checkpoint.with_stem(f"{checkpoint.stem}-{number + 1}")


def _caption_or_nothing(scene: Scene, rng: np.random.Generator) -> str:
    return "" if rng.random() < NO_CAPTION else data.loose_caption(scene, rng)


def encode_scenes(vae: AutoencoderKL, seed: int, count: int, cache: Path) -> tuple[list[Scene], torch.Tensor]:
    """Scenes and their scaled latents, `[count, 4, 8, 8]`; encoded once and cached in a file."""
    if not cache.exists():
        rng = np.random.default_rng((seed, 2**30))
        captions: list[str] = []
        parts = []
        for _ in range(0, count, 500):
            group = [data.scene(rng) for _ in range(500)]
            parts.append(autoencoder.latents(vae, data.images(group, rng)))
            captions += map(world.caption, group)
        aside = cache.with_suffix(".part")
        torch.save({"captions": captions, "latents": torch.cat(parts) * vae.config.scaling_factor}, aside)
        aside.replace(cache)
    content = torch.load(cache, weights_only=True)
    return [world.parse(text) for text in content["captions"]], content["latents"]
