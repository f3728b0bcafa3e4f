"""Image metrics of torchmetrics by dotted name: `torchmetrics.image.TotalVariation`.

A metric of one picture scores each; one of two pictures compares each with the baseline's and is told, not judged. What
such a class takes, and which way is better, is read off the class itself.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from sdeval.errors import SdevalError, unknown
from sdeval.images import to_pixels
from sdeval.metrics.base import MetricInfo, MetricOptions, Picture, SampleMetric

if TYPE_CHECKING:
    import torch
    from PIL import Image

PAIR = ("preds", "target")
SINGLE = (("img",), ("preds",), ("imgs",))


@dataclass(frozen=True, slots=True)
class Adapted:
    """What `metrics` expects of a metric: facts, and how it is made."""

    INFO: MetricInfo
    create: Callable[[MetricOptions], SampleMetric]


def adapted(name: str) -> Adapted:
    """A class of torchmetrics as a metric of ours.

    Raises:
        SdevalError: no such class, or one that neither scores a picture nor compares two.
    """
    kind = _class(name)
    taken = tuple(
        each.name
        for each in inspect.signature(kind.update).parameters.values()
        if each.name not in ("self", "kwargs") and each.default is inspect.Parameter.empty
    )
    if taken != PAIR and taken not in SINGLE:
        raise SdevalError(f"metric {name}: takes {', '.join(taken)}; only metrics of one or two pictures can be used")
    if kind.higher_is_better is None:
        raise SdevalError(f"metric {name}: does not say which way is better")
    pair = taken == PAIR
    info = MetricInfo(
        name=name,
        title=kind.__name__,
        unit="",
        higher_is_better=bool(kind.higher_is_better),
        tolerance=0.05,
        tolerance_is_relative=True,
        range=(-math.inf, math.inf),
        needs=("baseline",) if pair else (),
        judged=not pair,
    )
    return Adapted(info, lambda options: FromTorchmetrics(info, kind, options.device))


class FromTorchmetrics:
    """One class of torchmetrics, with its own defaults, reset before every picture."""

    def __init__(self, info: MetricInfo, kind: Any, device: str) -> None:
        self.info = info
        self.version = f"torchmetrics {metadata.version('torchmetrics')}"
        arguments = inspect.signature(kind).parameters
        # Pictures go in as 0..1.
        self._metric = kind(**{"data_range": 1.0} if "data_range" in arguments else {}).to(device)
        self._device = device

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """One figure a picture, or a pair of pictures."""
        return [self._value(each) for each in pictures]

    def _value(self, picture: Picture) -> float:
        if "baseline" not in self.info.needs:
            return float(self._metric(self._tensor(picture.image)))
        if picture.pair is None:
            raise ValueError(f"case {picture.case.id} has no picture in the baseline")
        before, now = picture.pair
        return float(self._metric(self._tensor(now), self._tensor(before)))

    def _tensor(self, image: Image.Image) -> torch.Tensor:
        import torch

        self._metric.reset()
        return torch.tensor(to_pixels(image)).permute(2, 0, 1)[None].float().to(self._device) / 255


def _class(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise SdevalError(f"metric {name}: {error}") from None
    if not inspect.isclass(found) or not hasattr(found, "update"):
        image = import_module("torchmetrics.image")
        known = [f"torchmetrics.image.{each}" for each in image.__all__]
        raise SdevalError(unknown("metric", name, known))
    return found
