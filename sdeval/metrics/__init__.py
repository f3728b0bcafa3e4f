"""Metrics by name. Listing them imports nothing heavy; making one does.

The facts of a metric stand in its own file, which imports torch only when it scores.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sdeval.errors import SdevalError, unknown
from sdeval.metrics.base import Features, Metric, MetricInfo, MetricOptions, Picture, SampleMetric, SetMetric

__all__ = [
    "Features",
    "Metric",
    "MetricInfo",
    "MetricOptions",
    "Picture",
    "SampleMetric",
    "SetMetric",
    "create",
    "info",
    "known",
]

_MODULES = {
    "clip_score": "sdeval.metrics.clip_score",
    "region_clip_score": "sdeval.metrics.region_clip_score",
    "init_similarity": "sdeval.metrics.init_similarity",
    "outside_change": "sdeval.metrics.outside_change",
    "frechet_distance": "sdeval.metrics.frechet_distance",
}


def known() -> tuple[str, ...]:
    """Names of all metrics."""
    return tuple(_MODULES)


def info(name: str) -> MetricInfo:
    """Facts of a metric.

    Raises:
        SdevalError: no such metric; lists the near matches.
    """
    found: MetricInfo = _module(name).INFO
    return found


def create(name: str, options: MetricOptions) -> Metric:
    """Make a metric; what metrics share, such as CLIP, is loaded once for all of them."""
    factory: Callable[[MetricOptions], Metric] = _module(name).create
    return factory(options)


def _module(name: str) -> Any:
    if name not in _MODULES:
        raise SdevalError(unknown("metric", name, known()))
    return import_module(_MODULES[name])
