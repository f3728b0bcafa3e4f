"""Compares the run of a job with its baseline: its cases, its metrics and its speed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sdeval import metrics
from sdeval.baselines.speed import hardware_of
from sdeval.comparison import (
    Circumstances,
    MetricEvidence,
    Verdict,
    case_needs_seeds,
    collect_collapsed,
    collect_evidence,
    expected_defects,
    judge_cases,
    judge_metrics,
    metric_needs_seeds,
    wording,
)
from sdeval.comparison.requests import removed_cases, shared_cases
from sdeval.comparison.speed import judge_interleaved, judge_with_record
from sdeval.config.suite import COLLAPSED, SPEED
from sdeval.engines import hardware
from sdeval.errors import SdevalError
from sdeval.results.run import Run, Stored
from sdeval.session.items import collapsing_metrics
from sdeval.session.resolve import ResolvedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A run that is to be judged, and the baseline it is compared with."""

    resolved: ResolvedJob
    run: Run
    baseline: Stored | None
    """The baseline with all its seeds."""
    round: int
    """Number of the round of seeds, from 0."""
    cases: Collection[str]
    """Ids of the cases that get a verdict of their own."""
    metrics: Sequence[str]
    """Names of the metrics that get a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A job compared with its baseline, on the seeds that were generated so far."""

    cases: Mapping[str, Verdict] = field(default_factory=dict)
    evidence: Mapping[str, MetricEvidence] = field(default_factory=dict)
    """Evidence by metric; verdicts are only possible with the evidence of the whole session."""
    failures: Mapping[str, Exception] = field(default_factory=dict)
    """Metrics that could not be compared, and why."""

    def needs_more_seeds(self, total: int) -> bool:
        """Whether more seeds could settle a verdict; `total` is the number of metrics in the session."""
        verdicts = judge_metrics(list(self.evidence.values()), total)
        return any(map(case_needs_seeds, self.cases.values())) or any(map(metric_needs_seeds, verdicts))

    def without_more_seeds(self, total: int, error: SdevalError) -> Comparison:
        """Cases and metrics that need more seeds become `unscored`, because those seeds could not be generated."""
        verdicts = judge_metrics(list(self.evidence.values()), total)
        evidence = {
            name: MetricEvidence(_as_unscored(verdict, error)) if verdict.verdict == "inconclusive" else evidence
            for (name, evidence), verdict in zip(self.evidence.items(), verdicts, strict=True)
        }
        return replace(
            self,
            cases={name: _as_unscored(verdict, error) for name, verdict in self.cases.items()},
            evidence=evidence,
        )


def _as_unscored(verdict: Verdict, error: SdevalError) -> Verdict:
    if not case_needs_seeds(verdict):
        return verdict
    return replace(verdict, verdict="unscored", reason=wording.more_seeds_failed(error))


def compare(subject: Subject, total: int, jobs: int) -> Comparison:
    """Cases and metrics of a run compared with its baseline.

    Args:
        subject: the run and its baseline.
        total: number of metrics in the session, which share the error level.
        jobs: number of jobs in the session, which share the error level of cases.
    """
    evidence: dict[str, MetricEvidence] = {}
    failures: dict[str, Exception] = {}
    for name in subject.metrics:
        try:
            evidence[name] = _evidence(subject, name)
        except Exception as error:
            # The error is raised when that metric is judged; other metrics are not affected.
            failures[name] = error
    verdicts = judge_metrics(list(evidence.values()), total)
    cases = judge_cases(
        subject.run,
        subject.baseline.run if subject.baseline else None,
        jobs,
        [verdict.metric for verdict in verdicts if verdict.verdict == "regressed"],
        spreads=subject.resolved.spreads,
        rates=subject.resolved.defect_rates,
    )
    return Comparison(cases={verdict.case: verdict for verdict in cases}, evidence=evidence, failures=failures)


def _evidence(subject: Subject, name: str) -> MetricEvidence:
    """The evidence on one metric.

    Raises:
        NotAvailable: none of the metrics that show collapsed samples is on this machine.
    """
    resolved = subject.resolved
    hidden = _describe_hidden_defects(subject)
    if hidden:
        suite, target = resolved.job.key
        return MetricEvidence(
            Verdict(suite=suite, target=target, metric=name, case="", verdict="unscored", reason=hidden)
        )
    run, baseline, note = _reduce_to_shared_samples(subject)
    circumstances = Circumstances(
        share=resolved.share_of_round(subject.round),
        spreads=resolved.spreads,
        all_seeds=subject.baseline.run if subject.baseline else None,
        note=note,
    )
    if name == COLLAPSED:
        _require_collapsing(resolved)
        return collect_collapsed(run, baseline, resolved.job.suite.tolerances.get(COLLAPSED), circumstances)
    from sdeval.metrics.sets.references import swap_difference_of

    if baseline and note and metrics.info(name).among_cases:
        baseline, circumstances = None, replace(circumstances, note=wording.OTHER_CASES)
    swapped = swap_difference_of(resolved.job.suite, name, resolved.metric_options)
    return collect_evidence(run, baseline, name, swapped, circumstances)


def _describe_hidden_defects(subject: Subject) -> str:
    """Names broken images of cases that get no verdict of their own, so that no metric hides them; or empty."""
    expected = expected_defects(subject.run, subject.resolved.defect_rates)
    broken = [
        sample
        for sample in subject.run.samples
        if sample.defect not in ("", *expected) and sample.case not in subject.cases
    ]
    return wording.broken_images(broken) if broken else ""


def _require_collapsing(resolved: ResolvedJob) -> None:
    names = collapsing_metrics(resolved.job.suite)
    if all(name in resolved.missing for name in names):
        raise resolved.missing[names[0]]


def _reduce_to_shared_samples(subject: Subject) -> tuple[Run, Run | None, str]:
    """The run and its baseline, both reduced to the cases that they share, and a note if these are not all cases.

    Without a baseline or shared cases, the whole run, None, and the reason.
    """
    run, baseline = subject.run, subject.baseline.run if subject.baseline else None
    if baseline is None:
        return run, None, ""
    cases = shared_cases(run, baseline)
    if not cases:
        return run, None, wording.NO_SHARED_CASE
    note = wording.shared_part(len(cases), len(run.by_case()), len(removed_cases(run, baseline)))
    keys = {sample.key for sample in run.samples if sample.case in cases}
    return _part(subject.resolved, run, keys), _part(subject.resolved, baseline, keys), note


def _part(resolved: ResolvedJob, run: Run, keys: Collection[tuple[str, int]]) -> Run:
    """A run reduced to some samples, with its set metrics computed again."""
    from sdeval.evaluation.score import part_of

    return part_of(run, keys, replace(resolved.suite, tolerances={}), resolved.device)


def judge_speed(subject: Subject, metric: str, *, interleaved: bool, time_again: Callable[[], Run]) -> Verdict:
    """Speed or memory compared with the accepted one of this class of machine; a slower speed is measured twice.

    Args:
        subject: the run, and the run that it was interleaved with as its baseline.
        metric: `seconds_per_image` or `peak_memory`.
        interleaved: whether the baseline was generated interleaved with the run.
        time_again: measures more times, and returns the run with them.
    """
    run = subject.run
    if interleaved and subject.baseline:
        return judge_interleaved(run, subject.baseline.run, metric, hardware.busy())
    accepted = subject.resolved.speed_records.get(hardware_of(run))
    stated = subject.resolved.job.suite.tolerances.get(metric)
    judge = partial(judge_with_record, metric=metric, accepted=accepted, stated=stated)
    verdict = judge(run, busy=hardware.busy())
    if verdict.verdict != "regressed" or metric != SPEED:
        return verdict
    again = judge(time_again(), busy=hardware.busy())
    reason = wording.SLOW_TWICE if again.verdict == "regressed" else wording.SLOW_ONCE
    return replace(again, reason=wording.join(reason, again.reason))
