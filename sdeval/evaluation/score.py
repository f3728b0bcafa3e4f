"""Scores a generated run with the metrics of its suite. Needs its images on disk, not the target; knows no verdicts.

Images are decoded in batches, once for all metrics, and forgotten: memory does not grow with their number. Scores and
features of images that are the baseline's to the last bit are taken from it, without decoding them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from sdeval._utils.truncation import unread_note
from sdeval.config.case import Sample
from sdeval.config.suite import Suite
from sdeval.evaluation.mlperf import mlperf_notes
from sdeval.evaluation.scoring.baseline_images import BaselineComparison
from sdeval.evaluation.scoring.images import DecodedSample, RunImages, Wanted
from sdeval.evaluation.scoring.sample_scores import sample_scores
from sdeval.evaluation.scoring.set_scores import SetFeatures, reasons_without_features, with_set_score
from sdeval.metrics import Metric, MetricOptions, SetMetric, create
from sdeval.metrics.features.clip import WithClip
from sdeval.results.records import MetricRecord
from sdeval.results.run import Run, Stored

Scored = Literal["all", "single images", "rest"]
"""What is scored of a run: in a shard, what an image shows by itself; once the shards are merged, the rest."""


class Reader(Protocol):
    """Looks at the images of a run while they pass by, and knows something of the run afterwards."""

    rows: set[int]
    """Rows whose images it has not seen yet."""

    @property
    def needs_pair(self) -> bool:
        """Whether the baseline's images are needed at full size."""
        ...

    def take(self, batch: Sequence[DecodedSample]) -> None:
        """Look at a batch, which may hold images that it has no use for."""
        ...

    def finish(self) -> None:
        """All images have passed by."""
        ...

    def add_to(self, run: Run) -> Run:
        """The run with what is known now."""
        ...


def score(
    run: Run,
    suite: Suite,
    samples: Sequence[Sample],
    folder: Path,
    device: str,
    baseline: Stored | None = None,
    what: Scored = "all",
) -> Run:
    """Score a run that was generated into `folder`.

    Args:
        run: what was generated.
        suite: its metrics are computed.
        samples: one for each of the run's, in its order.
        folder: where the images are.
        device: where models run.
        baseline: what was accepted for this suite and target, if anything.
        what: is scored; of the rest, the run has its scores, features and comparisons with the baseline already.
    """
    options = MetricOptions.from_suite(suite, device)
    metrics = {name: create(name, options) for name in suite.metrics}
    if what == "single images":
        metrics = {name: metric for name, metric in metrics.items() if metric.info.alone}
    images = RunImages(run, samples, folder, baseline)
    comparison = BaselineComparison(images)
    known = [name for name, metric in metrics.items() if metric.info.alone and what == "rest"]
    readers = _readers({name: metric for name, metric in metrics.items() if name not in known}, images)
    if what == "rest":
        comparison.rows.clear()
    _show(images, comparison, tuple(readers.values()))
    if what != "rest":
        run = comparison.add_to(run)
    for name, metric in metrics.items():
        run = replace(run, metrics={**run.metrics, name: record_of(metric, suite.tolerances.get(name))})
        if name in readers:
            run = readers[name].add_to(run)
        if isinstance(metric, SetMetric):
            run = _with_set_score(run, metric, readers.get(name), suite)
    if what == "single images":
        return run
    if what == "rest":
        run = _in_order(run, tuple(metrics))
    notes = (*run.notes, *_unread_notes(run, suite, metrics), *_costs(suite, metrics), *mlperf_notes(run))
    return replace(run, notes=tuple(dict.fromkeys(notes)))


def _in_order(run: Run, names: Sequence[str]) -> Run:
    """The run with scores in the order of its metrics, as if they had been computed together."""
    samples = (
        replace(sample, scores={name: sample.scores[name] for name in names if name in sample.scores})
        for sample in run.samples
    )
    return replace(run, samples=tuple(samples))


def _readers(metrics: Mapping[str, Metric], images: RunImages) -> dict[str, Reader]:
    """One for each metric of single images, and for the first set metric of each extractor."""
    readers: dict[str, Reader] = {}
    extractors = set(images.run.features)
    for name, metric in metrics.items():
        if not isinstance(metric, SetMetric):
            readers[name] = sample_scores(metric, images)
        elif metric.extractor.name not in extractors:
            extractors.add(metric.extractor.name)
            readers[name] = SetFeatures(metric, images)
    return readers


def _show(images: RunImages, comparison: BaselineComparison, readers: Sequence[Reader]) -> None:
    """Show each image that somebody has a use for to all of them; again where one finds out that it needs more."""
    everyone: tuple[Reader, ...] = (comparison, *readers)
    while rows := frozenset().union(*(reader.rows for reader in everyone)):
        pairs = frozenset().union(*(reader.rows for reader in readers if reader.needs_pair))
        for batch in images.batches(Wanted(rows, pairs, frozenset(comparison.rows))):
            for reader in everyone:
                reader.take(batch)
    for reader in everyone:
        reader.finish()


def _with_set_score(run: Run, metric: SetMetric, reader: Reader | None, suite: Suite) -> Run:
    known = reader.reasons if isinstance(reader, SetFeatures) else None
    reasons = reasons_without_features(run, metric.extractor.name) if known is None else known
    return with_set_score(run, metric, reasons, suite)


def _unread_notes(run: Run, suite: Suite, metrics: Mapping[str, Metric]) -> list[str]:
    """What metrics do not read of prompts, in one line for all that do not read the same."""
    scored = {sample.case for sample in run.samples}
    unread: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, metric in metrics.items():
        if isinstance(metric, WithClip):
            parts = ((case.id, metric.unread(case)) for case in suite.cases if case.id in scored)
            unread.setdefault(tuple(part for part in parts if part[1]), []).append(name)
    advice = "changes there are not measured: shorten them, or choose a clip_model with a longer context"
    return [
        unread_note(f"{suite.name}: {', '.join(names)}", dict(parts), advice)
        for parts, names in unread.items()
        if parts
    ]


def _costs(suite: Suite, metrics: Mapping[str, Metric]) -> list[str]:
    """What metrics say of the calls that they made elsewhere."""
    notes = [getattr(metric, "note", "") for metric in metrics.values()]
    return [f"{suite.name}: {note}" for note in notes if note]


def record_of(metric: Metric, tolerance: float | None) -> MetricRecord:
    """What a run keeps of a metric; its own tolerance where the suite states none."""
    info = metric.info
    return MetricRecord(
        version=metric.version,
        unit=info.unit,
        higher_is_better=info.higher_is_better,
        scope=info.scope,
        tolerance=info.tolerance if tolerance is None else tolerance,
        tolerance_is_relative=info.tolerance_is_relative,
        title=info.title,
        gating=info.gating,
        alone=info.alone,
        reads_baseline="baseline" in info.needs,
        explanation=info.explanation,
    )
