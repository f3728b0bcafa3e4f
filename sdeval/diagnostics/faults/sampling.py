"""Faults of the sampler: guidance, steps, schedule, scale of the latents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from diffusers import DiffusionPipeline

from sdeval.config.case import TASKS, Task
from sdeval.diagnostics.faults.base import WHOLE, Arguments, Fault, alter_call, replace_attribute


def guidance_times(pipeline: DiffusionPipeline, factor: float) -> AbstractContextManager[None]:
    """Guidance at a share of what was asked; 0 turns it off."""
    return alter_call(
        pipeline,
        lambda arguments: {**arguments, "guidance_scale": max(1.0, factor * arguments.get("guidance_scale", 7.5))},
    )


def steps(pipeline: DiffusionPipeline, count: int) -> AbstractContextManager[None]:
    """Always use this number of steps, not the requested one."""

    def fewer(arguments: Arguments) -> Arguments:
        # An init image is only noised in part, and only that part is generated; it takes one step at least.
        minimum = math.ceil(1 / arguments.get("strength", 1.0))
        return {**arguments, "num_inference_steps": max(count, minimum)}

    return alter_call(pipeline, fewer)


@contextmanager
def other_schedule(pipeline: DiffusionPipeline, **changes: Any) -> Iterator[None]:
    """The scheduler with another configuration than the model was trained with."""
    sound = pipeline.scheduler
    pipeline.scheduler = type(sound).from_config({**sound.config, **changes})
    try:
        yield
    finally:
        pipeline.scheduler = sound


@contextmanager
def other_prediction(pipeline: DiffusionPipeline) -> Iterator[None]:
    """The scheduler takes a velocity for noise, or noise for a velocity."""
    prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
    with other_schedule(pipeline, prediction_type="v_prediction" if prediction == "epsilon" else "epsilon"):
        yield


@contextmanager
def vae_scale_times(pipeline: DiffusionPipeline, factor: float) -> Iterator[None]:
    """The autoencoder's scaling factor is off."""
    config = pipeline.vae.config
    original = config.scaling_factor
    pipeline.vae.register_to_config(scaling_factor=original * factor)
    try:
        yield
    finally:
        pipeline.vae.register_to_config(scaling_factor=original)


def skip_rescaling(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The decoder gets latents as the denoiser leaves them."""
    decode, scale = pipeline.vae.decode, pipeline.vae.config.scaling_factor
    return replace_attribute(
        pipeline.vae, "decode", lambda z, *args, **arguments: decode(z * scale, *args, **arguments)
    )


def overflow(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The decoder's values leave the range of half precision, and become infinite, and then no numbers."""
    decode = pipeline.vae.decode

    def overflowing(z: torch.Tensor, *args: Any, **arguments: Any) -> Any:
        large = (z.float() * 1e5).half()
        return decode((large - large.mean()).to(z.dtype), *args, **arguments)

    return replace_attribute(pipeline.vae, "decode", overflowing)


# The embedded autoencoder decodes latents of any scale alike: what suffers is where it encodes as well.
ENCODING: tuple[Task, ...] = ("img2img", "inpainting")

SAMPLING = (
    Fault(
        name="guidance-off",
        says="no guidance",
        plant=partial(guidance_times, factor=0.0),
        clear=WHOLE,
    ),
    Fault(name="guidance-halved", says="half the guidance", plant=partial(guidance_times, factor=0.5), clear=()),
    Fault(name="steps-2", says="2 steps", plant=partial(steps, count=2)),
    Fault(name="steps-5", says="5 steps", plant=partial(steps, count=5), clear=WHOLE),
    Fault(name="prediction-type", says="velocity taken for noise", plant=other_prediction),
    Fault(
        name="schedule-betas",
        says="another noise schedule than trained with",
        plant=partial(other_schedule, beta_start=0.001, beta_end=0.1),
    ),
    Fault(
        name="schedule-spacing",
        says="leading time steps for trailing",
        plant=partial(other_schedule, timestep_spacing="leading"),
        clear=(),
    ),
    *(
        Fault(
            name=f"vae-scale-{factor:g}",
            says=f"VAE scale times {factor:g}",
            plant=partial(vae_scale_times, factor=factor),
            clear=clear,
        )
        for factor, clear in ((0.67, ENCODING), (1.5, ()), (3, TASKS))
    ),
    Fault(name="latents-not-rescaled", says="latents decoded as they are", plant=skip_rescaling),
    Fault(name="overflow", says="half precision overflows to NaN", plant=overflow),
)
