"""Scores a generated run with the metrics of its suite. Needs its images on disk, not the target; knows no verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval._utils.truncation import unread_note
from sdeval.config.suite import Sample, Suite
from sdeval.engines.attempt import attempt
from sdeval.errors import CallFailed, plural
from sdeval.imaging.defects import NOT_IN_PIXELS, Measures, defect_of, measure
from sdeval.imaging.io import FULL_UP_TO, as_accepted, open_mask, open_rgb, to_pixels
from sdeval.imaging.similarity import image_change
from sdeval.metrics import Features, GeneratedImage, Metric, MetricInfo, MetricOptions, SampleMetric, SetMetric, create
from sdeval.metrics.base import Extractor
from sdeval.metrics.features.clip import WithClip
from sdeval.metrics.sets import references
from sdeval.results.records import MetricRecord, SampleResult, SetScore
from sdeval.results.run import Run, Stored

DIGITS = 4
"""Decimals of a stored score: finer than any metric's noise, coarse enough to be read."""
SLACK = 1e-3
T = TypeVar("T")
Images = Sequence[GeneratedImage | None]
"""One for each sample of a run; None where there is none."""


def score(
    run: Run, suite: Suite, samples: Sequence[Sample], folder: Path, device: str, baseline: Stored | None = None
) -> Run:
    """Score a run that was generated into `folder`.

    Scores and features of images that are the baseline's to the last bit are taken from it.

    Args:
        run: what was generated.
        suite: its metrics are computed.
        samples: one for each of the run's, in its order.
        folder: where the images are.
        device: where models run.
        baseline: what was accepted for this suite and target, if anything.
    """
    options = MetricOptions.from_suite(suite, device)
    images = [
        _image(sample, result, folder, baseline) if result.image else None
        for sample, result in zip(samples, run.samples, strict=True)
    ]
    accepted = baseline.run if baseline else None
    run = replace(
        run,
        samples=tuple(
            _compare_with_baseline(sample, image, accepted) for sample, image in zip(run.samples, images, strict=True)
        ),
    )
    metrics = {name: create(name, options) for name in suite.metrics}
    for name, metric in metrics.items():
        run = replace(run, metrics={**run.metrics, name: record_of(metric, suite.tolerances.get(name))})
        if isinstance(metric, SetMetric):
            run = _with_set_score(run, metric, images, accepted, suite)
        else:
            run = _with_scores(run, metric, images, accepted)
    return replace(run, notes=tuple(dict.fromkeys((*run.notes, *_unread_notes(run, suite, metrics)))))


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


def _image(sample: Sample, result: SampleResult, folder: Path, baseline: Stored | None) -> GeneratedImage:
    case = sample.case
    image = open_rgb(folder / result.image)
    baseline_image = baseline.image(result) if baseline else None
    return GeneratedImage(
        image=image,
        case=case,
        seed=sample.seed,
        init=open_rgb(case.image) if case.image else None,
        mask=open_mask(case.mask) if case.mask else None,
        pair=(open_rgb(baseline_image), as_accepted(image)) if baseline_image else None,
    )


def _compare_with_baseline(result: SampleResult, image: GeneratedImage | None, baseline: Run | None) -> SampleResult:
    """The sample with its difference from the baseline's image, and a defect if its size is another.

    A requested size is checked when the image is generated; this is for images without a requested size.
    """
    if image is None:
        return result
    before = baseline.sample(result) if baseline else None
    if before and before.size and not result.defect and before.size != result.size:
        sizes = "{}x{} instead of the baseline's {}x{}".format(*(result.size or (0, 0)), *before.size)
        detail = f"{sizes}; ask for width and height in the suite's settings"
        result = replace(result, defect="size_mismatch", detail=detail)
    if before:
        result = judge_defects(result, before, image.pair[0] if image.pair else None)
    if image.pair is None:
        return result
    baseline_pixels, pixels = map(to_pixels, image.pair)
    return replace(result, image_change=image_change(baseline_pixels, pixels))


def judge_defects(result: SampleResult, before: SampleResult, baseline_image: Image.Image | None) -> SampleResult:
    """The sample with its defect judged against the baseline's image: what both images have is a style.

    Args:
        result: the sample, judged without a baseline.
        before: the baseline's sample.
        baseline_image: the image or thumbnail in the baseline; None if there is none.
    """
    if result.defect in NOT_IN_PIXELS:
        return result
    if before.sha256 == result.sha256:
        return replace(result, defect=before.defect, detail=before.detail)
    measures, baseline = Measures.from_dict(result.measures), _measures_of(before, baseline_image)
    if measures is None or baseline is None:
        return result
    finding = defect_of(measures, baseline)
    return replace(result, defect=finding.defect if finding else "", detail=finding.detail if finding else "")


def _measures_of(sample: SampleResult, image: Image.Image | None) -> Measures | None:
    """Measures that the baseline stores; for an older one, of its image unless that is a thumbnail."""
    stored = Measures.from_dict(sample.measures)
    if stored is not None or image is None or image.size != sample.size or max(image.size) > FULL_UP_TO:
        return stored
    return measure(to_pixels(image))


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
    )


def _reusable_rows(run: Run, baseline: Run | None, metric: Metric) -> dict[int, int]:
    """Rows whose image and request are the baseline's to the last bit, where it was scored in the same way."""
    name = metric.info.name
    # A distance from the baseline that is kept in it was measured from the one before.
    if "baseline" in metric.info.needs:
        return {}
    if baseline is None or name not in baseline.metrics or baseline.metrics[name].version != metric.version:
        return {}
    # A score that was accepted without its image says nothing of the image that is there.
    scored_samples = {row: sample for row, sample in enumerate(baseline.samples) if name not in sample.scored_on}
    if not metric.info.alone and not (_same_images(run, baseline) and len(scored_samples) == len(baseline.samples)):
        return {}
    rows = {(sample.key, sample.fingerprint, sample.sha256): row for row, sample in scored_samples.items()}
    baseline_rows = {
        row: rows.get((sample.key, sample.fingerprint, sample.sha256)) for row, sample in enumerate(run.samples)
    }
    return {row: baseline_row for row, baseline_row in baseline_rows.items() if baseline_row is not None}


def _same_images(run: Run, baseline: Run) -> bool:
    return {(s.key, s.sha256) for s in run.samples} == {(s.key, s.sha256) for s in baseline.samples}


def _with_scores(run: Run, metric: SampleMetric, images: Images, baseline: Run | None) -> Run:
    name = metric.info.name
    reused = _reusable_rows(run, baseline, metric)
    values: dict[int, float | None] = {}
    reasons: dict[int, str] = {}
    for row, old in reused.items():
        assert baseline is not None
        values[row] = baseline.samples[old].scores.get(name)
    rows = [row for row in _scorable(run, metric, images) if values.get(row) is None]
    # Some may have kept their image and changed their prompt; the scores of all hang together.
    if rows and not metric.info.alone:
        rows = _scorable(run, metric, images)
    for group in _scored_together(rows, run, metric):
        available = [image for row in group if (image := images[row]) is not None]
        for row, outcome in zip(group, _attempt(metric, available), strict=True):
            if isinstance(outcome, str):
                values[row], reasons[row] = None, outcome
            else:
                values[row] = round(outcome, DIGITS)
    samples = tuple(
        replace(
            sample,
            scores={**sample.scores, **({name: values[row]} if row in values else {})},
            reasons={**sample.reasons, **({name: reasons[row]} if row in reasons else {})},
        )
        for row, sample in enumerate(run.samples)
    )
    return replace(run, samples=samples)


def _scorable(run: Run, metric: SampleMetric, images: Images) -> list[int]:
    """Rows that a metric can say something of; nothing to say is no failure.

    Where a sample has no image, seeds of its case cannot be compared either.
    """
    needs = metric.info.needs
    # Without the other cases there is nothing to compare with.
    if not (run.complete or metric.info.alone or "seeds" in needs):
        return []
    lacking = {sample.case for sample in run.samples if sample.failure} if "seeds" in needs else set()
    return [
        row
        for row, (sample, image) in enumerate(zip(run.samples, images, strict=True))
        if image is not None and sample.case not in lacking and (image.pair or "baseline" not in needs)
    ]


def _scored_together(rows: Sequence[int], run: Run, metric: SampleMetric) -> list[list[int]]:
    """Rows to score in one call.

    Where scores hang together, the seeds of a round do so among themselves: the same however many looks follow.
    """
    if metric.info.alone:
        return [list(rows)]
    rounds = [run.round_of(run.samples[row].seed) for row in rows]
    return [
        [row for row, at in zip(rows, rounds, strict=True) if at == seed_round] for seed_round in dict.fromkeys(rounds)
    ]


def _attempt(metric: SampleMetric, images: Sequence[GeneratedImage]) -> list[float | str]:
    """Scores, or why there is none. One image that cannot be scored does not take the others with it."""
    if not images:
        return []
    try:
        scores = attempt(lambda: [_check_score(value, metric.info) for value in metric.score(images)])
        if len(scores) == len(images):
            return scores
        reason = f"gave {len(scores)} scores for {plural(len(images), 'image')}"
    except CallFailed as error:
        reason = str(error)
    # What one image cannot say without the others cannot be asked of it alone either.
    if len(images) == 1 or not metric.info.alone:
        return [reason] * len(images)
    return [outcome for image in images for outcome in _attempt(metric, [image])]


def _check_score(value: float, info: MetricInfo) -> float | str:
    low, high = info.range
    # Rounding may push a perfect score a hair beyond.
    return (
        float(value)
        if math.isfinite(value) and low - SLACK <= value <= high + SLACK
        else f"the score is {value}, not within {low:g} to {high:g}"
    )


def _with_set_score(run: Run, metric: SetMetric, images: Images, baseline: Run | None, suite: Suite) -> Run:
    name, extractor = metric.info.name, metric.extractor.name
    if extractor not in run.features:
        values, reasons = _features(run, metric, images, baseline)
        run = replace(run, features={**run.features, extractor: values})
    else:
        reasons = _reasons_of_extractor(run, extractor)
    samples = tuple(
        replace(sample, reasons={**sample.reasons, name: reasons[row]}) if row in reasons else sample
        for row, sample in enumerate(run.samples)
    )
    return with_set_value(replace(run, samples=samples), metric, suite)


def _reasons_of_extractor(run: Run, extractor: str) -> dict[int, str]:
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


def _reference(suite: Suite, metric: SetMetric) -> references.Loaded | None:
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


def _set_value(
    run: Run, metric: SetMetric, features: Features, reference: references.Loaded | None
) -> tuple[float | None, str]:
    if reference is None:
        return None, "the suite has no reference images"
    if not run.complete:
        return None, "waits for a whole suite; this run holds a part of it"
    reasons = {sample.key: why for sample in run.samples if (why := sample.reason_without(metric.info.name))}
    if reasons:
        (case, seed), why = next(iter(reasons.items()))
        return None, f"lacks {len(reasons)} of {plural(len(run.samples), 'image')}; {case}@{seed}: {why}"
    try:
        value = attempt(_in_own_words(lambda: _check_score(metric.measure(features, reference.reference), metric.info)))
    except CallFailed as error:
        return None, str(error)
    return (None, value) if isinstance(value, str) else (round(value, 6), "")


def _features(run: Run, metric: SetMetric, images: Images, baseline: Run | None) -> tuple[Features, dict[int, str]]:
    """Features of all images, row by row, and why there are none, by row: those are no numbers."""
    reused = _reusable_rows(run, baseline, metric)
    baseline_features: Mapping[int, Any] = {}
    if baseline is not None and metric.extractor.name in baseline.features:
        baseline_features = {row: baseline.features[metric.extractor.name][old] for row, old in reused.items()}
    new_images = {
        row: image.image for row, image in enumerate(images) if image is not None and row not in baseline_features
    }
    outcomes = dict(zip(new_images, _extracted(metric.extractor, list(new_images.values())), strict=True))
    fresh = {row: outcome for row, outcome in outcomes.items() if not isinstance(outcome, str)}
    reasons = {row: outcome for row, outcome in outcomes.items() if isinstance(outcome, str)}
    # A corrupt baseline: its features are of no use here, and the verdict says so.
    if baseline_features and fresh and next(iter(baseline_features.values())).shape != next(iter(fresh.values())).shape:
        return _features(run, metric, images, None)
    known = {**baseline_features, **fresh}
    missing = np.full_like(next(iter(known.values()), np.zeros(0, np.float32)), np.nan)
    return np.stack([known.get(row, missing) for row in range(len(images))]), reasons


def _extracted(extractor: Extractor, new_images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32] | str]:
    """Features of images, or why there are none. One image does not take the others with it."""
    if not new_images:
        return []
    try:
        values = attempt(lambda: extractor.images(new_images))
        if len(values) == len(new_images):
            return list(values)
        reason = f"gave features of {len(values)} images, asked were {len(new_images)}"
    except CallFailed as error:
        reason = str(error)
    if len(new_images) == 1:
        return [reason]
    return [outcome for one in new_images for outcome in _extracted(extractor, [one])]


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
