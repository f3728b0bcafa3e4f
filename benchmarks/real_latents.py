"""Images of the embedded model whose latents were decoded before they were denoised."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.healthy_images import Pixels
from sdeval.shapes import pipeline_folder, world

MODEL_SIZE = 64
"""Width and height that the model was trained for, in pixels."""
STEPS = 20
"""Denoising steps of a finished image."""


@cache
def _pipeline() -> Any:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(pipeline_folder())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def undenoised_by_model(size: int, steps: int, count: int) -> list[tuple[Pixels, Pixels]]:
    """Decoded latents after a few of 20 steps (0: random latents), each with a finished generating of its prompt.

    The decoder is convolutional: with more latents than it was trained for it decodes a larger image.
    """
    rng = np.random.default_rng(size)
    pairs = []
    for seed in range(count):
        scene = world.random_scene(rng)
        generation = world.render(scene, rng).resize((size, size), Image.Resampling.BICUBIC)
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn(1, 4, size // 8, size // 8, generator=generator)
        if steps:
            latents = _stopped(world.caption(scene), latents, steps)
        pairs.append((_decode(latents), np.asarray(generation)))
    return pairs


def _stopped(prompt: str, latents: torch.Tensor, steps: int) -> torch.Tensor:
    """Latents after the first steps of 20."""

    def stop(pipeline: Any, step: int, timestep: int, values: dict[str, Any]) -> dict[str, Any]:
        pipeline._interrupt = step + 1 >= steps
        return values

    edge = latents.shape[-1] * 8
    call = {"height": edge, "width": edge, "num_inference_steps": STEPS, "guidance_scale": 4.0, "latents": latents}
    output = _pipeline()(prompt, output_type="latent", callback_on_step_end=stop, **call)
    return torch.as_tensor(output.images)


def _decode(latents: torch.Tensor) -> Pixels:
    """`[height, width, 3]` of latents `[1, 4, height / 8, width / 8]`."""
    vae = _pipeline().vae
    with torch.no_grad():
        sample = vae.decode(latents / vae.config.scaling_factor).sample
    levels = (sample[0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0) * 255
    return levels.round().to(torch.uint8).numpy()
