"""LAION's aesthetic score: what people rate an image from 1 to 10, predicted from its CLIP features alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdeval.errors import SdevalError, first_line
from sdeval.metrics.base import Features, Floats, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.clip import Clip, WithClip, load_clip
from sdeval.metrics.features.weights import Published

INFO = MetricInfo(
    name="aesthetic",
    title="Aesthetic score (LAION)",
    unit="of 10",
    higher_is_better=True,
    tolerance=0.05,
    explanation="most generated images have 5 to 7; compare means over many images, not single ones",
    formula="a linear head of five layers on the normalised image features of CLIP ViT-L/14",
    paper="LAION-5B: arXiv 2210.08402; github.com/christophschuhmann/improved-aesthetic-predictor",
    licence="code and head: Apache-2.0; CLIP of OpenAI: MIT",
    weights="sac+logos+ava1-l14-linearMSE.pth (3.7 MB, sha256 pinned), CLIP ViT-L-14/openai (1.7 GB)",
    blind_to="the prompt; small defects such as hands and letters; it prefers paintings and glossy photographs",
)

CLIP = "ViT-L-14/openai"
HEAD = Published(
    what="LAION aesthetic head",
    source="https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/6934dd8/sac+logos+ava1-l14-linearMSE.pth",
    sha256="21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0",
)
LAYERS = (0, 2, 4, 6, 7)
"""Numbers of the linear layers in the published file; those between them are dropout, which does nothing here."""

Layer = tuple[Floats, Floats]
"""Weights `[outputs, inputs]` and bias `[outputs]`."""


def aesthetic(features: Features, layers: Sequence[Layer]) -> list[float]:
    """Linear layers one after the other, on features of length 1; about 1 to 10, row by row.

    The published head has no activation between its layers.

    Args:
        features: `[n, d]`, of CLIP ViT-L/14.
        layers: the first takes `d` values, and the last gives one.
    """
    values = features / np.linalg.norm(features, axis=1, keepdims=True)
    for weights, bias in layers:
        values = values @ weights.T + bias
    return [float(value) for value in values[:, 0]]


class Aesthetic(WithClip):
    """The published head on CLIP ViT-L/14."""

    info = INFO

    def __init__(self, clip: Clip, layers: Sequence[Layer]) -> None:
        super().__init__(clip)
        self._layers = layers

    @property
    def version(self) -> str:
        """Formula and weights."""
        return f"{super().version} head {HEAD.sha256[:12]}"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, about 1 to 10."""
        return aesthetic(self._clip.images([image.image for image in images]), self._layers)


def read_head(path: Path, published: Published = HEAD) -> list[Layer]:
    """The layers of the head.

    Raises:
        NotAvailable: there is no such file; says how to get it.
        SdevalError: it is another file than the published one, or holds no such layers.
    """
    published.check(path)
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        tensors = [(state[f"layers.{number}.weight"], state[f"layers.{number}.bias"]) for number in LAYERS]
    except Exception as error:
        raise SdevalError(f"aesthetic_weights {path}: does not load: {first_line(error)}") from error
    return [(weights.double().numpy(), bias.double().numpy()) for weights, bias in tensors]


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric; the head is a small file, and is looked for first."""
    layers = read_head(Path(options.aesthetic_weights).expanduser() if options.aesthetic_weights else HEAD.path)
    return Aesthetic(load_clip(CLIP, options.device), layers)
