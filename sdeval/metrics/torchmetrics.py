"""Image metrics of torchmetrics by dotted name: `torchmetrics.image.TotalVariation`.

A metric of one image scores each; one of two images compares each with the baseline's and is reported only. What
such a class takes, and which way is better, is read off the class itself.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from sdeval.errors import NotAvailable, SdevalError, unknown
from sdeval.imaging.io import Pixels, to_pixels
from sdeval.metrics.base import GeneratedImage, MetricInfo
from sdeval.metrics.per_image import Registered, pair_of

if TYPE_CHECKING:
    import torch

PAIR = ("preds", "target")
SINGLE = ("img",)
"""Names by which `update` takes two images, or one; `imgs` are those of a set, which has no score of each."""


def adapted(name: str) -> Registered:
    """A class of torchmetrics as a metric of ours.

    Raises:
        SdevalError: no such class, or one that neither scores an image nor compares two.
    """
    kind = _class(name)
    taken = _taken(kind)
    if taken not in (PAIR, SINGLE):
        allowed = " or ".join(", ".join(each) for each in (SINGLE, PAIR))
        raise SdevalError(f"metric {name}: takes {', '.join(taken)}; only metrics that take {allowed} can be used")
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
        gating=not pair,
    )
    return Registered(info, lambda options: FromTorchmetrics(info, kind, options.device))


def _taken(kind: Any) -> tuple[str, ...]:
    """What `update` cannot do without."""
    return tuple(
        each.name
        for each in inspect.signature(kind.update).parameters.values()
        if each.name not in ("self", "kwargs") and each.default is inspect.Parameter.empty
    )


class FromTorchmetrics:
    """One class of torchmetrics, with its own defaults, reset before every image."""

    def __init__(self, info: MetricInfo, kind: Any, device: str) -> None:
        self.info = info
        self.version = f"torchmetrics {metadata.version('torchmetrics')}"
        arguments = inspect.signature(kind).parameters
        # Images go in as 0..1.
        given = {"data_range": 1.0} if "data_range" in arguments else {}
        try:
            self._metric = kind(**given).to(device)
        except (OSError, ImportError) as error:
            # Weights that it would download, or a package that it needs.
            raise NotAvailable(f"metric {info.name}: {str(error).strip().splitlines()[0]}") from error
        except (TypeError, ValueError) as error:
            raise SdevalError(f"metric {info.name}: cannot be made with its own defaults: {error}") from error
        self._device = device

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One value an image, or a pair of images."""
        return [self._value(each) for each in images]

    def _value(self, image: GeneratedImage) -> float:
        if "baseline" not in self.info.needs:
            return self._of(to_pixels(image.image))
        before, now = pair_of(image)
        return self._of(now, before)

    def _of(self, *images: Pixels) -> float:
        self._metric.reset()
        return float(self._metric(*map(self._tensor, images)))

    def _tensor(self, pixels: Pixels) -> torch.Tensor:
        import torch

        return torch.tensor(pixels).permute(2, 0, 1)[None].float().to(self._device) / 255


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
