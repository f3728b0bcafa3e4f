"""The InceptionV3 of the original Fréchet Inception Distance, as in torch-fidelity, if its weights are available."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval.errors import NotAvailable
from sdeval.imaging.io import to_pixels
from sdeval.metrics.base import Features
from sdeval.metrics.features.weights import Published

WEIGHTS = Published(
    what="InceptionV3",
    source="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
BATCH = 32


class Inception:
    """2,048 features of the last pooling layer; images are resized as in the original (bilinear, no antialiasing).

    Raises:
        NotAvailable: torch-fidelity or the weights are not on this machine.
        SdevalError: the weights file is not the published one; it is not opened, because it could run code.
    """

    name = "inception"
    version = f"inception {WEIGHTS.sha256[:12]} bilinear 299"
    resize = "bilinear 299x299 squash, no antialiasing"

    def __init__(self, device: str, weights: Published = WEIGHTS, path: Path | None = None) -> None:
        calm_threads()
        path = path or weights.path
        weights.check(path)
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError:
            raise NotAvailable("extractor inception needs torch-fidelity; pip install torch-fidelity") from None
        self._device = device
        self._model = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)
        )
        self._model.to(device).eval()

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, 2048]`."""
        import torch

        parts = []
        for start in range(0, len(images), BATCH):
            pixels = np.stack([to_pixels(image) for image in images[start : start + BATCH]])
            with torch.inference_mode():
                (features,) = self._model(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self._device))
            parts.append(features.float().cpu().numpy())
        return np.concatenate(parts)
