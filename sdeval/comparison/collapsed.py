"""The rate of collapsed samples: single images that show something else while the others are fine. Pure.

A mean hides them, and a case whose other seeds are fine does not fail because of one. So they are counted: a sample
collapsed if its score is far below that of the baseline's image of the same seed, and below those of all of the
baseline's images of its case. Where a target often generates such images, the baseline has them too. Those recover when
the images are generated again; they are counted by the same rule with the sides swapped, and subtracted case by case.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sdeval import stats
from sdeval.comparison import wording
from sdeval.comparison.evidence import DEFAULTS, Circumstances, MetricEvidence
from sdeval.comparison.paired import PairedScores, have_identical_images, pair_scores
from sdeval.config.suite import COLLAPSED
from sdeval.metrics.of_every_suite import OF_EVERY_SUITE
from sdeval.results.run import Run
from sdeval.results.verdict import SUITE, Verdict

TOLERANCES = 12.0
"""A collapsed sample lost more than this many tolerances,"""
DEVIATIONS = 4.0
"""and by more than this many standard deviations of a difference between two seeds of a typical case."""
TOLERANCE = 5.0
"""Percent of the samples that may collapse, unless a suite states another tolerance,"""
FEWEST = 4
"""or this many samples, if that is more."""
FEWEST_SAMPLES = 16
"""The rate of fewer samples than this is not judged."""


def collect_collapsed(
    run: Run, baseline: Run | None, tolerance: float | None = None, circumstances: Circumstances = DEFAULTS
) -> MetricEvidence:
    """Percent of the samples that collapsed, as evidence like that of any other metric.

    Args:
        run: the candidate.
        baseline: with the same samples; None where nothing was accepted yet.
        tolerance: percent that may collapse.
        circumstances: further settings of the comparison.
    """
    few = len(run.samples) < FEWEST_SAMPLES
    draft = Verdict(
        suite=run.suite,
        target=run.target,
        metric=COLLAPSED,
        case=SUITE,
        verdict="new",
        unit=OF_EVERY_SUITE[COLLAPSED].unit,
        higher_is_better=False,
        n=len(run.by_case()),
        tolerance=None if few else max(TOLERANCE, 100 * FEWEST / len(run.samples)) if tolerance is None else tolerance,
    )
    if baseline is None:
        reason = circumstances.note or wording.NO_BASELINE
        return MetricEvidence(replace(draft, reason=reason))
    cases = list(run.by_case())
    metrics, all_seeds = _shared_metrics(run, baseline), circumstances.all_seeds
    scores = [pair_scores(run, baseline, metric, cases, all_seeds) for metric in metrics]
    by_metric = [_collect_metric(metric_scores, run, draft) for metric_scores in scores if metric_scores is not None]
    if not scores and _counting_metrics(run):
        return MetricEvidence(replace(draft, reason=wording.NO_COUNTING_METRIC))
    if not by_metric:
        return MetricEvidence(replace(draft, verdict="unscored", reason=wording.NO_SHARED_SCORE))
    # The metric with the strongest evidence counts; all that were tried share the error level.
    share = circumstances.share / len(by_metric)
    best = min(by_metric, key=lambda evidence: evidence.p_worse if evidence.estimate else 1.0)
    if best.estimate is None:
        same = have_identical_images(run, baseline)
        reason = wording.IDENTICAL_IMAGES if same else wording.NO_COLLAPSED_SAMPLE
        passed = replace(best.draft, verdict="passed", low=0.0, high=0.0, reason=reason)
        return MetricEvidence(_with_note(passed, circumstances))
    if few:
        reason = wording.join(best.draft.reason, wording.few_samples(FEWEST_SAMPLES))
        return MetricEvidence(_with_note(replace(best.draft, verdict="informational", reason=reason), circumstances))
    return replace(best, draft=_with_note(best.draft, circumstances), share=share)


def _with_note(draft: Verdict, circumstances: Circumstances) -> Verdict:
    return replace(draft, reason=wording.join(draft.reason, circumstances.note))


def _collect_metric(scores: PairedScores, run: Run, draft: Verdict) -> MetricEvidence:
    """Evidence by one metric; no estimate where no sample collapsed and none recovered."""
    collapsed, recovered = (
        _of_all_cases(marks, scores, run) for marks in (collapsed_samples(scores), recovered_samples(scores))
    )
    now, before = 100 * float(collapsed.mean()), 100 * float(recovered.mean())
    reason = _list_collapsed(scores.metric, run, collapsed, recovered)
    draft = replace(draft, baseline=before, current=now, change=now - before, reason=reason)
    if not (collapsed | recovered).any():
        return MetricEvidence(draft)
    gains, seeds = 100 * (recovered.astype(np.float64) - collapsed).mean(axis=1), collapsed.shape[1]
    estimate = stats.moderated_mean(gains, _prior(recovered, seeds))
    return MetricEvidence(draft, estimate, seeds=seeds, reach=float(np.abs(gains).mean()))


def _of_all_cases(marks: stats.Marks, scores: PairedScores, run: Run) -> stats.Marks:
    """Marks `[all cases, seeds]`; a case that the metric says nothing of has none."""
    rows = {case: row for row, case in enumerate(scores.cases)}
    none = np.zeros(marks.shape[1], dtype=bool)
    return np.array([marks[rows[case]] if case in rows else none for case in run.by_case()])


def _shared_metrics(run: Run, baseline: Run) -> list[str]:
    """Metrics by which samples are counted, and of which both sides have the same version."""
    versions = {name: record.version for name, record in baseline.metrics.items()}
    return [name for name in _counting_metrics(run) if versions.get(name) == run.metrics[name].version]


def _counting_metrics(run: Run) -> list[str]:
    """Gating metrics that score each image by itself."""
    return [name for name, record in run.metrics.items() if record.gating and record.scope == "sample" and record.alone]


def collapsed_samples(scores: PairedScores) -> stats.Marks:
    """Which samples `[cases, seeds]` collapsed by one metric."""
    return _below(scores.record.sign * scores.after, scores.record.sign * scores.before, _far(scores))


def recovered_samples(scores: PairedScores) -> stats.Marks:
    """Which samples `[cases, seeds]` of the baseline had collapsed, compared with the candidate."""
    return _below(scores.record.sign * scores.before, scores.record.sign * scores.after, _far(scores))


def _below(low: stats.Floats, high: stats.Floats, far: float) -> stats.Marks:
    """Which scores of `low` lie far below the same sample's in `high`, and below all that `high` has of their case."""
    return np.asarray((low < high - far) & (low < high.min(axis=1, keepdims=True)))


def _far(scores: PairedScores) -> float:
    """The loss from which on a sample counts as collapsed, in the metric's unit."""
    return max(TOLERANCES * scores.tolerance, DEVIATIONS * math.sqrt(2 * _typical_variance(scores.all_seeds)))


def _typical_variance(all_seeds: stats.Floats) -> float:
    """Variance over the seeds of a typical case: a median, so that a few cases that vary much do not count."""
    from scipy.special import chdtri

    freedom = all_seeds.shape[1] - 1
    if not freedom:
        return 0.0
    # The median of a variance lies below its mean.
    return float(np.median(all_seeds.var(axis=1, ddof=1)) * freedom / chdtri(freedom, 0.5))


def _prior(recovered: stats.Marks, seeds: int) -> stats.Prior:
    """What is assumed of the variance of a case's percentage: at least that of one more recovered sample."""
    rate = (1 + float(recovered.sum())) / (1 + recovered.size)
    return stats.Prior(2 * 100**2 * rate * (1 - rate) / seeds, stats.PRIOR_FREEDOM)


def _list_collapsed(metric: str, run: Run, collapsed: stats.Marks, recovered: stats.Marks) -> str:
    samples = list(run.by_case().values())
    names = [f"{samples[row][column].case}@{samples[row][column].seed}" for row, column in np.argwhere(collapsed)]
    return wording.collapsed_samples(names, collapsed.size, int(recovered.sum()), metric)
