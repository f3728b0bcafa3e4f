"""Changes that must not be flagged: images differ, and are no worse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline
from torch import nn

from sdeval._utils.environment import other_threads
from sdeval.diagnostics.faults.base import Call, Fault, other_call, replace_attribute
from sdeval.diagnostics.faults.model import denoiser


@contextmanager
def in_dtype(pipeline: DiffusionPipeline, dtype: torch.dtype) -> Iterator[None]:
    """Everything in another precision."""
    parts = [component for component in pipeline.components.values() if isinstance(component, nn.Module)]
    # Rounding cannot be undone: the sound weights are kept aside.
    sound = [{name: value.clone() for name, value in part.state_dict().items()} for part in parts]
    dtypes = [next(part.parameters()).dtype for part in parts]
    for part in parts:
        part.to(dtype=dtype)
    try:
        yield
    finally:
        for part, state, original in zip(parts, sound, dtypes, strict=True):
            part.to(dtype=original)
            part.load_state_dict(state)


@contextmanager
def slice_attention(pipeline: DiffusionPipeline) -> Iterator[None]:
    """Attention computed piece by piece."""
    processors = dict(pipeline.unet.attn_processors)
    pipeline.enable_attention_slicing(1)
    try:
        yield
    finally:
        pipeline.unet.set_attn_processor(processors)


@contextmanager
def channels_last(pipeline: DiffusionPipeline) -> Iterator[None]:
    """Another memory layout."""
    model = denoiser(pipeline)
    model.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        model.to(memory_format=torch.contiguous_format)


def scheduler(pipeline: DiffusionPipeline, name: str) -> AbstractContextManager[None]:
    """Another good scheduler."""
    replacement = getattr(diffusers, name).from_config(pipeline.scheduler.config)
    return replace_attribute(pipeline, "scheduler", replacement)


def one_by_one(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
    """Every image is generated in a call of its own, not in the requested batch."""

    def call(sound: Call, **arguments: Any) -> Any:
        count = len(arguments["prompt"])
        outputs = [sound(**_only(arguments, row, count)) for row in range(count)]
        outputs[0].images = [image for output in outputs for image in output.images]
        return outputs[0]

    return other_call(pipeline, call)


def _only(arguments: dict[str, Any], row: int, count: int) -> dict[str, Any]:
    """The arguments of one image of a batch."""
    batched = {name for name, value in arguments.items() if isinstance(value, list) and len(value) == count}
    return {name: [value[row]] if name in batched else value for name, value in arguments.items()}


CONTROLS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(name="bfloat16", says="bfloat16", plant=partial(in_dtype, dtype=torch.bfloat16)),
        Fault(name="batch-1", says="one image a call", plant=one_by_one),
        Fault(name="other-threads", says="another number of threads", plant=lambda _: other_threads()),
        Fault(name="attention-slicing", says="attention slicing", plant=slice_attention),
        Fault(name="channels-last", says="channels-last memory", plant=channels_last),
        Fault(
            name="dpm-solver",
            says="DPM-Solver++ in place of the model's scheduler",
            plant=partial(scheduler, name="DPMSolverMultistepScheduler"),
        ),
    )
}
