"""Faults of the weights: noise, quantisation, drift, a layer that is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import nn

from sdeval.config.case import TASKS
from sdeval.diagnostics.faults.base import WHOLE, Fault, replace_attribute

RANK = 4
"""Of a low-rank drift."""


@contextmanager
def other_weights(pipeline: DiffusionPipeline, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Other weights in all matrices of the denoiser."""
    weights = [weight for weight in denoiser(pipeline).parameters() if weight.ndim > 1]
    sound = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight in weights:
            weight.copy_(change(weight))
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, original in zip(weights, sound, strict=True):
                weight.copy_(original)


def denoiser(pipeline: DiffusionPipeline) -> nn.Module:
    """The UNet or transformer of a pipeline."""
    model: nn.Module = getattr(pipeline, "unet", None) or pipeline.transformer
    return model


def add_noise(pipeline: DiffusionPipeline, share: float) -> AbstractContextManager[None]:
    """Gaussian noise on the weights, as a share of the standard deviation of each matrix."""
    rng = torch.Generator("cpu").manual_seed(0)

    def change(weight: torch.Tensor) -> torch.Tensor:
        grain = torch.randn(weight.shape, generator=rng).to(weight)
        return torch.add(weight, grain, alpha=share * float(weight.std()))

    return other_weights(pipeline, change)


def quantise(pipeline: DiffusionPipeline, bits: int) -> AbstractContextManager[None]:
    """Weights rounded to so many bits, symmetric, one scale for each output channel."""

    def change(weight: torch.Tensor) -> torch.Tensor:
        highest = 2 ** (bits - 1) - 1
        rows = weight.reshape(len(weight), -1)
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / highest
        rounded: torch.Tensor = torch.round(rows / scale) * scale
        return rounded.reshape(weight.shape)

    return other_weights(pipeline, change)


def drift(pipeline: DiffusionPipeline, share: float) -> AbstractContextManager[None]:
    """A random low-rank change, as a wrong LoRA makes one, as a share of the norm of each matrix."""
    rng = torch.Generator("cpu").manual_seed(0)

    def change(weight: torch.Tensor) -> torch.Tensor:
        rows = weight.reshape(len(weight), -1)
        left, right = (torch.randn(edge, RANK, generator=rng).to(weight) for edge in rows.shape)
        update = left @ right.T
        return torch.add(weight, (share * rows.norm() / update.norm() * update).reshape(weight.shape))

    return other_weights(pipeline, change)


def skip_layer(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The last layer of the text encoder does nothing."""
    last = next(module for module in pipeline.text_encoder.modules() if isinstance(module, nn.ModuleList))[-1]

    def nothing(hidden_states: torch.Tensor, *args: Any, **options: Any) -> Any:
        output = type(last).forward(last, hidden_states, *args, **options)
        return (hidden_states, *output[1:]) if isinstance(output, tuple) else hidden_states

    return replace_attribute(last, "forward", nothing)


MODEL = (
    *(
        Fault(
            name=f"weights-noise-{share:g}%",
            says=f"noise of {share:g}% on the weights",
            plant=partial(add_noise, share=share / 100),
            clear=WHOLE if share >= 30 else (),
        )
        for share in (0.5, 2, 10, 30)
    ),
    *(
        Fault(
            name=f"weights-{bits}-bit",
            says=f"weights rounded to {bits} bits",
            plant=partial(quantise, bits=bits),
            clear=WHOLE if bits <= 3 else (),
        )
        for bits in (8, 4, 3)
    ),
    *(
        Fault(
            name=f"low-rank-{share}%",
            says=f"a low-rank change of {share}%",
            plant=partial(drift, share=share / 100),
            clear=TASKS if share >= 50 else (),
        )
        for share in (10, 50)
    ),
    Fault(name="text-layer-skipped", says="last layer of the text encoder skipped", plant=skip_layer, clear=()),
)
