"""Faults of the weights: noise, quantisation, drift, a layer that is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import nn

from sdeval.config.suite import TASKS
from sdeval.diagnostics.faults.base import WHOLE, Fault, replaced

RANK = 4
"""Of a low-rank drift."""


@contextmanager
def other_weights(pipeline: DiffusionPipeline, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Other weights in all matrices of the denoiser."""
    weights = [each for each in denoiser(pipeline).parameters() if each.ndim > 1]
    sound = [each.detach().clone() for each in weights]
    with torch.no_grad():
        for each in weights:
            each.copy_(change(each))
    try:
        yield
    finally:
        with torch.no_grad():
            for each, right in zip(weights, sound, strict=True):
                each.copy_(right)


def denoiser(pipeline: DiffusionPipeline) -> nn.Module:
    """The UNet or transformer of a pipeline."""
    found: nn.Module = getattr(pipeline, "unet", None) or pipeline.transformer
    return found


def noised(pipeline: DiffusionPipeline, share: float) -> AbstractContextManager[None]:
    """Gaussian noise on the weights, as a share of the standard deviation of each matrix."""
    rng = torch.Generator("cpu").manual_seed(0)

    def change(weight: torch.Tensor) -> torch.Tensor:
        grain = torch.randn(weight.shape, generator=rng).to(weight)
        return torch.add(weight, grain, alpha=share * float(weight.std()))

    return other_weights(pipeline, change)


def quantised(pipeline: DiffusionPipeline, bits: int) -> AbstractContextManager[None]:
    """Weights rounded to so many bits, symmetric, one scale for each output channel."""

    def change(weight: torch.Tensor) -> torch.Tensor:
        most = 2 ** (bits - 1) - 1
        rows = weight.reshape(len(weight), -1)
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / most
        rounded: torch.Tensor = torch.round(rows / scale) * scale
        return rounded.reshape(weight.shape)

    return other_weights(pipeline, change)


def drifted(pipeline: DiffusionPipeline, share: float) -> AbstractContextManager[None]:
    """A random low-rank change, as a wrong LoRA makes one, as a share of the norm of each matrix."""
    rng = torch.Generator("cpu").manual_seed(0)

    def change(weight: torch.Tensor) -> torch.Tensor:
        rows = weight.reshape(len(weight), -1)
        one, other = (torch.randn(edge, RANK, generator=rng).to(weight) for edge in rows.shape)
        update = one @ other.T
        return torch.add(weight, (share * rows.norm() / update.norm() * update).reshape(weight.shape))

    return other_weights(pipeline, change)


def layer_skipped(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """The last layer of the text encoder does nothing."""
    last = next(each for each in pipeline.text_encoder.modules() if isinstance(each, nn.ModuleList))[-1]

    def nothing(hidden_states: torch.Tensor, *args: Any, **given: Any) -> Any:
        usual = type(last).forward(last, hidden_states, *args, **given)
        return (hidden_states, *usual[1:]) if isinstance(usual, tuple) else hidden_states

    return replaced(last, "forward", nothing)


MODEL = (
    *(
        Fault(
            name=f"weights-noise-{share:g}%",
            says=f"noise of {share:g}% on the weights",
            plant=partial(noised, share=share / 100),
            clear=WHOLE if share >= 30 else (),
        )
        for share in (0.5, 2, 10, 30)
    ),
    *(
        Fault(
            name=f"weights-{bits}-bit",
            says=f"weights rounded to {bits} bits",
            plant=partial(quantised, bits=bits),
            clear=WHOLE if bits <= 3 else (),
        )
        for bits in (8, 4, 3)
    ),
    *(
        Fault(
            name=f"low-rank-{share}%",
            says=f"a low-rank change of {share}%",
            plant=partial(drifted, share=share / 100),
            clear=TASKS if share >= 50 else (),
        )
        for share in (10, 50)
    ),
    Fault(name="text-layer-skipped", says="last layer of the text encoder skipped", plant=layer_skipped, clear=()),
)
