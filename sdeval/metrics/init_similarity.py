"""How much of the init image's structure an img2img result keeps."""

from __future__ import annotations

from collections.abc import Sequence

from sdeval.images import Pixels, to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, Picture, SampleMetric

INFO = MetricInfo(
    name="init_similarity",
    title="keeps the init image's structure (SSIM)",
    unit="percent",
    higher_is_better=True,
    tolerance=1.0,
    range=(-100.0, 100.0),
    needs=("image",),
    tasks=("img2img",),
)


def init_similarity(image: Pixels, init: Pixels) -> float:
    """Structural similarity of a picture with its init image, in percent, -100 to 100.

    Wang et al. 2004, as torchmetrics has it: Gaussian window of 11 pixels, deviation 1.5, mean over the channels.

    Args:
        image: `[height, width, 3]`, at least 11 pixels each way.
        init: the same shape.

    Raises:
        ValueError: shapes differ.
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    if image.shape != init.shape:
        raise ValueError(f"sizes differ: image {image.shape}, init {init.shape}")
    one, other = (torch.tensor(each).permute(2, 0, 1)[None].float() for each in (image, init))
    return 100 * float(structural_similarity_index_measure(one, other, data_range=255.0))


class InitSimilarity:
    """`init_similarity` of every picture."""

    info = INFO
    version = "1"

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """Percent, one a picture."""
        return [_score(each) for each in pictures]


def _score(picture: Picture) -> float:
    if picture.init is None:
        raise ValueError(f"case {picture.case.id} has no image")
    return init_similarity(to_pixels(picture.image), to_pixels(picture.init))


def create(options: MetricOptions) -> SampleMetric:
    """Needs nothing."""
    return InitSimilarity()
