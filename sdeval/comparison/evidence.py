"""Collects what is known of each metric of a suite, from its scores and those of the baseline. Pure.

Each piece of evidence stands by itself. `metrics.judge_metrics` turns the evidence of a whole session into verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sdeval import stats
from sdeval.comparison import wording
from sdeval.comparison.paired import (
    PairedScores,
    applicable,
    have_identical_images,
    is_known,
    pair_scores,
    tolerance_of,
    value_of,
)
from sdeval.metrics.base import Swapped
from sdeval.results.run import Run
from sdeval.results.verdict import SUITE, Kind, Verdict

STATED_SHARE = 0.05
"""The share of the error level of `stats.stated_mean`: losses that only this test shows lie far beyond chance."""
ROUNDING = 0.1
"""Where no sample changed by more than this part of the tolerance, the images are the same except for rounding."""
SWAPS = 999
"""Random swaps of cases, by which the error of a set metric is known to 2%."""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """What is known of one metric of a suite; its verdict depends on the other metrics of the session too."""

    draft: Verdict
    """The verdict before statistics; final where there is no estimate."""
    estimate: stats.Estimate | None = None
    """The mean gain of these cases in the metric's unit, and its standard error from seed to seed."""
    tests: tuple[tuple[stats.Estimate, float], ...] = ()
    """The tests that may show a change, as estimates of the same gain, each with its share of the error level; where
    there are none, the estimate itself is tested."""
    spread: stats.Spread | None = None
    """How much single scores vary over the seeds of a case; None where it is not known that more seeds help."""
    share: float = 1.0
    """The share of the error level that this round of seeds may spend."""
    seeds: int = 0
    """How many seeds were generated of each case."""
    reach: float = math.inf
    """The largest change that these differences could add up to, if each had the sign that makes it larger."""

    @property
    def movable(self) -> bool:
        """Whether chance could move the metric beyond its tolerance.

        Where it could not, there is no false alarm to correct for, and the metric is not counted in the correction.
        """
        return self.estimate is not None and self.reach > (self.draft.tolerance or 0.0)

    @property
    def test(self) -> tuple[stats.Estimate, float]:
        """The test with the strongest evidence, and the share of the error level that it may spend.

        Raises:
            ValueError: there is no estimate.
        """
        if self.estimate is None:
            raise ValueError(f"{self.draft.metric} is not tested")
        tests = self.tests or ((self.estimate, 1.0),)
        estimate, share = min(tests, key=lambda test: test[0].p_either / test[1])
        return estimate, share * self.share

    @property
    def p_worse(self) -> float:
        """P-value of a loss, corrected for rounds of seeds and for tests, but not for other metrics."""
        estimate, share = self.test
        return min(1.0, estimate.p_worse() / share)

    @property
    def p_better(self) -> float:
        """The same for a gain."""
        estimate, share = self.test
        return min(1.0, estimate.p_better() / share)

    def change(self, gain: float) -> float:
        """A gain as a change: current minus baseline."""
        return gain if self.draft.higher_is_better else -gain


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Further settings of a comparison."""

    share: float = 1.0
    """The share of the error level that this round of seeds may spend. Shares of all rounds sum to 1 (Slud and Wei
    1982; by the union bound the level holds however much the rounds have in common)."""
    spreads: dict[str, stats.Spread] = field(default_factory=dict)
    """Seed-to-seed spreads of metrics that `sdeval calibrate` measured."""
    all_seeds: Run | None = None
    """The baseline with all its seeds, where it was reduced to those of the run."""
    note: str = ""
    """Reported with every metric: on which cases it was judged."""


DEFAULTS = Circumstances()
"""The defaults."""


def share_of_round(rounds: Sequence[Sequence[int]], number: int) -> float:
    """The share of the error level of a round of seeds: in proportion to the cube of how many seeds there are.

    An early round that shows a loss saves the later ones, and the last round, with most seeds, has the largest share.

    Example:
        >>> share_of_round([(0, 1), (0, 1, 2, 3)], 0)
        0.1111111111111111
    """
    return len(rounds[number]) ** 3 / sum(len(seeds) ** 3 for seeds in rounds)


def collect_evidence(
    run: Run,
    baseline: Run | None,
    metric: str,
    swapped: Swapped | None = None,
    circumstances: Circumstances = DEFAULTS,
) -> MetricEvidence:
    """Compare one metric of a suite with its baseline.

    Args:
        run: the candidate.
        baseline: with the same samples; None where nothing was accepted yet.
        metric: a sample metric, judged by its mean over the cases, or a set metric.
        swapped: for a set metric, computes its difference with some cases swapped between both sides.
        circumstances: further settings of the comparison.
    """
    record = run.metrics[metric]
    draft = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="new",
        current=value_of(run, metric),
        unit=record.unit,
        higher_is_better=record.higher_is_better,
        n=len({sample.case for sample in applicable(run, metric)}),
    )
    if not draft.n:
        return MetricEvidence(replace(draft, verdict="informational", reason=wording.APPLIES_TO_NONE))
    circumstances = replace(circumstances, note=wording.join(_applicable_part(run, metric), circumstances.note))
    if not record.gating:
        return MetricEvidence(_reported(run, baseline, draft))
    obstacle = _obstacle(run, baseline, metric)
    if obstacle is not None or baseline is None:
        kind, reason = obstacle or ("new", circumstances.note or wording.NO_BASELINE)
        return MetricEvidence(replace(draft, verdict=kind, reason=reason))
    draft = replace(draft, baseline=value_of(baseline, metric), reason=circumstances.note)
    if record.scope == "set":
        return _collect_set(run, baseline, draft, swapped, circumstances)
    return _collect_mean(run, baseline, draft, circumstances)


def _reported(run: Run, baseline: Run | None, draft: Verdict) -> Verdict:
    """The verdict on a metric that is not judged: its value, and the change where two values can be compared."""
    metric, record = draft.metric, run.metrics[draft.metric]
    if record.reads_baseline:
        reason = wording.REPORTED_ONLY if draft.current is not None else wording.NO_BASELINE_IMAGE
        return replace(draft, verdict="informational", reason=reason)
    _, reason = _obstacle(run, baseline, metric) or ("", "")
    reported = replace(draft, verdict="informational", reason=wording.join(wording.REPORTED_ONLY, reason))
    if reason or baseline is None or draft.current is None:
        return reported
    before = value_of(baseline, metric)
    return replace(reported, baseline=before, change=None if before is None else draft.current - before)


def _applicable_part(run: Run, metric: str) -> str:
    """On how many cases a metric says something, where it does not of all."""
    fields = {sample.case: sample.inapplicable[metric] for sample in run.samples if metric in sample.inapplicable}
    total = len(run.by_case())
    return wording.applicable_part(total - len(fields), total, next(iter(fields.values()))) if fields else ""


def _obstacle(run: Run, baseline: Run | None, metric: str) -> tuple[Kind, str] | None:
    """The verdict and the reason where a metric cannot be judged; None where it can."""
    record = run.metrics[metric]
    if record.scope == "set" and value_of(run, metric) is None:
        return ("unscored", run.set_scores[metric].reason or wording.NO_SCORE)
    samples = applicable(run, metric)
    missing = [sample for sample in samples if record.scope == "sample" and not is_known(sample.scores.get(metric))]
    if missing:
        cause = missing[0].reasons.get(metric, wording.NO_SCORE)
        return ("unscored", wording.unscored_samples(len(missing), len(samples), cause))
    if baseline is None:
        return None
    if metric not in baseline.metrics:
        return ("new", wording.NO_BASELINE_METRIC)
    before = baseline.metrics[metric]
    if before.version != record.version:
        return ("not_comparable", wording.other_version(before.version, record.version))
    if record.scope == "set" and baseline.set_scores[metric].reference != run.set_scores[metric].reference:
        return ("not_comparable", wording.OTHER_REFERENCES)
    return None


def _collect_mean(run: Run, baseline: Run, draft: Verdict, circumstances: Circumstances) -> MetricEvidence:
    metric = draft.metric
    scores = pair_scores(run, baseline, metric, list(run.by_case()), circumstances.all_seeds)
    if scores is None:
        return MetricEvidence(replace(draft, verdict="unscored", reason=wording.NO_BASELINE_SCORES))
    change = float((scores.after - scores.before).mean())
    draft = replace(draft, change=change, tolerance=scores.tolerance)
    if not scores.gains.any():
        return MetricEvidence(_unchanged(draft, run, baseline, wording.IDENTICAL_SCORES))
    if np.abs(scores.gains).max() < ROUNDING * scores.tolerance:
        return MetricEvidence(_rounded(draft, scores))
    measured = circumstances.spreads.get(metric)
    gains, spread = scores.gains.mean(axis=1), scores.spread(measured)
    estimate = stats.moderated_mean(gains, scores.prior(measured, margin=False))
    return MetricEvidence(
        draft,
        estimate,
        _tests(scores, measured, estimate.error),
        spread if scores.record.alone else None,
        circumstances.share,
        scores.after.shape[1],
        float(np.abs(gains).mean()),
    )


def _tests(
    scores: PairedScores, measured: stats.Spread | None, error: float
) -> tuple[tuple[stats.Estimate, float], ...]:
    """Tests of the mean, each with its share of the error level: each shows losses that the others do not."""
    gains, seeds, spread = scores.gains.mean(axis=1), scores.after.shape[1], scores.spread(measured)
    ranked = stats.ranked_mean(gains, error)
    others = [(ranked, stats.RANKED_SHARE)] if ranked else []
    # For a single case the stated test would equal the moderated one, except for its margin.
    if len(gains) > 1 and spread is not None:
        others.append((stats.stated_mean(gains, spread, seeds, scores.margin_unit(measured)), STATED_SHARE))
    moderated = stats.moderated_mean(gains, scores.prior(measured))
    return ((moderated, 1 - sum(share for _, share in others)), *others)


def _collect_set(
    run: Run, baseline: Run, draft: Verdict, swapped: Swapped | None, circumstances: Circumstances
) -> MetricEvidence:
    record, extractor = run.metrics[draft.metric], run.set_scores[draft.metric].extractor
    if draft.current is None or draft.baseline is None or swapped is None or extractor not in baseline.features:
        return MetricEvidence(replace(draft, verdict="unscored", reason=wording.NO_BASELINE_FEATURES))
    change = draft.current - draft.baseline
    draft = replace(draft, change=change, tolerance=tolerance_of(record, draft.baseline))
    order = {sample.key: row for row, sample in enumerate(baseline.samples)}
    before = baseline.features[extractor][[order[sample.key] for sample in run.samples]]
    after = run.features[extractor]
    if np.array_equal(before, after):
        return MetricEvidence(_unchanged(draft, run, baseline, wording.IDENTICAL_FEATURES))
    names = {case: number for number, case in enumerate(run.by_case())}
    difference = swapped(before, after, np.array([names[sample.case] for sample in run.samples]))
    estimate, reach = stats.swap_estimate(lambda marked: -record.sign * difference(marked), len(names), SWAPS)
    # Swaps may be computed with a simpler formula than the metric. Where both disagree on the direction, their distance
    # is the least error.
    gain = record.sign * change
    apart = abs(gain - estimate.gain) if estimate.gain * gain < 0 else 0.0
    estimate = replace(estimate, gain=gain, error=max(estimate.error, apart))
    seeds = len(run.samples) // len(names)
    return MetricEvidence(draft, estimate, share=circumstances.share, seeds=seeds, reach=reach)


def _unchanged(draft: Verdict, run: Run, baseline: Run, otherwise: str) -> Verdict:
    """The verdict where no score changed; `otherwise` is the reason where images did."""
    same = wording.IDENTICAL_IMAGES if have_identical_images(run, baseline) else otherwise
    reason = wording.join(same, draft.reason)
    return replace(draft, verdict="passed", low=0.0, high=0.0, reason=reason)


def _rounded(draft: Verdict, scores: PairedScores) -> Verdict:
    """The verdict where the images are the same except for rounding; its bounds are the smallest and largest change.

    The spread over seeds says nothing about the error then, as both sides vary together from seed to seed.
    """
    changes = scores.after - scores.before
    reason = wording.join(draft.reason, wording.only_rounding(ROUNDING))
    return replace(draft, verdict="passed", low=float(changes.min()), high=float(changes.max()), reason=reason)
