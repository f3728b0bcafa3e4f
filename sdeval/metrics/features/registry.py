"""The features of set metrics, by name: `clip`, `inception`, `dinov2`. Each is loaded once."""

from __future__ import annotations

from functools import lru_cache

from sdeval.errors import SdevalError, unknown
from sdeval.metrics.base import Extractor, MetricOptions

EXTRACTORS = ("clip", "inception", "dinov2")
EXTRACTOR_WEIGHTS = (
    "those of the suite's `extractor`: the suite's CLIP (default), InceptionV3 of the original FID, 95 MB, "
    "or DINOv2-small, 88 MB"
)
EXTRACTOR_LICENCE = (
    "Apache-2.0 (sdeval); CLIP: MIT (open_clip and weights of OpenAI); Inception: Apache-2.0 (torch-fidelity); "
    "DINOv2: Apache-2.0"
)


def load_extractor(options: MetricOptions) -> Extractor:
    """The extractor of a suite.

    Raises:
        SdevalError: there is no such extractor, or its model does not load.
        NotAvailable: its weights are not on this machine.
    """
    if options.extractor == "clip":
        from sdeval.metrics.features.clip import load_clip

        return load_clip(options.clip_model, options.device)
    if options.extractor == "inception":
        return _inception(options.device)
    if options.extractor == "dinov2":
        return _dinov2(options.dinov2_model, options.device)
    raise SdevalError(unknown("extractor", options.extractor, EXTRACTORS))


@lru_cache(maxsize=1)
def _inception(device: str) -> Extractor:
    from sdeval.metrics.features.inception import Inception

    return Inception(device)


@lru_cache(maxsize=1)
def _dinov2(model: str, device: str) -> Extractor:
    from sdeval.metrics.features.dinov2 import Dinov2

    return Dinov2(model, device)
