"""Draws what a plan asks, scores it, and leaves a run on disk. Drawing knows no scores, scoring no verdicts."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdeval import environment, health, references
from sdeval import run as runs
from sdeval.errors import SdevalError
from sdeval.images import open_mask, open_rgb, pixel_hash, to_pixels, write_png
from sdeval.metrics import Features, Metric, MetricOptions, Picture, SampleMetric, SetMetric, create
from sdeval.metrics.frechet_distance import frechet_distance
from sdeval.pipelines.draw import Drawn, batches, draw
from sdeval.pipelines.load import LoadedTarget
from sdeval.run import MetricRecord, Run, SampleResult, SetScore
from sdeval.suite import Sample, Suite, fingerprint
from sdeval.target import Target

DIGITS = 4
"""Decimals of a stored score: finer than any metric's noise, coarse enough to be read."""

Progress = Callable[[int], None]
"""Told how many more pictures are done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be drawn: some or all samples of a suite, by one target."""

    suite: Suite
    target: Target
    samples: tuple[Sample, ...]
    settings: Mapping[str, Any]
    """Arguments of the pipeline call."""
    unscored: Mapping[str, str] = field(default_factory=dict)
    """Metrics of the suite that cannot be computed on this machine, and why."""

    @property
    def complete(self) -> bool:
        """Whether the plan is the whole suite."""
        return len(self.samples) == len(self.suite.samples)

    def size(self, sample: Sample) -> tuple[int, int] | None:
        """Width and height asked of a sample: the settings', or the init image's."""
        width, height = self.settings.get("width"), self.settings.get("height")
        if width and height:
            return (width, height)
        return open_rgb(sample.case.image).size if sample.case.image else None


def evaluate(
    plan: Plan, loaded: LoadedTarget, folder: Path, baseline: Run | None = None, progress: Progress = lambda _: None
) -> Run:
    """Draw and score a plan, and write the run into `folder`.

    Scores and features of pictures that are the baseline's to the last bit are taken from it.
    """
    drawn = draw_samples(plan, loaded, folder, progress)
    run = score(plan, drawn, folder, loaded.device, baseline)
    runs.write(run, folder)
    return run


def draw_samples(plan: Plan, loaded: LoadedTarget, folder: Path, progress: Progress) -> Run:
    """Draw every sample of a plan into `folder`: a run without scores, in the order of the suite."""
    pipeline = loaded.pipeline(plan.suite.task)
    # Its settings are among what is asked, together with the suite's.
    drawn_by = {**plan.target.describe(), **loaded.describe(plan.suite.task)}
    del drawn_by["settings"]
    results: dict[Sample, SampleResult] = {}
    seconds: dict[tuple[str, int], float] = {}
    for batch in batches(plan.samples, plan.target.batch_size):
        for each in draw(pipeline, batch, plan.settings):
            results[each.sample] = _result(plan, each, folder)
            seconds[results[each.sample].key] = each.seconds
        progress(len(batch))
    return Run(
        suite=plan.suite.name,
        task=plan.suite.task,
        target=plan.target.name,
        asked={
            "cases": len(plan.suite.cases),
            "seeds": list(plan.suite.seeds),
            "settings": dict(plan.settings),
            "unscored": dict(plan.unscored),
        },
        drawn_by=drawn_by,
        metrics={},
        samples=tuple(results[sample] for sample in plan.samples),
        complete=plan.complete,
        environment=environment.describe(),
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
    )


def _result(plan: Plan, drawn: Drawn, folder: Path) -> SampleResult:
    sample = drawn.sample
    image = f"images/{sample.name}.png"
    write_png(folder / image, drawn.picture)
    size = plan.size(sample)
    finding = health.examine(to_pixels(drawn.picture), finite=drawn.finite, flagged=drawn.flagged, size=size)
    return SampleResult(
        case=sample.case.id,
        seed=sample.seed,
        prompt=sample.case.prompt,
        fingerprint=fingerprint(sample, *(size or (None, None))),
        sha256=pixel_hash(drawn.picture),
        image=image,
        health=finding.defect if finding else "ok",
        detail=finding.detail if finding else "",
    )


def score(plan: Plan, run: Run, folder: Path, device: str, baseline: Run | None) -> Run:
    """Score a drawn run with every metric of its suite; needs its pictures on disk, not the target."""
    suite = plan.suite
    options = MetricOptions.from_suite(suite, device)
    pictures = [
        _picture(sample, folder / result.image) for sample, result in zip(plan.samples, run.samples, strict=True)
    ]
    for name in suite.metrics:
        metric = create(name, options)
        record = _record(metric, suite.tolerances.get(name))
        run = replace(run, metrics={**run.metrics, name: record})
        if isinstance(metric, SetMetric):
            run = _with_set_score(run, metric, pictures, baseline, suite)
        else:
            run = _with_scores(run, metric, pictures, baseline)
    return run


def _picture(sample: Sample, image: Path) -> Picture:
    case = sample.case
    return Picture(
        image=open_rgb(image),
        case=case,
        init=open_rgb(case.image) if case.image else None,
        mask=open_mask(case.mask) if case.mask else None,
    )


def _record(metric: Metric, tolerance: float | None) -> MetricRecord:
    info = metric.info
    return MetricRecord(
        version=metric.version,
        unit=info.unit,
        higher_is_better=info.higher_is_better,
        scope=info.scope,
        tolerance=info.tolerance if tolerance is None else tolerance,
        tolerance_is_relative=info.tolerance_is_relative,
        title=info.title,
    )


def _unchanged(run: Run, baseline: Run | None, metric: Metric) -> dict[int, int]:
    """Rows whose picture and request are the baseline's to the last bit, where it was scored in the same way."""
    name = metric.info.name
    if baseline is None or name not in baseline.metrics or baseline.metrics[name].version != metric.version:
        return {}
    known = {(each.key, each.fingerprint, each.sha256): row for row, each in enumerate(baseline.samples)}
    found = {row: known.get((each.key, each.fingerprint, each.sha256)) for row, each in enumerate(run.samples)}
    return {row: old for row, old in found.items() if old is not None}


def _with_scores(run: Run, metric: SampleMetric, pictures: Sequence[Picture], baseline: Run | None) -> Run:
    name = metric.info.name
    reused = _unchanged(run, baseline, metric)
    values: dict[int, float | None] = {}
    reasons: dict[int, str] = {}
    for row, old in reused.items():
        assert baseline is not None
        values[row] = baseline.samples[old].scores.get(name)
    rows = [row for row in range(len(pictures)) if values.get(row) is None]
    for row, outcome in zip(rows, _attempt(metric, [pictures[row] for row in rows]), strict=True):
        if isinstance(outcome, str):
            values[row], reasons[row] = None, outcome
        else:
            values[row] = round(outcome, DIGITS)
    samples = tuple(
        replace(
            sample,
            scores={**sample.scores, name: values[row]},
            reasons={**sample.reasons, **({name: reasons[row]} if row in reasons else {})},
        )
        for row, sample in enumerate(run.samples)
    )
    return replace(run, samples=samples)


def _attempt(metric: SampleMetric, pictures: Sequence[Picture]) -> list[float | str]:
    """Scores, or why there is none. One picture that cannot be scored does not take the others with it."""
    if not pictures:
        return []
    try:
        return [value if np.isfinite(value) else f"the score is {value}" for value in metric.score(pictures)]
    except SdevalError:
        raise
    except Exception as error:
        if len(pictures) == 1:
            return [f"{type(error).__name__}: {error}"]
        return [outcome for picture in pictures for outcome in _attempt(metric, [picture])]


def _with_set_score(
    run: Run, metric: SetMetric, pictures: Sequence[Picture], baseline: Run | None, suite: Suite
) -> Run:
    name, extractor = metric.info.name, metric.extractor
    if extractor not in run.features:
        values = _features(run, metric, pictures, baseline)
        run = replace(run, features={**run.features, extractor: values})
    try:
        reference = references.load(suite.references, metric) if suite.references else None
        value, reason = _distance(run, run.features[extractor], reference)
    except ValueError as error:
        reference, value, reason = None, None, f"reference pictures: {error}"
    found = SetScore(
        value=value,
        n=len(run.samples),
        extractor=extractor,
        reference=reference.fingerprint if reference else "",
        reference_n=reference.moments.count if reference else 0,
        reason=reason,
    )
    return replace(run, set_scores={**run.set_scores, name: found})


def _distance(run: Run, features: Features, reference: references.Loaded | None) -> tuple[float | None, str]:
    if reference is None:
        return None, "the suite has no reference pictures"
    if not run.complete:
        return None, "waits for a whole suite; this run holds a part of it"
    try:
        return round(frechet_distance(features, reference.moments), 6), ""
    except ValueError as error:
        return None, str(error)


def _features(run: Run, metric: SetMetric, pictures: Sequence[Picture], baseline: Run | None) -> Features:
    reused = _unchanged(run, baseline, metric)
    kept: Mapping[int, Any] = {}
    if baseline is not None and metric.extractor in baseline.features:
        kept = {row: baseline.features[metric.extractor][old] for row, old in reused.items()}
    rows = [row for row in range(len(pictures)) if row not in kept]
    fresh = dict(zip(rows, metric.features([pictures[row].image for row in rows]), strict=True)) if rows else {}
    return np.stack([kept[row] if row in kept else fresh[row] for row in range(len(pictures))])


def peak_memory_bytes() -> int:
    """Largest memory this process has held: on the accelerator if there is one, otherwise resident."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
