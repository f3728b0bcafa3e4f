"""Single samples that went wrong, as a rate over the suite: one image in eight may show something else. Pure.

A mean hides them, and a case whose other seeds are fine does not fail by one. So they are counted: samples that fell
far below the baseline's image of the same seed, and below all of the baseline's images of their case. A target that
gets some samples wrong by itself got as many wrong in the baseline, which recover now; so these are counted by the same
rule with the sides changed over, and taken off case by case.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sdeval import stats
from sdeval.comparison.metrics import NOTHING_MORE, Circumstances, MetricEvidence
from sdeval.comparison.paired import PairedScores, identical, paired
from sdeval.config.suite import COLLAPSED
from sdeval.results.run import Run
from sdeval.results.verdict import SUITE, Verdict

TOLERANCES = 12.0
"""A sample must fall by more than this many tolerances to count as collapsed,"""
DEVIATIONS = 4.0
"""and by more than this many standard deviations of a difference between two seeds of a typical case."""
TOLERANCE = 5.0
"""Percent of the samples that may collapse, where a suite states nothing else,"""
FEWEST = 4
"""or as many samples, if that is more: fewer are no rate."""
FEWEST_SAMPLES = 16
"""Samples of a run from which on their rate is judged."""
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
        circumstances: further settings of the comparison.
    """
    few = len(run.samples) < FEWEST_SAMPLES
    draft = Verdict(
        suite=run.suite,
        target=run.target,
        metric=COLLAPSED,
        case=SUITE,
        verdict="new",
        higher_is_better=False,
        n=len(run.by_case()),
        tolerance=None if few else max(TOLERANCE, 100 * FEWEST / len(run.samples)) if tolerance is None else tolerance,
    )
    if baseline is None:
        reason = circumstances.note or "no baseline for this suite and target"
        return MetricEvidence(replace(draft, reason=reason))
    cases = list(run.by_case())
    scores = [paired(run, baseline, name, cases, circumstances.all_seeds) for name in countable(run, baseline)]
    by_metric = [_of_metric(metric_scores, run, draft) for metric_scores in scores if metric_scores is not None]
    if not scores and _countable(run):
        return MetricEvidence(replace(draft, reason="the baseline has none of the metrics that count them"))
    if not by_metric:
        return MetricEvidence(replace(draft, verdict="unscored", reason="no score that both sides have"))
    # The metric by which it shows best; the level is shared among all that were tried.
    share = circumstances.share / len(by_metric)
    best = min(by_metric, key=lambda evidence: evidence.p_worse if evidence.estimate else 1.0)
    if best.estimate is None:
        same = "identical images" if identical(run, baseline) else "no sample fell or recovered so far"
        return MetricEvidence(
            _with_note(replace(best.draft, verdict="passed", low=0.0, high=0.0, reason=same), circumstances)
        )
    if few:
        reason = f"{best.draft.reason}; fewer than {FEWEST_SAMPLES} samples make no rate"
        return MetricEvidence(_with_note(replace(best.draft, verdict="informational", reason=reason), circumstances))
    return replace(best, draft=_with_note(best.draft, circumstances), share=share)


def _with_note(draft: Verdict, circumstances: Circumstances) -> Verdict:
    return replace(draft, reason="; ".join(filter(None, (draft.reason, circumstances.note))))


def _of_metric(scores: PairedScores, run: Run, draft: Verdict) -> MetricEvidence:
    """Samples that collapsed by one metric; no estimate where none fell and none recovered."""
    fell, recovered = fallen(scores), recoveries(scores)
    now, then = 100 * float(fell.mean()), 100 * float(recovered.mean())
    draft = replace(
        draft, baseline=then, current=now, change=now - then, reason=_list_collapsed(scores, run, fell, recovered)
    )
    if not (fell | recovered).any():
        return MetricEvidence(draft)
    gains, seeds = 100 * (recovered.astype(np.float64) - fell).mean(axis=1), fell.shape[1]
    estimate = stats.moderated_mean(gains, _prior(recovered, seeds))
    return MetricEvidence(draft, estimate, seeds=seeds, reach=float(np.abs(gains).mean()))


def countable(run: Run, baseline: Run) -> list[str]:
    """Metrics by which a sample can collapse, which both sides have alike."""
    versions = {name: record.version for name, record in baseline.metrics.items()}
    return [name for name in _countable(run) if versions.get(name) == run.metrics[name].version]


def _countable(run: Run) -> list[str]:
    """Metrics that judge and score each image by itself."""
    return [name for name, record in run.metrics.items() if record.gating and record.scope == "sample" and record.alone]


def fallen(scores: PairedScores) -> stats.Marks:
    """Which samples `[cases, seeds]` collapsed by one metric."""
    return _below(scores.record.sign * scores.after, scores.record.sign * scores.before, _far(scores))


def recoveries(scores: PairedScores) -> stats.Marks:
    """Which samples `[cases, seeds]` had collapsed in the baseline, compared with the candidate."""
    return _below(scores.record.sign * scores.before, scores.record.sign * scores.after, _far(scores))


def _below(low: stats.Floats, high: stats.Floats, far: float) -> stats.Marks:
    """Which of the low lie far below the same sample of the high, and below all of those of their case."""
    return np.asarray((low < high - far) & (low < high.min(axis=1, keepdims=True)))


def _far(scores: PairedScores) -> float:
    return max(TOLERANCES * scores.tolerance, DEVIATIONS * math.sqrt(2 * _typical_variance(scores.all_seeds)))


def _typical_variance(all_seeds: stats.Floats) -> float:
    """Variance over the seeds of a case in the middle of all: a few that vary much do not set the measure."""
    from scipy.special import chdtri

    freedom = all_seeds.shape[1] - 1
    if not freedom:
        return 0.0
    # The median of a variance lies below its mean.
    return float(np.median(all_seeds.var(axis=1, ddof=1)) * freedom / chdtri(freedom, 0.5))


def _prior(recovered: stats.Marks, seeds: int) -> stats.Prior:
    """Of a case's share in percent: at least as if one more sample had recovered."""
    rate = (1 + float(recovered.sum())) / (1 + recovered.size)
    return stats.Prior(2 * 100**2 * rate * (1 - rate) / seeds, stats.PRIOR_FREEDOM)


def _list_collapsed(scores: PairedScores, run: Run, fell: stats.Marks, recovered: stats.Marks) -> str:
    """How many collapsed, and the first of them."""
    by_case = run.by_case()
    names = [f"{scores.cases[row]}@{by_case[scores.cases[row]][column].seed}" for row, column in np.argwhere(fell)]
    others = f"{int(recovered.sum())} recovered"
    if not names:
        return f"no sample collapsed; {others}"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{len(names)} of {fell.size} samples fell far in {scores.metric} ({others}): {', '.join(names[:NAMED])}{more}"
    )
