"""Metrics by name. Listing them imports nothing heavy; making one does.

The facts of a metric stand in its own file, which imports torch only when it scores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Any

from sdeval.config.suite import Suite
from sdeval.errors import NotAvailable, SdevalError, unknown
from sdeval.metrics.base import Features, GeneratedImage, Metric, MetricInfo, MetricOptions, SampleMetric, SetMetric

__all__ = [
    "Features",
    "GeneratedImage",
    "Metric",
    "MetricInfo",
    "MetricOptions",
    "SampleMetric",
    "SetMetric",
    "check",
    "create",
    "info",
    "known",
]

GROUP = "sdeval.metrics"
"""Entry points in this group are metrics of other packages: `name = "module"` or `name = "module:object"`, where the
module or object has `INFO` and `create(options)` as the files of this folder have."""
TORCHMETRICS = "torchmetrics."

_OURS = {
    "clip_score": "sdeval.metrics.clip_score",
    "region_clip_score": "sdeval.metrics.region_clip_score",
    "directional_clip": "sdeval.metrics.directional_clip",
    "r_precision": "sdeval.metrics.r_precision",
    "diversity": "sdeval.metrics.diversity",
    "duplicates": "sdeval.metrics.duplicates",
    "init_similarity": "sdeval.metrics.init_similarity",
    "outside_change": "sdeval.metrics.outside_change",
    "outside_change_max": "sdeval.metrics.outside_change:maximum",
    "outside_change_p99": "sdeval.metrics.outside_change:p99",
    "seam": "sdeval.metrics.seam",
    "sharpness": "sdeval.metrics.sharpness",
    "noise": "sdeval.metrics.noise",
    "ssim": "sdeval.metrics.ssim",
    "psnr": "sdeval.metrics.psnr",
    "lpips": "sdeval.metrics.lpips",
    "frechet_distance": "sdeval.metrics.sets.frechet_distance",
    "kernel_distance": "sdeval.metrics.sets.kernel_distance",
    "cmmd": "sdeval.metrics.sets.cmmd",
    "precision": "sdeval.metrics.sets.prdc:precision",
    "recall": "sdeval.metrics.sets.prdc:recall",
    "density": "sdeval.metrics.sets.prdc:density",
    "coverage": "sdeval.metrics.sets.prdc:coverage",
}


def known() -> tuple[str, ...]:
    """Names of all metrics: ours, then those of installed packages."""
    return (*_OURS, *sorted(_others()))


def info(name: str) -> MetricInfo:
    """Facts of a metric.

    Raises:
        SdevalError: no such metric; lists the near matches.
    """
    found: MetricInfo = _find(name).INFO
    return found


def create(name: str, options: MetricOptions) -> Metric:
    """Make a metric; what metrics share, such as CLIP, is loaded once for all of them."""
    factory: Callable[[MetricOptions], Metric] = _find(name).create
    return factory(options)


def check(suite: Suite, device: str) -> None:
    """Find out whether all metrics of a suite can be made on this machine, before anything is generated.

    Raises:
        NotAvailable: what one needs is not here; names the metric.
        SdevalError: one cannot be made for another reason.
    """
    options = MetricOptions.from_suite(suite, device)
    for name in suite.metrics:
        try:
            create(name, options)
        except NotAvailable as error:
            raise NotAvailable(f"suite {suite.name}: metric {name}: {error}") from error


def _others() -> dict[str, metadata.EntryPoint]:
    return {each.name: each for each in metadata.entry_points(group=GROUP) if each.name not in _OURS}


@cache
def _find(name: str) -> Any:
    """The module or object that holds `INFO` and `create` of a metric."""
    if name in _OURS:
        return metadata.EntryPoint(name, _OURS[name], GROUP).load()
    if name.startswith(TORCHMETRICS):
        from sdeval.metrics.torchmetrics import adapted

        return adapted(name)
    others = _others()
    if name not in others:
        raise SdevalError(f"{unknown('metric', name, known())}; a class of torchmetrics.image is allowed too")
    return _checked(name, others[name])


def _checked(name: str, entry: metadata.EntryPoint) -> Any:
    """A metric of another package, if it is one."""
    package = entry.dist.name if entry.dist else "a package"
    try:
        found = entry.load()
    except Exception as error:
        raise SdevalError(f"metric {name} of {package} does not load: {type(error).__name__}: {error}") from error
    declared = getattr(found, "INFO", None)
    if not isinstance(declared, MetricInfo) or not callable(getattr(found, "create", None)):
        raise SdevalError(
            f"metric {name} of {package}: {entry.value} must have INFO (a MetricInfo) and create(options)"
        )
    if declared.name != name:
        raise SdevalError(f"metric {name} of {package} calls itself {declared.name!r}; the two names must be the same")
    return found
