"""The autoencoder: 64x64 images to 8x8x4 latents and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from tools.train_shapes import data
from tools.train_shapes.loop import Outcome, Recipe, train

SCALING = 0.18215
"""Stable Diffusion's own factor, so that the checkpoint behaves as its family does."""

RECIPE = Recipe(steps=3000, batch=16, rate=2e-3, average=0.995, weight_decay=0.0, checkpoint_every=200)


def new_model() -> AutoencoderKL:
    """The architecture with fresh weights."""
    model = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=1,
        latent_channels=4,
        # Eight groups on sixteen channels stall near 11 dB; one group trains.
        norm_num_groups=1,
        mid_block_add_attention=False,
        sample_size=64,
        scaling_factor=SCALING,
        force_upcast=False,
    )
    with torch.no_grad():
        # Start nearly deterministic: the noise of the posterior is then learnt.
        model.quant_conv.bias[4:] = -5.0
    return model


def train_autoencoder(seed: int, checkpoint: Path, recipe: Recipe = RECIPE) -> tuple[AutoencoderKL, Outcome]:
    """Train from `seed`, then scale the latents as the denoiser expects them."""
    torch.manual_seed(seed)
    model = new_model().to(memory_format=torch.channels_last)

    def loss_of_step(rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
        images = (
            data.images([data.scene(rng) for _ in range(recipe.batch)], rng).to(memory_format=torch.channels_last) * 2
            - 1
        )
        posterior = model.encode(images).latent_dist
        decoded = model.decode(posterior.sample(generator=noise)).sample
        fit = functional.l1_loss(decoded, images) + 2 * functional.mse_loss(decoded, images)
        return torch.as_tensor(fit + 2e-5 * posterior.kl().mean())

    outcome = train(model, loss_of_step, recipe, seed, checkpoint)
    whiten(model.eval(), seed)
    return model, outcome


@torch.no_grad()
def latents(model: AutoencoderKL, images: torch.Tensor, batch: int = 128) -> torch.Tensor:
    """Mean latents of images `[n, 3, 64, 64]` in 0..1, unscaled: `[n, 4, 8, 8]`."""
    return torch.cat([model.encode(part * 2 - 1).latent_dist.mode() for part in torch.split(images, batch)])


@torch.no_grad()
def whiten(model: AutoencoderKL, seed: int) -> None:
    """Fold a shift and a scale for each channel into the 1x1 convolutions around the latents.

    Afterwards a latent times the scaling factor has mean 0 and deviation 1, as samplers assume.
    """
    rng = np.random.default_rng((seed, 2**31))
    sample_latents = latents(model, data.images([data.scene(rng) for _ in range(512)], rng))
    mean, deviation = sample_latents.mean(dim=(0, 2, 3)), sample_latents.std(dim=(0, 2, 3))
    scale = 1 / (deviation * SCALING)
    encode, decode = model.quant_conv, model.post_quant_conv
    decode.bias += (decode.weight[:, :, 0, 0] * mean).sum(dim=1)
    decode.weight /= scale[None, :, None, None]
    encode.weight[:4] *= scale[:, None, None, None]
    encode.bias[:4] = (encode.bias[:4] - mean) * scale
    # The lower half of the moments is a log-variance: it shifts by the log of the squared scale.
    encode.bias[4:] += 2 * scale.log()
