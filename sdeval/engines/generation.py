"""Generates a batch of samples. A sample depends on its case, its seed and its target, and on nothing else."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline

from sdeval.config.case import Case, Sample
from sdeval.engines.families import generation_part
from sdeval.engines.generated import Generated, to_image
from sdeval.engines.pipeline_classes import control_argument
from sdeval.engines.profiling import Stopwatch
from sdeval.errors import SdevalError, first_line
from sdeval.imaging.io import header, open_mask, open_rgb


def batches(samples: Sequence[Sample], size: int) -> Iterator[list[Sample]]:
    """Cut samples into batches of at most `size` that one pipeline call can generate: those that are alike."""
    for _, group in groupby(sorted(samples, key=_kind), key=_kind):
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _kind(sample: Sample) -> tuple[bool, float, tuple[int, int]]:
    """What all samples of a batch have in common: what one call has once, or has for all of them or for none.

    Many pipelines do something else with an empty negative prompt than without one.
    """
    case = sample.case
    image = next(iter(case.inputs), case.control_image)
    size = header(image) if image else (0, 0)
    return (bool(case.negative_prompt), case.strength or -1.0, size)


def generate_batch(
    pipeline: DiffusionPipeline, batch: Sequence[Sample], settings: Mapping[str, Any]
) -> list[Generated]:
    """Generate one batch in one pipeline call.

    The noise of every image comes from a generator of its own on the CPU, seeded by the sample's seed. Images and
    masks go in as lists: a single one is broadcast wrongly by several pipelines.
    """
    arguments = call_arguments(pipeline, batch, settings)
    watch = Stopwatch(pipeline)
    with torch.inference_mode(), _seeded(batch[0].seed), watch.running():
        output = pipeline(**arguments, **watch.callback)
    seconds = watch.seconds / len(batch)
    # Kandinsky 5 has a word of its own for them.
    images = output.images if hasattr(output, "images") else output.image
    return [
        Generated(sample, to_image(values), bool(np.isfinite(values).all()), flagged, seconds, watch.stages)
        for sample, values, flagged in zip(batch, images, _flags(output, len(batch)), strict=True)
    ]


def _flags(output: Any, count: int) -> list[bool | None]:
    """What the safety checker of a pipeline says of each image; None where it has none."""
    flags = getattr(output, "nsfw_content_detected", None)
    return [bool(flag) for flag in flags] if flags else [None] * count


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what some pipelines draw without the generators that they are given, and leave all as it was afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def smoke(pipeline: DiffusionPipeline, sample: Sample, settings: Mapping[str, Any]) -> None:
    """Two steps of one sample, so that a scheduler that fails does so before a long run.

    Raises:
        SdevalError: the call fails, or generates values that are no numbers.
    """
    strength = sample.case.strength or settings.get("strength") or 1.0
    steps = (
        {"num_inference_steps": math.ceil(2 / strength)} if "num_inference_steps" in _call_parameters(pipeline) else {}
    )
    name = type(generation_part(pipeline).scheduler).__name__
    try:
        generated = generate_batch(pipeline, [sample], {**settings, **steps})[0]
    except Exception as error:
        message = f"{type(error).__name__}: {first_line(error)}"
        raise SdevalError(f"scheduler {name} fails with this model after two steps: {message}") from error
    if not generated.finite:
        raise SdevalError(f"scheduler {name} generates values that are no numbers with this model, after two steps")


def _call_parameters(pipeline: DiffusionPipeline) -> Collection[str]:
    return inspect.signature(type(pipeline).__call__).parameters


def call_arguments(pipeline: DiffusionPipeline, batch: Sequence[Sample], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the pipeline call for a batch."""
    cases = [sample.case for sample in batch]
    arguments: dict[str, Any] = {
        "prompt": [case.prompt for case in cases],
        "generator": [torch.Generator("cpu").manual_seed(sample.seed) for sample in batch],
        # Numbers instead of pixels: NaN can still be seen.
        "output_type": "np",
    }
    if any(case.negative_prompt for case in cases):
        if not all(case.negative_prompt for case in cases):
            raise ValueError("cases with and without a negative prompt cannot be generated in one call")
        arguments["negative_prompt"] = [case.negative_prompt for case in cases]
    if type(pipeline).__name__.startswith("KandinskyV22") and "callback_steps" in _call_parameters(pipeline):
        # Its own default is deprecated by its own parts; others need a number.
        arguments["callback_steps"] = None
    arguments = {**arguments, **_image_arguments(pipeline, cases), **settings}
    width, height = arguments.get("width"), arguments.get("height")
    if width and height and "max_area" in _call_parameters(pipeline):
        # Some fit every size into an area of their own, unless they are given another one.
        arguments = {"max_area": width * height, **arguments}
    return arguments


def _image_arguments(pipeline: DiffusionPipeline, cases: Sequence[Case]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    controls = [open_rgb(case.control_image) for case in cases if case.control_image]
    images = [open_rgb(path) for case in cases for path in case.inputs]
    if controls:
        arguments[control_argument(type(pipeline))] = controls
    if len(images) > len(cases) > 1:
        raise ValueError("several input images of several cases would be mixed in one call")
    if images:
        arguments["image"] = images
    if (images or controls) and {"width", "height"} <= set(_call_parameters(pipeline)):
        width, height = (images or controls)[0].size
        arguments |= {"width": width, "height": height}
    if cases[0].reference_image is not None:
        if len(cases) > 1:
            raise ValueError("reference images of several cases would be mixed in one call")
        arguments["ip_adapter_image"] = [open_rgb(cases[0].reference_image)]
    if cases[0].mask is not None:
        arguments["mask_image"] = [open_mask(case.mask) for case in cases if case.mask]
    if cases[0].strength is not None:
        arguments["strength"] = cases[0].strength
    return arguments
