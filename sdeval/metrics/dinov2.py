"""DINOv2 features: self-supervised, and closer to what people see as different than Inception's (arXiv 2306.04675)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sdeval.environment import calm_threads
from sdeval.errors import NotAvailable, SdevalError
from sdeval.images import to_pixels
from sdeval.metrics.base import Features

BATCH = 32
EDGE = 224
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet, as DINOv2 was trained (Oquab et al. 2023, arXiv 2304.07193)."""


class Dinov2:
    """The class token of the last layer, of pictures resized to 224 pixels (bicubic, whole picture).

    Raises:
        NotAvailable: the weights are not on this machine.
        SdevalError: they do not load.
    """

    name = "dinov2"

    def __init__(self, model: str, device: str) -> None:
        calm_threads()
        from transformers import AutoModel

        folder = _find(model)
        weights = folder / "model.safetensors"
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
        self.version = f"dinov2 {digest} bicubic {EDGE}"
        self._device = device
        try:
            self._model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise SdevalError(f"dinov2_model {model}: does not load: {str(error).splitlines()[0]}") from error
        self._model.to(device).eval()

    def images(self, pictures: Sequence[Image.Image]) -> Features:
        """Features of pictures, `[n, d]`."""
        import torch

        parts = []
        for start in range(0, len(pictures), BATCH):
            pixels = np.stack([_prepared(each) for each in pictures[start : start + BATCH]])
            with torch.inference_mode():
                output = self._model(pixel_values=torch.from_numpy(pixels).to(self._device))
            parts.append(output.last_hidden_state[:, 0].float().cpu().numpy())
        return np.concatenate(parts)


def _prepared(picture: Image.Image) -> Features:
    resized = to_pixels(picture.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BICUBIC))
    values = (resized / 255 - np.array(MEAN)) / np.array(DEVIATION)
    return np.asarray(values.transpose(2, 0, 1), dtype=np.float32)


def _find(model: str) -> Path:
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "model.safetensors").is_file():
            raise SdevalError(f"dinov2_model {model}: no model.safetensors in it")
        return folder
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(model, name) for name in ("model.safetensors", "config.json")]
    if not all(isinstance(each, str) for each in found):
        raise NotAvailable(f"DINOv2 weights {model} are not on this machine; get them with: hf download {model}")
    return Path(str(found[0])).parent
