"""LPIPS: perceptual difference between an image and the baseline's, measured by a network; reported only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from sdeval._utils.environment import calm_threads
from sdeval.imaging.io import Pixels
from sdeval.imaging.similarity import same_size
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.weights import Published
from sdeval.metrics.per_image import pair_of

if TYPE_CHECKING:
    import torch

INFO = MetricInfo(
    name="lpips",
    title="LPIPS vs baseline",
    explanation="How different the image looks from the baseline's image, as judged by a network.",
    unit="",
    higher_is_better=False,
    tolerance=0.01,
    range=(0.0, math.inf),
    needs=("baseline",),
    gating=False,
    formula=(
        "squared differences of AlexNet features of length 1, weighted by channel, averaged over positions, "
        "summed over five layers"
    ),
    paper="Zhang et al. 2018, arXiv 1801.03924, linear heads v0.1",
    weights="AlexNet of torchvision, 244 MB, by its SHA-256; the linear heads come with torchmetrics",
    licence="Apache-2.0 (torchmetrics); heads: BSD-2-Clause; AlexNet: BSD-3-Clause (torchvision), trained on ImageNet",
    blind_to="which of the two images is better",
)

ALEXNET = Published(
    what="AlexNet",
    source="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
)
SMALLEST = 31
"""Smallest width and height in pixels: smaller images leave nothing for AlexNet's second pooling layer."""


class Lpips:
    """Zhang et al. 2018 (arXiv 1801.03924), AlexNet, linear heads v0.1, as in torchmetrics; 0 for identical images.

    The features of five layers are scaled to length 1 at every position. Their squared differences, weighted by
    channel, are averaged over the positions and summed over the layers.

    Raises:
        NotAvailable: the weights of AlexNet are not on this machine.
        SdevalError: the file there is not the published one.
    """

    info = INFO

    def __init__(self, device: str, backbone: Published = ALEXNET) -> None:
        calm_threads()
        backbone.check(backbone.path)
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        self.version = f"1 alexnet {backbone.sha256[:12]}"
        self._device = device
        self._network = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True).to(device)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """Distance of each image from the baseline's, 0 and above."""
        return [self.distance(*pair_of(image)) for image in images]

    def distance(self, image: Pixels, baseline: Pixels) -> float:
        """LPIPS between two images.

        Args:
            image: `[height, width, 3]`, at least 31 pixels in each direction.
            baseline: the same shape.

        Raises:
            ValueError: sizes differ, or an image is too small for the network.
        """
        import torch

        same_size(one=image, other=baseline)
        if min(image.shape[:2]) < SMALLEST:
            raise ValueError(f"{image.shape[1]}x{image.shape[0]} pixels are too few; LPIPS takes {SMALLEST} each way")
        self._network.reset()
        with torch.inference_mode():
            return float(self._network(self._tensor(image), self._tensor(baseline)))

    def _tensor(self, pixels: Pixels) -> torch.Tensor:
        import torch

        return torch.tensor(pixels).permute(2, 0, 1)[None].float().to(self._device) / 255


@lru_cache(maxsize=1)
def load_network(device: str) -> Lpips:
    """The metric, whose network is loaded once."""
    return Lpips(device)


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; its network is loaded once."""
    return load_network(options.device)
