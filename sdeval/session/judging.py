"""Compares the run of a job with its baseline: its cases, its metrics and its speed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sdeval import metrics
from sdeval._utils.collector import paused_collector
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
from sdeval.errors import NotAvailable, SdevalError
from sdeval.results.records import NO_FULL_IMAGE
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


@paused_collector()
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
        NotAvailable: none of the metrics that show collapsed samples is on this machine, or images of the baseline
            are not that the metric compares with.
    """
    resolved = subject.resolved
    _require_images(subject.run, name)
    lacking = _lacking(subject, name)
    run, baseline, other_cases, missing = _comparable(subject, lacking)
    obstacle = _describe_unjudged(subject, lacking) or _describe_lack(subject, name, lacking)
    if obstacle:
        suite, target = resolved.job.key
        return MetricEvidence(
            Verdict(suite=suite, target=target, metric=name, case="", verdict="unscored", reason=obstacle)
        )
    circumstances = Circumstances(
        share=resolved.share_of_round(subject.round),
        spreads=resolved.spreads,
        all_seeds=subject.baseline.run if subject.baseline else None,
        note="; ".join(filter(None, (other_cases, missing))),
    )
    if name == COLLAPSED:
        _require_collapsing(resolved)
        return collect_collapsed(run, baseline, resolved.job.suite.tolerances.get(COLLAPSED), circumstances)
    from sdeval.metrics.sets.references import swap_difference_of

    if baseline and other_cases and metrics.info(name).among_cases:
        baseline, circumstances = None, replace(circumstances, note=wording.OTHER_CASES)
    swapped = swap_difference_of(resolved.job.suite, name, resolved.metric_options)
    return collect_evidence(run, baseline, name, swapped, circumstances)


def _describe_unjudged(subject: Subject, lacking: Mapping[str, str]) -> str:
    """Names broken and missing images of cases that get no verdict of their own, so that no metric hides them."""
    expected = expected_defects(subject.run, subject.resolved.defect_rates)
    judged = set(subject.cases)
    unjudged = [sample for sample in subject.run.samples if sample.case not in judged]
    broken = [sample for sample in unjudged if sample.defect not in ("", *expected)]
    if broken:
        return wording.broken_images(broken)
    causes = {case: cause for case, cause in lacking.items() if case not in judged}
    return wording.lacking_cases(causes) if causes else ""


def _describe_lack(subject: Subject, metric: str, lacking: Mapping[str, str]) -> str:
    """Why a metric has no verdict: every case lacks something, or one does and the metric needs all images together."""
    if lacking and len(lacking) == len(subject.run.by_case()):
        return wording.lacking_cases(lacking)
    if not lacking or metric == COLLAPSED or not metrics.info(metric).among_images:
        return ""
    return wording.lacking_among_images(lacking)


def _lacking(subject: Subject, metric: str) -> dict[str, str]:
    """Cases of the run of which an image or a score is missing on either side: the first sample of each, and why."""
    names = collapsing_metrics(subject.resolved.job.suite) if metric == COLLAPSED else [metric]
    lacking: dict[str, str] = {}
    for side in (subject.run, *([subject.baseline.run] if subject.baseline else [])):
        for sample in side.samples:
            cause = next(filter(None, map(sample.reason_without, names)), "")
            if cause:
                lacking.setdefault(sample.case, f"{sample.case}@{sample.seed}: {cause}")
    return {case: lacking[case] for case in subject.run.by_case() if case in lacking}


def _require_collapsing(resolved: ResolvedJob) -> None:
    names = collapsing_metrics(resolved.job.suite)
    if all(name in resolved.missing for name in names):
        raise resolved.missing[names[0]]


def _require_images(run: Run, metric: str) -> None:
    reasons = [sample.reasons.get(metric, "") for sample in run.samples]
    lacking = [reason for reason in reasons if reason.startswith(NO_FULL_IMAGE)]
    if lacking:
        raise NotAvailable(wording.unscored_samples(len(lacking), len(reasons), lacking[0]))


def _comparable(subject: Subject, lacking: Mapping[str, str]) -> tuple[Run, Run | None, str, str]:
    """The run and its baseline, both reduced to cases that lack nothing; on which cases that is, and what is missing.

    Without a baseline, or where they share nothing, the run and None.
    """
    run, baseline = subject.run, subject.baseline.run if subject.baseline else None
    # Where every case lacks something, the reason is that of each.
    whole = [case for case in run.by_case() if case not in lacking] or list(run.by_case())
    missing = wording.without_lacking(len(lacking)) if lacking else ""
    if baseline is None:
        return _part(subject.resolved, run, _keys(run, whole)), None, "", missing
    shared = shared_cases(run, baseline)
    if not shared:
        return run, None, wording.NO_SHARED_CASE, ""
    note = wording.shared_part(len(shared), len(run.by_case()), len(removed_cases(run, baseline)))
    keys = _keys(run, [case for case in shared if case not in lacking] or shared)
    return _part(subject.resolved, run, keys), _part(subject.resolved, baseline, keys), note, missing


def _keys(run: Run, cases: Collection[str]) -> set[tuple[str, int]]:
    chosen = set(cases)
    return {sample.key for sample in run.samples if sample.case in chosen}


def _part(resolved: ResolvedJob, run: Run, keys: Collection[tuple[str, int]]) -> Run:
    """A run reduced to some samples, with its set metrics computed again."""
    if all(sample.key in keys for sample in run.samples):
        return run
    from sdeval.evaluation.scoring.parts import part_of

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
