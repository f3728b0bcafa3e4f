"""A part of a scored run: its samples keep their scores, and its set metrics are measured again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sdeval.config.suite import Suite
from sdeval.evaluation.scoring.set_scores import with_set_value
from sdeval.metrics import Metric, MetricOptions, SetMetric, create
from sdeval.results.run import Run


def with_seeds(run: Run, seeds: Collection[int], suite: Suite, device: str) -> Run:
    """The part of a scored run that was generated with some of its seeds; see `part_of`."""
    return part_of(run, {sample.key for sample in run.samples if sample.seed in seeds}, suite, device)


def part_of(run: Run, keys: Collection[tuple[str, int]], suite: Suite, device: str) -> Run:
    """Some samples of a scored run, by case and seed; set metrics are measured again on them."""
    rows = [row for row, sample in enumerate(run.samples) if sample.key in keys]
    if len(rows) == len(run.samples):
        return run
    samples = tuple(run.samples[row] for row in rows)
    features = {name: values[rows] for name, values in run.features.items()}
    part = replace(run, samples=samples, features=features, set_scores={})
    options = MetricOptions.from_suite(suite, device)
    for name in run.set_scores:
        if name in suite.metrics:
            part = _with_set_score_again(part, run, create(name, options), suite)
    return part


def _with_set_score_again(part: Run, run: Run, metric: Metric, suite: Suite) -> Run:
    assert isinstance(metric, SetMetric)
    if metric.extractor.name in part.features:
        return with_set_value(part, metric, suite)
    reason = f"the run holds no features of {metric.extractor.name}"
    score = replace(run.set_scores[metric.info.name], value=None, n=len(part.samples), reason=reason)
    return replace(part, set_scores={**part.set_scores, metric.info.name: score})
