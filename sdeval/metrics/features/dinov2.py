"""DINOv2 features: self-supervised, and closer to human perception than those of Inception (arXiv 2306.04675)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval._utils.hub import HubFiles, MissingWeights, cached_file, local_folder
from sdeval.errors import SdevalError
from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import Features

BATCH = 32
EDGE = 224
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet, as DINOv2 was trained (Oquab et al. 2023, arXiv 2304.07193)."""


class Dinov2:
    """The class token of the last layer, of images resized to 224 pixels (bicubic, whole image).

    Raises:
        NotAvailable: the weights are not on this machine.
        SdevalError: the weights are not safetensors, are incomplete, or belong to another kind of model.
    """

    name = "dinov2"
    resize = f"bicubic {EDGE}x{EDGE} squash"

    def __init__(self, model: str, device: str) -> None:
        calm_threads()
        folder = _find(model)
        weights = folder / "model.safetensors"
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
        self.version = f"dinov2 {digest} bicubic {EDGE}"
        self._device = device
        self._model = _load(folder, model).to(device).eval()

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, d]`."""
        import torch

        parts = []
        for start in range(0, len(images), BATCH):
            pixels = np.stack([_model_input(image) for image in images[start : start + BATCH]])
            with torch.inference_mode():
                output = self._model(pixel_values=torch.from_numpy(pixels).to(self._device))
            parts.append(output.last_hidden_state[:, 0].float().cpu().numpy())
        return np.concatenate(parts)


def _model_input(image: Image.Image) -> Features:
    resized = to_pixels(image.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BICUBIC))
    values = (resized / 255 - np.array(MEAN)) / np.array(DEVIATION)
    return np.asarray(values.transpose(2, 0, 1), dtype=np.float32)


def _load(folder: Path, model: str) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        network, report = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise SdevalError(f"dinov2_model {model}: does not load: {str(error).splitlines()[0]}") from error
    if not network.config.model_type.startswith("dinov2"):
        raise SdevalError(f"dinov2_model {model}: is a {network.config.model_type}, not a DINOv2")
    # transformers initialises missing weights with random numbers.
    if report["missing_keys"]:
        raise SdevalError(
            f"dinov2_model {model}: weights are missing in it: {', '.join(sorted(report['missing_keys']))}"
        )
    return network


def _find(model: str) -> Path:
    folder = local_folder(model)
    if folder is not None:
        # The other format of such folders is a pickle, which could run code.
        if not (folder / "model.safetensors").is_file():
            raise SdevalError(f"dinov2_model {model}: no model.safetensors in it; other formats are not opened")
        return folder
    weights, config = cached_file(model, "model.safetensors"), cached_file(model, "config.json")
    if weights is None or config is None:
        message = f"DINOv2 weights {model} are not on this machine; get them with: hf download {model}"
        raise MissingWeights(message, HubFiles(model, (("model.safetensors",), ("config.json",))))
    return weights.parent
