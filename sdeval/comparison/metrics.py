"""Judges metrics of whole suites: evidence is collected one by one, verdicts are found together. Pure.

The rule, for a change in the direction of worse:

- `regressed`: the loss is beyond the tolerance, and it is shown that there is a loss, at a level that is corrected for
  all metrics of the session;
- `passed`: that these cases lost as much as the tolerance is excluded with 95% confidence;
- `inconclusive`: neither.

Where a metric of a target regressed, its other metrics with a whole 95% interval beyond the tolerance regressed too.

Each is read off bounds that the verdict holds: `corrected_low` and `corrected_high` for what is shown, `low` and `high`
for what is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sdeval import stats
from sdeval.comparison.advice import Decision, advice
from sdeval.comparison.paired import PairedScores, identical, is_known, paired, tolerance_of, value_of
from sdeval.metrics.base import Swapped
from sdeval.results.run import Run
from sdeval.results.verdict import SUITE, Kind, Verdict

ALPHA_METRICS = 0.008
"""Chance that a session in which nothing changed raises an alarm by any of its metrics."""
ALPHA_FURTHER = 0.05
"""The same for further metrics of a target of which one metric is shown to be worse: of those that are named then, one
in twenty may be named wrongly. They cause no alarm, as there is one."""
CONFIDENCE = 0.95
"""Of `passed`: a loss as large as the tolerance is excluded at this level."""
STATED_SHARE = 0.05
"""Of the error level for `stats.stated_mean`: losses that only it shows lie far beyond chance."""
ROUNDING = 0.1
"""Of the tolerance: a suite of which no sample moved that far gives the same images, but for rounding."""
SWAPS = 999
"""Random swaps of cases by which the error of a set metric is known to 2%."""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """What is known of one metric of a suite; the verdict depends on the other metrics of the session too."""

    draft: Verdict
    """The verdict before statistics; final where there is no estimate."""
    estimate: stats.Estimate | None = None
    """Of the gain of these cases, in the metric's unit, with the error that seeds cause."""
    tests: tuple[tuple[stats.Estimate, float], ...] = ()
    """The same gain with the errors of the tests by which a change may be shown, and the share of the error level that
    each may spend; empty where the estimate itself is the only one."""
    spread: stats.Spread | None = None
    """Of single scores over the seeds of a case; None where more seeds bring nothing that is known."""
    share: float = 1.0
    """Of the error level that this round of seeds may spend."""
    seeds: int = 0
    """That were generated of each case."""
    reach: float = math.inf
    """The largest change that chance could make of what was seen, if each case may as well have gone the other way."""

    @property
    def movable(self) -> bool:
        """Whether chance could carry it beyond its tolerance.

        What chance could not carry so far raises no false alarm, and costs nothing where many are looked at.
        """
        return self.estimate is not None and self.reach > (self.draft.tolerance or 0.0)

    @property
    def test(self) -> tuple[stats.Estimate, float]:
        """The estimate that shows a change best, and the share of the error level that it may spend.

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
        """P-value that there is a loss, corrected for rounds of seeds and tests, not for other metrics."""
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
    """Of the error level that this round of seeds may spend. Shares of all rounds sum to 1 (Slud and Wei 1982; by the
    union bound this holds whatever the rounds have in common)."""
    spreads: dict[str, stats.Spread] = field(default_factory=dict)
    """Seed-to-seed spreads of metrics that `sdeval calibrate` measured."""
    all_seeds: Run | None = None
    """The baseline with all its seeds, where it was reduced to those of the run."""
    note: str = ""
    """Shown with every metric: on which cases it was judged."""


NOTHING_MORE = Circumstances()
"""The defaults."""


def share_of_round(rounds: Sequence[Sequence[int]], number: int) -> float:
    """The share of the error level of a round of seeds: in proportion to the cube of how many seeds there are.

    A round that shows a loss early saves the later ones; what is hard to see is left to the round that knows most.

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
    circumstances: Circumstances = NOTHING_MORE,
) -> MetricEvidence:
    """Compare one metric of a suite.

    Args:
        run: the candidate.
        baseline: with the same samples; None where nothing was accepted yet.
        metric: a sample metric, judged by its mean over the cases, or a set metric.
        swapped: for a set metric, how to compute its difference with cases swapped.
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
        higher_is_better=record.higher_is_better,
        n=len(run.by_case()),
    )
    if not record.gating:
        reason = "reported only" if draft.current is not None else "no image of the baseline to compare with"
        return MetricEvidence(replace(draft, verdict="informational", reason=reason))
    obstacle = _obstacle(run, baseline, metric)
    if obstacle is not None or baseline is None:
        kind, reason = obstacle or ("new", circumstances.note or "no baseline for this suite and target")
        return MetricEvidence(replace(draft, verdict=kind, reason=reason))
    draft = replace(draft, baseline=value_of(baseline, metric), reason=circumstances.note)
    if record.scope == "set":
        return _of_set(run, baseline, draft, swapped, circumstances)
    return _of_mean(run, baseline, draft, circumstances)


def _obstacle(run: Run, baseline: Run | None, metric: str) -> tuple[Kind, str] | None:
    """Why a metric cannot be judged, if so."""
    record = run.metrics[metric]
    if record.scope == "set" and value_of(run, metric) is None:
        return ("unscored", run.set_scores[metric].reason or "no score")
    missing = [sample for sample in run.samples if record.scope == "sample" and not is_known(sample.scores.get(metric))]
    if missing:
        why = missing[0].reason_without(metric) or "no score"
        return ("unscored", f"{len(missing)} of {len(run.samples)} samples: {why}")
    if baseline is None:
        return None
    if metric not in baseline.metrics:
        return ("new", "the baseline does not have this metric")
    before = baseline.metrics[metric]
    if before.version != record.version:
        return ("not_comparable", f"the baseline was scored by {before.version}, this run by {record.version}")
    if record.scope == "set" and baseline.set_scores[metric].reference != run.set_scores[metric].reference:
        return ("not_comparable", "the reference images are not the baseline's")
    return None


def _of_mean(run: Run, baseline: Run, draft: Verdict, circumstances: Circumstances) -> MetricEvidence:
    metric = draft.metric
    scores = paired(run, baseline, metric, list(run.by_case()), circumstances.all_seeds)
    if scores is None:
        return MetricEvidence(replace(draft, verdict="unscored", reason="the baseline lacks scores of this metric"))
    change = float((scores.after - scores.before).mean())
    draft = replace(draft, change=change, tolerance=scores.tolerance)
    if not scores.gains.any():
        return MetricEvidence(_unchanged(draft, run, baseline, "scores"))
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
    """What may show a change of the mean: each finds losses that the others do not, and has its share of the level."""
    gains, seeds, spread = scores.gains.mean(axis=1), scores.after.shape[1], scores.spread(measured)
    ranked = stats.ranked_mean(gains, error)
    others = [(ranked, stats.RANKED_SHARE)] if ranked else []
    # Of a single case the stated test would be the moderated one, but for its margin.
    if len(gains) > 1 and spread is not None:
        others.append((stats.stated_mean(gains, spread, seeds, scores.margin_unit(measured)), STATED_SHARE))
    moderated = stats.moderated_mean(gains, scores.prior(measured))
    return ((moderated, 1 - sum(share for _, share in others)), *others)


def _of_set(
    run: Run, baseline: Run, draft: Verdict, swapped: Swapped | None, circumstances: Circumstances
) -> MetricEvidence:
    record, extractor = run.metrics[draft.metric], run.set_scores[draft.metric].extractor
    if draft.current is None or draft.baseline is None or swapped is None or extractor not in baseline.features:
        return MetricEvidence(
            replace(draft, verdict="unscored", reason="the baseline holds no features for this metric")
        )
    change = draft.current - draft.baseline
    draft = replace(draft, change=change, tolerance=tolerance_of(record, draft.baseline))
    order = {sample.key: row for row, sample in enumerate(baseline.samples)}
    before = baseline.features[extractor][[order[sample.key] for sample in run.samples]]
    after = run.features[extractor]
    if np.array_equal(before, after):
        return MetricEvidence(_unchanged(draft, run, baseline, "features"))
    names = {case: number for number, case in enumerate(run.by_case())}
    difference = swapped(before, after, np.array([names[sample.case] for sample in run.samples]))
    estimate, reach = stats.swap_estimate(lambda marked: -record.sign * difference(marked), len(names), SWAPS)
    # What swaps are tried on may be simpler than the metric itself: where the two disagree in direction, the change is
    # not known better than that.
    gain = record.sign * change
    apart = abs(gain - estimate.gain) if estimate.gain * gain < 0 else 0.0
    estimate = replace(estimate, gain=gain, error=max(estimate.error, apart))
    seeds = len(run.samples) // len(names)
    return MetricEvidence(draft, estimate, share=circumstances.share, seeds=seeds, reach=reach)


def _unchanged(draft: Verdict, run: Run, baseline: Run, what: str) -> Verdict:
    same = "identical images" if identical(run, baseline) else f"identical {what}"
    reason = "; ".join(filter(None, (same, draft.reason)))
    return replace(draft, verdict="passed", low=0.0, high=0.0, reason=reason)


def _rounded(draft: Verdict, scores: PairedScores) -> Verdict:
    """The verdict where the images are the same but for rounding: it lies between the smallest and largest change.

    What seeds state of the error does not hold then: both sides move together from seed to seed.
    """
    changes = scores.after - scores.before
    message = f"no sample moved by more than {ROUNDING:.0%} of the tolerance"
    reason = "; ".join(filter(None, (draft.reason, message)))
    return replace(draft, verdict="passed", low=float(changes.min()), high=float(changes.max()), reason=reason)


def judge_metrics(evidence: Sequence[MetricEvidence], total: int | None = None) -> list[Verdict]:
    """Verdicts of all metrics of a session, corrected for looking at all of them.

    Args:
        evidence: what is at hand.
        total: metrics of the whole session, where this process sees only some of them.
    """
    tested = [metric for metric in evidence if metric.movable]
    count = max(1, len(tested) + max(0, (total or 0) - len(evidence)))
    correction = _Correction.of(tested, count)
    numbers = {id(metric): number for number, metric in enumerate(tested)}
    verdicts = [_verdict(metric, correction, numbers.get(id(metric))) for metric in evidence]
    return [_in_context(verdict, metric.draft, verdicts) for metric, verdict in zip(evidence, verdicts, strict=True)]


def _in_context(verdict: Verdict, draft: Verdict, verdicts: Sequence[Verdict]) -> Verdict:
    """A verdict in the light of the metrics of the same target that regressed.

    Args:
        verdict: by itself.
        draft: of it, with the reason that it had before it was judged.
        verdicts: of all metrics.
    """
    regressed = [metric for metric in verdicts if metric.verdict == "regressed" and metric.target == verdict.target]
    if not regressed or verdict in regressed:
        return verdict
    if verdict.verdict == "inconclusive" and _is_wholly_beyond(verdict):
        first = regressed[0]
        where = "" if first.suite == verdict.suite else f" in {first.suite}"
        message = f"its whole 95% interval lies beyond the tolerance, and {first.metric}{where} regressed"
        return replace(verdict, verdict="regressed", reason="; ".join(filter(None, (draft.reason, message))))
    same_suite = [regression.metric for regression in regressed if regression.suite == verdict.suite]
    if verdict.verdict == "improved" and same_suite:
        reason = "; ".join(filter(None, (verdict.reason, f"look first: {', '.join(same_suite)} regressed")))
        return replace(verdict, reason=reason)
    return verdict


def _is_wholly_beyond(verdict: Verdict) -> bool:
    """Whether the smallest loss by the 95% bounds lies beyond the tolerance, and chance seldom does that."""
    bound = verdict.high if verdict.higher_is_better else verdict.low
    if bound is None or verdict.p_value is None or verdict.p_value >= ALPHA_FURTHER:
        return False
    return (-bound if verdict.higher_is_better else bound) > (verdict.tolerance or 0.0)


def _verdict(evidence: MetricEvidence, correction: _Correction, number: int | None) -> Verdict:
    """The verdict on one metric; `number` is its place among those that are tested."""
    estimate, draft = evidence.estimate, evidence.draft
    if estimate is None:
        return draft
    judged = _with_bounds(evidence, estimate)
    tolerance, change = draft.tolerance or 0.0, draft.change or 0.0
    lost = -change if draft.higher_is_better else change
    if number is not None:
        judged = correction.corrected(judged, evidence, number)
        if lost > tolerance and correction.worse[number] < ALPHA_METRICS:
            return replace(judged, verdict="regressed")
        if -lost > tolerance and correction.better[number] < ALPHA_METRICS:
            return replace(judged, verdict="improved", p_value=correction.better[number])
    if -estimate.at_least((1 - CONFIDENCE) * evidence.share) < tolerance:
        return replace(judged, verdict="passed")
    message = advice(_decision(evidence, estimate, correction.worse_level, lost, tolerance))
    return replace(judged, verdict="inconclusive", reason="; ".join(filter(None, (draft.reason, message))))


def _with_bounds(evidence: MetricEvidence, estimate: stats.Estimate) -> Verdict:
    """The draft with its 95% bounds."""
    level = (1 - CONFIDENCE) * evidence.share
    bounds = [evidence.change(gain) for gain in (estimate.at_least(level), estimate.at_most(level))]
    return replace(evidence.draft, low=_finite(min(bounds)), high=_finite(max(bounds)))


@dataclass(frozen=True, slots=True)
class _Correction:
    """Both directions of all tested metrics, corrected for looking at all of them."""

    worse: tuple[float, ...]
    better: tuple[float, ...]
    worse_level: float
    better_level: float

    @classmethod
    def of(cls, tested: Sequence[MetricEvidence], count: int) -> _Correction:
        worse = stats.adjusted_p([evidence.p_worse for evidence in tested], count)
        better = stats.adjusted_p([evidence.p_better for evidence in tested], count)
        levels = (ALPHA_METRICS * stats.share_of_level(p_values, ALPHA_METRICS, count) for p_values in (worse, better))
        return cls(tuple(worse), tuple(better), *levels)

    def corrected(self, verdict: Verdict, evidence: MetricEvidence, number: int) -> Verdict:
        """A verdict with its corrected p-value, and the bounds that leave out zero just where that is significant."""
        test, share = evidence.test
        bounds = [
            evidence.change(test.at_least(self.better_level * share)),
            evidence.change(test.at_most(self.worse_level * share)),
        ]
        low, high = _finite(min(bounds)), _finite(max(bounds))
        return replace(verdict, p_value=self.worse[number], corrected_low=low, corrected_high=high)


def _finite(bound: float) -> float | None:
    """A bound; None where nothing bounds the change."""
    return bound if math.isfinite(bound) else None


def _decision(
    evidence: MetricEvidence, estimate: stats.Estimate, level: float, lost: float, tolerance: float
) -> Decision:
    """What stands between a metric and a verdict."""
    return Decision(
        loss=lost,
        tolerance=tolerance,
        error=evidence.test[0].error if lost > tolerance else estimate.error,
        cases=evidence.draft.n,
        seeds=evidence.seeds,
        seed_variance=2 * evidence.spread.variance if evidence.spread else 0.0,
        shown_at=level * evidence.share,
        excluded_at=(1 - CONFIDENCE) * evidence.share,
        request=ALPHA_METRICS,
        wide_enough=-estimate.at_least((1 - CONFIDENCE) * evidence.share),
    )
