"""Judges the metrics of whole suites, all those of a session together. Pure.

The rule, for a change in the direction of worse:

- `regressed`: the loss is beyond the tolerance, and a test shows that there is a loss, at a level that is corrected for
  all metrics of the session;
- `passed`: a loss as large as the tolerance is excluded, for these cases, with 95% confidence;
- `inconclusive`: neither.

Where a metric of a target regressed, its other metrics whose whole 95% interval lies beyond the tolerance regressed
too.

All of this can be read from the bounds in the verdict: `corrected_low` and `corrected_high` say what is shown, `low`
and `high` what is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdeval import stats
from sdeval.comparison import wording
from sdeval.comparison.decision import Decision
from sdeval.comparison.evidence import MetricEvidence
from sdeval.results.verdict import Verdict

ALPHA_METRICS = 0.008
"""Probability that a session in which nothing changed reports a loss in any of its metrics."""
ALPHA_FURTHER = 0.05
"""The same for further metrics of a target of which one metric regressed: one in twenty of them may be reported
wrongly. They fail no session that would otherwise pass."""
CONFIDENCE = 0.95
"""Of `passed`: a loss as large as the tolerance is excluded with this confidence."""


def judge_metrics(evidence: Sequence[MetricEvidence], total: int | None = None) -> list[Verdict]:
    """Verdicts of all metrics of a session, corrected for testing all of them.

    Args:
        evidence: of every metric that this process sees.
        total: number of metrics of the whole session, where that is more.
    """
    tested = [metric for metric in evidence if metric.movable]
    count = max(1, len(tested) + max(0, (total or 0) - len(evidence)))
    correction = _Correction.of(tested, count)
    numbers = {id(metric): number for number, metric in enumerate(tested)}
    verdicts = [_verdict(metric, correction, numbers.get(id(metric))) for metric in evidence]
    return [_in_context(verdict, metric.draft, verdicts) for metric, verdict in zip(evidence, verdicts, strict=True)]


def _in_context(verdict: Verdict, draft: Verdict, verdicts: Sequence[Verdict]) -> Verdict:
    """A verdict after looking at the metrics of the same target that regressed.

    Args:
        verdict: of the metric by itself.
        draft: its verdict before statistics, with the reason that it had then.
        verdicts: of all metrics.
    """
    regressed = [metric for metric in verdicts if metric.verdict == "regressed" and metric.target == verdict.target]
    if not regressed or verdict in regressed:
        return verdict
    if verdict.verdict == "inconclusive" and _is_wholly_beyond(verdict):
        first = regressed[0]
        other_suite = "" if first.suite == verdict.suite else first.suite
        reason = wording.join(draft.reason, wording.beyond_with_another(first.metric, other_suite))
        return replace(verdict, verdict="regressed", reason=reason)
    same_suite = [regression.metric for regression in regressed if regression.suite == verdict.suite]
    if verdict.verdict == "improved" and same_suite:
        return replace(verdict, reason=wording.join(verdict.reason, wording.gain_beside_losses(same_suite)))
    return verdict


def _is_wholly_beyond(verdict: Verdict) -> bool:
    """Whether the 95% interval lies beyond the tolerance as a whole, and chance seldom does that."""
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
        doubt = wording.GAIN_NOT_SHOWN if number is not None and -lost > tolerance else ""
        return replace(judged, verdict="passed", reason=wording.join(draft.reason, doubt))
    open_question = _decision(evidence, estimate, correction.worse_level, lost, tolerance)
    reason = wording.join(draft.reason, wording.inconclusive(open_question))
    return replace(judged, verdict="inconclusive", reason=reason)


def _with_bounds(evidence: MetricEvidence, estimate: stats.Estimate) -> Verdict:
    """The draft with its 95% bounds."""
    level = (1 - CONFIDENCE) * evidence.share
    bounds = [evidence.change(gain) for gain in (estimate.at_least(level), estimate.at_most(level))]
    return replace(evidence.draft, low=_finite(min(bounds)), high=_finite(max(bounds)))


@dataclass(frozen=True, slots=True)
class _Correction:
    """P-values of losses and gains of all tested metrics, corrected for testing all of them."""

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
        """A verdict with its corrected p-value, and bounds that exclude zero if and only if that is significant."""
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
    """What is known of a metric that is inconclusive, to find what would decide it."""
    return Decision(
        loss=lost,
        tolerance=tolerance,
        error=evidence.test[0].error if lost > tolerance else estimate.error,
        cases=evidence.draft.n,
        seeds=evidence.seeds,
        seed_variance=2 * evidence.spread.variance if evidence.spread else 0.0,
        shown_at=level * evidence.share,
        excluded_at=(1 - CONFIDENCE) * evidence.share,
        session_level=ALPHA_METRICS,
        wide_enough=-estimate.at_least((1 - CONFIDENCE) * evidence.share),
    )
