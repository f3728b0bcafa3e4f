"""Metrics of the whole set: features of all images, batch by batch, and the values that are computed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from sdeval.config.suite import Suite
from sdeval.engines.attempt import attempt
from sdeval.errors import CallFailed, plural
from sdeval.evaluation.scoring.attempts import NoValue, attempt_each, check_score
from sdeval.evaluation.scoring.images import DecodedSample, RunImages
from sdeval.evaluation.scoring.reuse import reusable_rows
from sdeval.metrics import Features, SetMetric
from sdeval.metrics.sets import references
from sdeval.metrics.sets.reference_cache import Loaded
from sdeval.results.records import SetScore
from sdeval.results.run import Run

T = TypeVar("T")


class SetFeatures:
    """The features of one extractor while images pass by; those of unchanged images are the baseline's.

    Args:
        metric: the first that needs these features.
        images: of the run.
    """

    needs_pair = False

    def __init__(self, metric: SetMetric, images: RunImages) -> None:
        self._metric = metric
        self._name = metric.extractor.name
        self._samples = images.run.samples
        self._known: dict[int, Any] = self._of_baseline(images)
        self._new: dict[int, Any] = {}
        self.rows = {row for row, sample in enumerate(self._samples) if sample.image and row not in self._known}
        """Rows whose images it has not seen yet."""

    def _of_baseline(self, images: RunImages) -> dict[int, Any]:
        accepted = images.baseline.run if images.baseline else None
        if accepted is None or self._name not in accepted.features:
            return {}
        features = accepted.features[self._name]
        return {row: features[before] for row, before in reusable_rows(images.run, accepted, self._metric).items()}

    def take(self, batch: Sequence[DecodedSample]) -> None:
        """Extract the features of a batch."""
        new = [decoded for decoded in batch if decoded.row in self.rows]
        self.rows.difference_update(decoded.row for decoded in new)
        images = [decoded.generated.image for decoded in new]
        outcomes = attempt_each(self._metric.extractor.images, images, "rows of features")
        for decoded, outcome in zip(new, outcomes, strict=True):
            self._new[decoded.row] = outcome
            if not isinstance(outcome, NoValue) and self._is_of_other_shape(outcome):
                self._forget_baseline()

    def _is_of_other_shape(self, features: Any) -> bool:
        return bool(self._known) and next(iter(self._known.values())).shape != features.shape

    def _forget_baseline(self) -> None:
        """The baseline is corrupt: its features are of no use here, and the verdict says so."""
        self.rows.update(row for row in self._known if self._samples[row].image)
        self._known = {}

    def finish(self) -> None:
        """Nothing is left to do: all images have passed by."""

    def add_to(self, run: Run) -> Run:
        """The run with a row of features for each sample; those of images without features are no numbers."""
        fresh = {row: value for row, value in self._new.items() if not isinstance(value, NoValue)}
        known = {**self._known, **fresh}
        missing = np.full_like(next(iter(known.values()), np.zeros(0, np.float32)), np.nan)
        values = np.stack([known.get(row, missing) for row in range(len(run.samples))])
        return replace(run, features={**run.features, self._name: values})

    @property
    def reasons(self) -> dict[int, str]:
        """Why images have no features, by row."""
        return {row: value.reason for row, value in self._new.items() if isinstance(value, NoValue)}


def with_set_score(run: Run, metric: SetMetric, reasons: dict[int, str], suite: Suite) -> Run:
    """The run with the value of a set metric whose features it has; `reasons` are those of images without features."""
    name = metric.info.name
    samples = list(run.samples)
    for row, reason in reasons.items():
        samples[row] = replace(samples[row], reasons={**samples[row].reasons, name: reason})
    return with_set_value(replace(run, samples=tuple(samples)), metric, suite)


def reasons_without_features(run: Run, extractor: str) -> dict[int, str]:
    """Why samples have no features, by row, as a metric before says that has the same ones."""
    before = next((name for name, score in run.set_scores.items() if score.extractor == extractor), "")
    return {row: sample.reasons[before] for row, sample in enumerate(run.samples) if before in sample.reasons}


def with_set_value(run: Run, metric: SetMetric, suite: Suite) -> Run:
    """The run with the metric of a set metric whose features it has."""
    name, extractor = metric.info.name, metric.extractor.name
    try:
        reference = _reference(suite, metric)
        value, reason = _set_value(run, metric, run.features[extractor], reference)
    except CallFailed as error:
        reference, value, reason = None, None, f"reference images: {error}"
    score = SetScore(
        value=value,
        n=len(run.samples),
        extractor=extractor,
        reference=reference.fingerprint if reference else "",
        reference_n=reference.reference.count if reference else 0,
        reason=reason,
        extractor_version=metric.extractor.version,
        resize=metric.extractor.resize,
    )
    return replace(run, set_scores={**run.set_scores, name: score})


def _reference(suite: Suite, metric: SetMetric) -> Loaded | None:
    """The reference images of a suite, if it has any.

    Raises:
        CallFailed: they cannot be used; says why.
    """
    folder = suite.references
    return attempt(_in_own_words(lambda: references.load(folder, metric))) if folder else None


def _in_own_words(call: Callable[[], T]) -> Callable[[], T]:
    """The same call; a `ValueError`, which metrics raise where there is no value, is reported without its name."""

    def with_words() -> T:
        try:
            return call()
        except ValueError as error:
            raise CallFailed(str(error)) from None

    return with_words


def _set_value(run: Run, metric: SetMetric, features: Features, reference: Loaded | None) -> tuple[float | None, str]:
    if reference is None:
        return None, "the suite has no reference images"
    if not run.complete:
        return None, "waits for a whole suite; this run holds a part of it"
    reasons = {sample.key: why for sample in run.samples if (why := sample.reason_without(metric.info.name))}
    if reasons:
        (case, seed), why = next(iter(reasons.items()))
        return None, f"lacks {len(reasons)} of {plural(len(run.samples), 'image')}; {case}@{seed}: {why}"
    try:
        value = attempt(_in_own_words(lambda: check_score(metric.measure(features, reference.reference), metric.info)))
    except CallFailed as error:
        return None, str(error)
    return (None, value.reason) if isinstance(value, NoValue) else (round(value, 6), "")
