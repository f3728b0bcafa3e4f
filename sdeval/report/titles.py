"""Titles and units of metrics."""

from __future__ import annotations

from sdeval.comparison.speed import UNITS
from sdeval.config.suite import COLLAPSED
from sdeval.results.run import Run


def title_of(metric: str, run: Run) -> str:
    """The title of a metric, or its name in words where it has none."""
    if metric == COLLAPSED:
        return "samples that collapsed"
    record = run.metrics.get(metric)
    return record.title if record and record.title else metric.replace("_", " ")


def short_title(metric: str, run: Run) -> str:
    """A title without what stands in brackets."""
    return title_of(metric, run).partition(" (")[0]


def unit_of(metric: str, run: Run) -> str:
    """The unit of a metric; empty where it has none."""
    if metric == COLLAPSED:
        return "%"
    record = run.metrics.get(metric)
    return record.unit if record else UNITS.get(metric, "")
