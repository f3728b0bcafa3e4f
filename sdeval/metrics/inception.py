"""The InceptionV3 of the original Fréchet Inception Distance, from torch-fidelity, where its weights are at hand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sdeval.environment import calm_threads
from sdeval.errors import NotAvailable, SdevalError
from sdeval.images import to_pixels
from sdeval.metrics.base import Features

FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SOURCE = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
BATCH = 32


class Inception:
    """2,048 features of the last pooling layer, resized as the original does (bilinear, no antialiasing).

    Raises:
        NotAvailable: torch-fidelity or the weights are not on this machine.
        SdevalError: the weights file is not the published one; it is never opened then, for it could run code.
    """

    name = "inception"
    version = f"inception {SHA256[:12]} bilinear 299"
    resize = "bilinear 299x299 squash, no antialiasing"

    def __init__(self, device: str, weights: Path | None = None, sha256: str = SHA256) -> None:
        calm_threads()
        path = weights or weights_path()
        check_weights(path, sha256)
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError:
            raise NotAvailable("extractor inception needs torch-fidelity; pip install torch-fidelity") from None
        self._device = device
        self._model = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)
        )
        self._model.to(device).eval()

    def images(self, pictures: Sequence[Image.Image]) -> Features:
        """Features of pictures, `[n, 2048]`."""
        import torch

        parts = []
        for start in range(0, len(pictures), BATCH):
            pixels = np.stack([to_pixels(each) for each in pictures[start : start + BATCH]])
            with torch.inference_mode():
                (features,) = self._model(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self._device))
            parts.append(features.float().cpu().numpy())
        return np.concatenate(parts)


def weights_path() -> Path:
    """Where torch keeps downloaded weights."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints" / FILE


def check_weights(path: Path, sha256: str = SHA256) -> None:
    """Make sure that a weights file is the published one before anything opens it.

    Raises:
        NotAvailable: there is no such file.
        SdevalError: its SHA-256 is another.
    """
    if not path.is_file():
        raise NotAvailable(f"InceptionV3 weights are not on this machine; put {SOURCE} at {path}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise SdevalError(f"{path} is not the published InceptionV3: its SHA-256 is {found}, not {sha256}")
