"""Metrics of the whole set of a merged baseline: what its features give beside the suite's reference images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sdeval import metrics
from sdeval.baselines.acceptance.selection import Part
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.metrics import Metric, MetricOptions, SetMetric
from sdeval.results.records import SetScore
from sdeval.results.run import Run

SuiteOf = Callable[[str], Suite]
"""A suite by its name; raises SdevalError where there is none."""


def with_set_scores(merged: Run, baseline: Run, run: Run, part: Part, suite_of: SuiteOf, folder: Path) -> Run:
    """A merged baseline with every metric of the set that its features give.

    Those whose features are all the baseline's, or all the run's, are known already.

    Args:
        merged: its metrics are those of before.
        baseline: as it was.
        run: what is accepted in part.
        part: of the run; metrics of metrics that it names are the run's, or measured again.
        suite_of: finds the suite, which knows its reference images.
        folder: of the run.

    Raises:
        SdevalError: the suite, its reference images or the weights are not here, or not what they were.
    """
    known: dict[str, SetScore] = {}
    open_names = []
    for name in [metric for metric, record in merged.metrics.items() if record.scope == "set"]:
        places = (run,) if part.metrics and name in part.metrics else (baseline, run)
        same = next((place for place in places if _is_of(place, merged, name)), None)
        if same is None:
            open_names.append(name)
        else:
            known[name] = same.set_scores[name]
    merged = replace(merged, set_scores=known)
    return _measured(merged, open_names, run, suite_of, folder) if open_names else merged


def _is_of(other: Run, merged: Run, name: str) -> bool:
    """Whether a metric of another run is that of the merged one: the same features, in the same version."""
    if name not in other.set_scores or other.metrics[name].version != merged.metrics[name].version:
        return False
    extractor = other.set_scores[name].extractor
    rows = [sample.key for sample in other.samples] == [sample.key for sample in merged.samples]
    return (
        rows
        and other.complete == merged.complete
        and extractor in merged.features
        and np.array_equal(other.features[extractor], merged.features[extractor])
    )


def _measured(merged: Run, names: list[str], run: Run, suite_of: SuiteOf, folder: Path) -> Run:
    from sdeval.engines.diffusers_engine import pick_device
    from sdeval.evaluation.scoring.set_scores import with_set_value

    message = f"{folder}: {', '.join(names)} of what is merged must be measured again"
    try:
        suite = suite_of(run.suite)
        # The run may come from another machine.
        device = "cpu" if run.generated_by.get("device") == "cpu" else pick_device("auto")
        options = MetricOptions.from_suite(suite, device)
        for name in names:
            metric = metrics.create(name, options)
            merged = with_set_value(merged, _of_same(name, metric, merged), suite)
            _refuse_other_metric(name, merged, run)
    except SdevalError as error:
        raise SdevalError(f"{message}: {error}; see to that, or accept the whole run") from None
    return merged


def _of_same(name: str, metric: Metric, merged: Run) -> SetMetric:
    now, before = metric.version, merged.metrics[name].version
    if not isinstance(metric, SetMetric) or now != before:
        raise SdevalError(f"the suite scores {name} by {now} now, and the baseline by {before}")
    if metric.extractor.name not in merged.features:
        raise SdevalError(f"there are no features of {metric.extractor.name}")
    return metric


def _refuse_other_metric(name: str, merged: Run, run: Run) -> None:
    score = merged.set_scores[name]
    if score.value is None and merged.complete:
        raise SdevalError(f"{name}: {score.reason}")
    if name in run.set_scores and run.set_scores[name].reference != score.reference:
        raise SdevalError(f"the reference images of {name} are not those of the run")
