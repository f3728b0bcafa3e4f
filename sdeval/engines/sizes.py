"""Sizes of pipelines that generate others than they are asked for, and say so in a log at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

KANDINSKY_5 = ((1024, 1024), (640, 1408), (1408, 640), (768, 1280), (1280, 768), (896, 1152), (1152, 896))
"""Width and height of all images of Kandinsky 5."""
QWEN_AREA, QWEN_STEP = 1024 * 1024, 32
"""Pixels of every image that Qwen-Image-Edit paints a mask in, and what its edges are multiples of."""
HIDREAM_LATENTS = 128
"""Edge of the latents that have as many values as those of every image of HiDream."""


def size_problem(pipeline_class: str, vae: Mapping[str, Any], width: int, height: int) -> str:
    """What is wrong with a size; empty where a pipeline generates it.

    Args:
        pipeline_class: name of the class that generates.
        vae: configuration of the model's autoencoder.
        width: that is asked for, in pixels.
        height: the same.
    """
    if pipeline_class.startswith("Kandinsky5") and (width, height) not in KANDINSKY_5:
        sizes = ", ".join(f"{width}x{height}" for width, height in KANDINSKY_5)
        return f"is {width}x{height}; a {pipeline_class} generates {sizes}"
    fitting = (width, height)
    if pipeline_class.startswith("HiDreamImage"):
        fitting = _of_hidream(vae, width, height)
    if pipeline_class.startswith("QwenImageEditInpaint"):
        fitting = _of_qwen_edits(width, height)
    if fitting != (width, height):
        return f"is {width}x{height}, of which a {pipeline_class} makes {fitting[0]}x{fitting[1]}; ask for that"
    return ""


def _of_qwen_edits(width: int, height: int) -> tuple[int, int]:
    """The size of a megapixel that Qwen-Image-Edit paints masks in, in the proportions of another."""
    edge = math.sqrt(QWEN_AREA * width / height)
    return round(edge / QWEN_STEP) * QWEN_STEP, round(edge * height / width / QWEN_STEP) * QWEN_STEP


def _of_hidream(vae: Mapping[str, Any], width: int, height: int) -> tuple[int, int]:
    """The size of the area that HiDream generates, in the proportions of another."""
    factor = 2 ** (len(vae.get("block_out_channels", (0, 0, 0, 0))) - 1)
    scale = HIDREAM_LATENTS * factor / math.sqrt(width * height)
    step = 2 * factor
    return int(width * scale // step * step), int(height * scale // step * step)
