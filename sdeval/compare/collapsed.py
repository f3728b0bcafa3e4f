"""Single samples that went wrong, as a rate over the suite: one image in eight may show something else. Pure.

A mean hides them, and a case whose other seeds are fine does not fail by one. So they are counted: samples that fell
far below the baseline's image of the same seed, and below all that the baseline's seeds of their case do. By chance as
many rise as fall, so those that rose as far are taken off, case by case.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sdeval import stats
from sdeval.compare.metrics import NOTHING_MORE, Circumstances, MetricEvidence
from sdeval.compare.paired import PairedScores, identical, paired
from sdeval.compare.verdict import SUITE, Verdict
from sdeval.run import Run
from sdeval.suite import COLLAPSED

TOLERANCES = 12.0
"""A sample must fall by more than this many tolerances to count as collapsed,"""
DEVIATIONS = 4.0
"""and by more than this many standard deviations of a difference between two seeds of a typical case."""
TOLERANCE = 5.0
"""Percent of the samples that may collapse, where a suite states nothing else,"""
FEWEST = 4
"""or as many samples, if that is more: fewer are no rate."""
NAMED = 4
"""Collapsed samples that a reason names."""


def collect_collapsed(
    run: Run, baseline: Run | None, tolerance: float | None = None, circumstances: Circumstances = NOTHING_MORE
) -> MetricEvidence:
    """The share of samples that collapsed, as evidence like that of any other metric; in percent.

    Args:
        run: the candidate.
        baseline: with the same samples; None where nothing was accepted yet.
        tolerance: percent that may collapse.
        circumstances: what else there is to know.
    """
    draft = Verdict(
        suite=run.suite,
        target=run.target,
        metric=COLLAPSED,
        case=SUITE,
        verdict="new",
        higher_is_better=False,
        n=len(run.by_case()),
        tolerance=max(TOLERANCE, 100 * FEWEST / len(run.samples)) if tolerance is None else tolerance,
    )
    if baseline is None:
        reason = circumstances.note or "no baseline for this suite and target"
        return MetricEvidence(replace(draft, reason=reason))
    cases = list(run.by_case())
    scores = [paired(run, baseline, name, cases, circumstances.held) for name in countable(run, baseline)]
    found = [_of_metric(each, run, draft) for each in scores if each is not None]
    if not found:
        return MetricEvidence(replace(draft, verdict="unscored", reason="no score that both sides have"))
    # The metric by which it shows best; the level is shared among all that were tried.
    share = circumstances.share / len(found)
    best = min(found, key=lambda each: each.p_worse if each.estimate else 1.0)
    if best.estimate is None:
        same = "identical pictures" if identical(run, baseline) else "no sample fell or rose so far"
        return MetricEvidence(replace(best.draft, verdict="passed", low=0.0, high=0.0, reason=same))
    return replace(best, share=share)


def _of_metric(scores: PairedScores, run: Run, draft: Verdict) -> MetricEvidence:
    """Samples that collapsed by one metric; no estimate where none fell and none rose."""
    fell, rose = fallen(scores), fallen(_mirrored(scores))
    now, chance = 100 * float(fell.mean()), 100 * float(rose.mean())
    draft = replace(draft, baseline=chance, current=now, delta=now - chance, reason=_named(scores, run, fell, rose))
    if not (fell | rose).any():
        return MetricEvidence(draft)
    gains, seeds = 100 * (rose.astype(np.float64) - fell).mean(axis=1), fell.shape[1]
    estimate = stats.moderated_mean(gains, _prior(rose, seeds))
    return MetricEvidence(draft, estimate, seeds=seeds, reach=float(np.abs(gains).mean()))


def countable(run: Run, baseline: Run) -> list[str]:
    """Metrics by which a sample can collapse: they judge, and score each image by itself, on both sides alike."""
    return [
        name
        for name, record in run.metrics.items()
        if record.judged
        and record.scope == "sample"
        and record.alone
        and name in baseline.metrics
        and baseline.metrics[name].version == record.version
    ]


def fallen(scores: PairedScores) -> stats.Marks:
    """Which samples `[cases, seeds]` collapsed by one metric."""
    held, after = scores.record.sign * scores.held, scores.record.sign * scores.after
    far = max(TOLERANCES * scores.tolerance, DEVIATIONS * math.sqrt(2 * _typical_variance(held)))
    return np.asarray((scores.gains < -far) & (after < held.min(axis=1, keepdims=True)))


def _mirrored(scores: PairedScores) -> PairedScores:
    """The same with better and worse changed over."""
    return replace(scores, record=replace(scores.record, higher_is_better=not scores.record.higher_is_better))


def _typical_variance(held: stats.Floats) -> float:
    """Variance over the seeds of a case in the middle of all: a few that vary much do not set the measure."""
    from scipy.special import chdtri

    freedom = held.shape[1] - 1
    if not freedom:
        return 0.0
    # The median of a variance lies below its mean.
    return float(np.median(held.var(axis=1, ddof=1)) * freedom / chdtri(freedom, 0.5))


def _prior(rose: stats.Marks, seeds: int) -> stats.Prior:
    """Of a case's share in percent: at least as if one more sample had risen."""
    rate = (1 + float(rose.sum())) / (1 + rose.size)
    return stats.Prior(2 * 100**2 * rate * (1 - rate) / seeds, stats.PRIOR_FREEDOM)


def _named(scores: PairedScores, run: Run, fell: stats.Marks, rose: stats.Marks) -> str:
    """How many collapsed, and the first of them."""
    by_case = run.by_case()
    names = [f"{scores.cases[row]}@{by_case[scores.cases[row]][column].seed}" for row, column in np.argwhere(fell)]
    rises = f"{int(rose.sum())} rose as far"
    if not names:
        return f"no sample collapsed; {rises}"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{len(names)} of {fell.size} samples fell far in {scores.metric} ({rises}): {', '.join(names[:NAMED])}{more}"
    )
