"""Arguments of diffusers that earlier versions call otherwise: a worker may run on one of them."""

from __future__ import annotations

import diffusers
import torch
from packaging.version import Version

from sdeval.config.target import Dtype

RENAMED = Version("0.40.0.dev0")
"""Of diffusers: from here on `from_pretrained` takes `dtype`; earlier versions drop it, and load 32 bits."""


def number_format(dtype: Dtype) -> dict[str, torch.dtype]:
    """The argument of `from_pretrained` that says how the parameters are stored."""
    name = "dtype" if Version(diffusers.__version__) >= RENAMED else "torch_dtype"
    return {name: getattr(torch, dtype)}
