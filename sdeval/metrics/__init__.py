"""Metrics by name. Listing the metrics imports no heavy library; creating one does.

Each metric describes itself in its own module, which imports torch only when the metric scores images.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Any

from sdeval.config.scorers import project_scorers
from sdeval.config.suite import Suite
from sdeval.errors import NotAvailable, SdevalError, unknown
from sdeval.metrics.base import (
    Features,
    GeneratedImage,
    Metric,
    MetricInfo,
    MetricOptions,
    ReadingMetric,
    SampleMetric,
    SetMetric,
    SummaryMetric,
)
from sdeval.metrics.of_every_suite import OF_EVERY_SUITE

__all__ = [
    "OF_EVERY_SUITE",
    "Features",
    "GeneratedImage",
    "Metric",
    "MetricInfo",
    "MetricOptions",
    "ReadingMetric",
    "SampleMetric",
    "SetMetric",
    "SummaryMetric",
    "announcements",
    "check",
    "create",
    "documented",
    "info",
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
    "input_ssim": "sdeval.metrics.input_similarity",
    "input_lpips": "sdeval.metrics.input_similarity:of_lpips",
    "outside_change": "sdeval.metrics.outside_change",
    "outside_change_max": "sdeval.metrics.outside_change:maximum",
    "outside_change_p99": "sdeval.metrics.outside_change:p99",
    "seam": "sdeval.metrics.seam",
    "sharpness": "sdeval.metrics.sharpness",
    "noise": "sdeval.metrics.noise",
    "ssim": "sdeval.metrics.ssim",
    "psnr": "sdeval.metrics.psnr",
    "lpips": "sdeval.metrics.lpips",
    "aesthetic": "sdeval.metrics.aesthetic",
    "hps_v2": "sdeval.metrics.hps_v2",
    "pickscore": "sdeval.metrics.pickscore",
    "clip_i": "sdeval.metrics.clip_i",
    "dino_i": "sdeval.metrics.dino_i",
    "baseline_clip_i": "sdeval.metrics.clip_i:of_baseline",
    "baseline_dino_i": "sdeval.metrics.dino_i:of_baseline",
    "nsfw_rate": "sdeval.metrics.nsfw_rate",
    "text_accuracy": "sdeval.metrics.text_accuracy",
    "text_word_recall": "sdeval.metrics.text_word_recall",
    "spurious_text": "sdeval.metrics.spurious_text",
    "objects": "sdeval.metrics.objects",
    "checklist": "sdeval.metrics.checklist",
    "frechet_distance": "sdeval.metrics.sets.frechet_distance",
    "fd_dinov2": "sdeval.metrics.sets.frechet_distance:of_dinov2",
    "kernel_distance": "sdeval.metrics.sets.kernel_distance",
    "cmmd": "sdeval.metrics.sets.cmmd",
    "mind": "sdeval.metrics.sets.mind",
    "precision": "sdeval.metrics.sets.prdc:precision",
    "recall": "sdeval.metrics.sets.prdc:recall",
    "density": "sdeval.metrics.sets.prdc:density",
    "coverage": "sdeval.metrics.sets.prdc:coverage",
}


def metric_names() -> tuple[str, ...]:
    """Names of all metrics: those of sdeval, then those of installed packages, and of the project."""
    return (*_OURS, *sorted(_entry_points()), *sorted(project_scorers()))


def documented() -> tuple[MetricInfo, ...]:
    """The descriptions of sdeval's own metrics, with those that every suite has: the chapters of `docs/metrics.md`."""
    return (*(info(name) for name in _OURS), *OF_EVERY_SUITE.values())


def info(name: str) -> MetricInfo:
    """The description of a metric.

    Raises:
        SdevalError: no metric has this name; the message lists similar names.
    """
    facts: MetricInfo = _find(name).INFO
    return facts


def create(name: str, options: MetricOptions) -> Metric:
    """Create a metric. Models that several metrics use, such as CLIP, are loaded only once."""
    factory: Callable[[MetricOptions], Metric] = _find(name).create
    return factory(options)


def check(suite: Suite, device: str) -> None:
    """Check that all metrics of a suite can be created on this machine, before any image is generated.

    Raises:
        NotAvailable: something that a metric needs is not on this machine; the message names the metric.
        SdevalError: a metric cannot be created for another reason.
    """
    options = MetricOptions.from_suite(suite, device)
    for name in suite.metrics:
        try:
            create(name, options)
        except NotAvailable as error:
            raise NotAvailable(f"suite {suite.name}: metric {name}: {error}") from error


def announcements(suite: Suite, sides: int = 1) -> list[str]:
    """What a user should see before the first image is scored: calls of metrics that may have to be paid, a line each.

    A metric says so by `announcements(suite, options, sides)` beside its `create`.

    Args:
        suite: with all its seeds.
        sides: images of each sample: 2 where two targets are compared with each other.

    Raises:
        SdevalError: there is no such metric, or an option of the suite is wrong.
    """
    announcing = [getattr(_find(name), "announcements", None) for name in suite.metrics]
    if not any(announcing):
        return []
    options = MetricOptions.from_suite(suite, "cpu")
    return [line for announce in filter(None, announcing) for line in announce(suite, options, sides)]


def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP) if entry.name not in _OURS}


def _find(name: str) -> Any:
    """The module or object that holds `INFO` and `create` of a metric."""
    if name not in _OURS and name in (scorers := project_scorers()):
        from sdeval.metrics.scorers import adapt

        return adapt(scorers[name])
    return _find_installed(name)


@cache
def _find_installed(name: str) -> Any:
    if name in _OURS:
        return metadata.EntryPoint(name, _OURS[name], GROUP).load()
    if name.startswith(TORCHMETRICS):
        from sdeval.metrics.torchmetrics import adapt

        return adapt(name)
    entries = _entry_points()
    if name not in entries:
        raise SdevalError(
            f"{unknown('metric', name, metric_names(), 'sdeval metrics')}; a class of torchmetrics.image is allowed too"
        )
    return _load_entry_point(name, entries[name])


def _load_entry_point(name: str, entry: metadata.EntryPoint) -> Any:
    """Load a metric of another package and check that it is one."""
    package = entry.dist.name if entry.dist else "a package"
    try:
        metric = entry.load()
    except Exception as error:
        raise SdevalError(f"metric {name} of {package} does not load: {type(error).__name__}: {error}") from error
    facts = getattr(metric, "INFO", None)
    if not isinstance(facts, MetricInfo) or not callable(getattr(metric, "create", None)):
        raise SdevalError(
            f"metric {name} of {package}: {entry.value} must have INFO (a MetricInfo) and create(options)"
        )
    if facts.name != name:
        raise SdevalError(f"metric {name} of {package} calls itself {facts.name!r}; the two names must be the same")
    return metric
