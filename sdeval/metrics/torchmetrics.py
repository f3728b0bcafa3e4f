"""Image metrics of torchmetrics by dotted name: `torchmetrics.image.TotalVariation`.

A metric of one image scores each image. A metric of two images compares each image with the baseline's, and is reported
only. The parameters of such a class, and whether higher is better, are read from the class itself.
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
"""Parameter names of an `update` that takes two images, or one; `imgs` takes a set, which gives no score per image."""


def adapt(name: str) -> Registered:
    """A class of torchmetrics as a metric of sdeval.

    Raises:
        SdevalError: there is no such class, or it neither scores an image nor compares two.
    """
    kind = _class(name)
    parameters = _required_parameters(kind)
    if parameters not in (PAIR, SINGLE):
        allowed = " or ".join(", ".join(names) for names in (SINGLE, PAIR))
        raise SdevalError(f"metric {name}: takes {', '.join(parameters)}; only metrics that take {allowed} can be used")
    if kind.higher_is_better is None:
        raise SdevalError(f"metric {name}: does not say which way is better")
    pair = parameters == PAIR
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


def _required_parameters(kind: Any) -> tuple[str, ...]:
    """Names of the parameters of `update` that have no default."""
    return tuple(
        parameter.name
        for parameter in inspect.signature(kind.update).parameters.values()
        if parameter.name not in ("self", "kwargs") and parameter.default is inspect.Parameter.empty
    )


class FromTorchmetrics:
    """One class of torchmetrics, with its own defaults, reset before every image."""

    def __init__(self, info: MetricInfo, kind: Any, device: str) -> None:
        self.info = info
        self.version = f"torchmetrics {metadata.version('torchmetrics')}"
        arguments = inspect.signature(kind).parameters
        # Images are passed as values in 0..1.
        own_arguments = {"data_range": 1.0} if "data_range" in arguments else {}
        try:
            self._metric = kind(**own_arguments).to(device)
        except (OSError, ImportError) as error:
            # The metric would download weights, or needs a package.
            raise NotAvailable(f"metric {info.name}: {str(error).strip().splitlines()[0]}") from error
        except (TypeError, ValueError) as error:
            raise SdevalError(f"metric {info.name}: cannot be made with its own defaults: {error}") from error
        self._device = device

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One value per image, or per pair of images."""
        return [self._value(image) for image in images]

    def _value(self, image: GeneratedImage) -> float:
        if "baseline" not in self.info.needs:
            return self._of(to_pixels(image.image))
        baseline, current = pair_of(image)
        return self._of(current, baseline)

    def _of(self, *images: Pixels) -> float:
        self._metric.reset()
        return float(self._metric(*map(self._tensor, images)))

    def _tensor(self, pixels: Pixels) -> torch.Tensor:
        import torch

        return torch.tensor(pixels).permute(2, 0, 1)[None].float().to(self._device) / 255


def _class(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        metric_class = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise SdevalError(f"metric {name}: {error}") from None
    if not inspect.isclass(metric_class) or not hasattr(metric_class, "update"):
        package = import_module("torchmetrics.image")
        names = [f"torchmetrics.image.{class_name}" for class_name in package.__all__]
        raise SdevalError(unknown("metric", name, names))
    return metric_class
