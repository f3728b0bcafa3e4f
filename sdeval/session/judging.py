"""Compares the run of a job with its baseline: its cases, its metrics and its speed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sdeval import metrics
from sdeval.baselines import speed as pace
from sdeval.comparison import (
    Circumstances,
    MetricEvidence,
    Verdict,
    collect_collapsed,
    collect_evidence,
    expected_defects,
    judge_cases,
    judge_metrics,
    suspected,
    undecided,
)
from sdeval.comparison.requests import removed_cases, shared_cases
from sdeval.comparison.speed import judge_interleaved, judge_pace
from sdeval.config.suite import COLLAPSED, SPEED
from sdeval.engines import hardware
from sdeval.errors import SdevalError, plural
from sdeval.results.run import Run, Stored
from sdeval.session.items import collapsing_metrics
from sdeval.session.resolve import ResolvedJob

OTHER_CASES = "it looks at all cases of the suite together, and the baseline has other cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A run that is to be judged, and what it is compared with."""

    resolved: ResolvedJob
    run: Run
    baseline: Stored | None
    """With all its seeds."""
    round: int
    """Of seeds, from 0."""
    cases: Collection[str]
    """Ids of the cases that get a verdict of their own."""
    metrics: Sequence[str]
    """Names of the metrics that get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A job compared with its baseline, on the seeds that were generated so far."""

    cases: Mapping[str, Verdict] = field(default_factory=dict)
    evidence: Mapping[str, MetricEvidence] = field(default_factory=dict)
    """By metric; verdicts need the metrics of the whole session."""
    failures: Mapping[str, Exception] = field(default_factory=dict)
    """Metrics that could not be compared, and why."""

    def undecided(self, total: int) -> bool:
        """Whether more seeds could decide something; `total` counts the metrics of the session."""
        verdicts = judge_metrics(list(self.evidence.values()), total)
        return any(map(suspected, self.cases.values())) or any(map(undecided, verdicts))

    def unsettled(self, total: int, error: SdevalError) -> Comparison:
        """What is undecided stays without a verdict, as the seeds that it needs could not be generated."""
        verdicts = judge_metrics(list(self.evidence.values()), total)
        evidence = {
            name: MetricEvidence(_unsettled(verdict, error)) if verdict.verdict == "inconclusive" else evidence
            for (name, evidence), verdict in zip(self.evidence.items(), verdicts, strict=True)
        }
        return replace(
            self, cases={name: _unsettled(verdict, error) for name, verdict in self.cases.items()}, evidence=evidence
        )


def _unsettled(verdict: Verdict, error: SdevalError) -> Verdict:
    if not suspected(verdict):
        return verdict
    return replace(verdict, verdict="unscored", reason=f"more seeds were needed to judge it: {error}")


def compare(subject: Subject, total: int, jobs: int) -> Comparison:
    """Cases and metrics of a run compared with its baseline.

    Args:
        subject: the run and its baseline.
        total: metrics of the whole session, which share the error level.
        jobs: of the session, which share the level of cases.
    """
    evidence: dict[str, MetricEvidence] = {}
    failures: dict[str, Exception] = {}
    for name in subject.metrics:
        try:
            evidence[name] = _evidence(subject, name)
        except Exception as error:
            # Raised for whoever wants that metric; the others do not suffer for it.
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
    """What is known of one metric.

    Raises:
        NotAvailable: no metric is on this machine by which a sample can collapse.
    """
    resolved = subject.resolved
    run, baseline, other_cases, missing = _comparable(subject, name)
    obstacle = _unjudged(subject, name) or _lacking_too_much(subject, name)
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
        baseline, circumstances = None, replace(circumstances, note=OTHER_CASES)
    swapped = swap_difference_of(resolved.job.suite, name, resolved.metric_options)
    return collect_evidence(run, baseline, name, swapped, circumstances)


def _unjudged(subject: Subject, metric: str) -> str:
    """Broken and missing images of cases that get no verdict of their own: no metric may hide them."""
    expected = expected_defects(subject.run, subject.resolved.defect_rates)
    unjudged = [sample for sample in subject.run.samples if sample.case not in subject.cases]
    broken = [sample for sample in unjudged if sample.defect not in ("", *expected)]
    if broken:
        names = ", ".join(f"{sample.case}@{sample.seed} is {sample.defect}" for sample in broken[:3])
        return f"{len(broken)} images are broken: {names}"
    lacking = {case: why for case, why in _lacking(subject, metric).items() if case not in subject.cases}
    return _lacking_words(lacking) if lacking else ""


def _lacking_too_much(subject: Subject, metric: str) -> str:
    """Why a metric says nothing: every case lacks something, or one does and it looks at all images together."""
    lacking = _lacking(subject, metric)
    if lacking and len(lacking) == len(subject.run.by_case()):
        return _lacking_words(lacking)
    if metric == COLLAPSED or not metrics.info(metric).among_images:
        return ""
    return f"it looks at all images together, and {_lacking_words(lacking)}" if lacking else ""


def _lacking(subject: Subject, metric: str) -> dict[str, str]:
    """Cases of the run of which an image or a score is missing on either side: the first sample of each, and why."""
    names = collapsing_metrics(subject.resolved.job.suite) if metric == COLLAPSED else [metric]
    lacking: dict[str, str] = {}
    for side in (subject.run, *([subject.baseline.run] if subject.baseline else [])):
        for sample in side.samples:
            why = next(filter(None, map(sample.reason_without, names)), "")
            if why:
                lacking.setdefault(sample.case, f"{sample.case}@{sample.seed}: {why}")
    return {case: lacking[case] for case in subject.run.by_case() if case in lacking}


def _lacking_words(lacking: Mapping[str, str]) -> str:
    first = next(iter(lacking.values()))
    return f"of {plural(len(lacking), 'case')} an image or a score is missing; {first}"


def _require_collapsing(resolved: ResolvedJob) -> None:
    names = collapsing_metrics(resolved.job.suite)
    if all(name in resolved.missing for name in names):
        raise resolved.missing[names[0]]


def _comparable(subject: Subject, metric: str) -> tuple[Run, Run | None, str, str]:
    """The run and its baseline, both reduced to what a metric can compare; on which cases that is, and what is missing.

    Without a baseline, or where they share nothing, the run and None.
    """
    run, baseline = subject.run, subject.baseline.run if subject.baseline else None
    lacking = _lacking(subject, metric)
    # Where every case lacks something, the reason is that of each.
    whole = [case for case in run.by_case() if case not in lacking] or list(run.by_case())
    missing = f"without {plural(len(lacking), 'case')} of which an image or a score is missing" if lacking else ""
    if baseline is None:
        return _part(subject.resolved, run, _keys(run, whole)), None, "", missing
    shared = shared_cases(run, baseline)
    if not shared:
        return run, None, "the baseline has none of these cases, or asked for something else in each", ""
    removed, count = removed_cases(run, baseline), len(run.by_case())
    parts = [f"on {len(shared)} of {count} cases, which both sides have alike"] if len(shared) < count else []
    parts += [f"without {plural(len(removed), 'case')} that the suite no longer has"] if removed else []
    keys = _keys(run, [case for case in shared if case in whole] or shared)
    return _part(subject.resolved, run, keys), _part(subject.resolved, baseline, keys), "; ".join(parts), missing


def _keys(run: Run, cases: Collection[str]) -> set[tuple[str, int]]:
    return {sample.key for sample in run.samples if sample.case in cases}


def _part(resolved: ResolvedJob, run: Run, keys: Collection[tuple[str, int]]) -> Run:
    """Some samples of a run; set metrics are measured again on them."""
    from sdeval.evaluation.score import part_of

    return part_of(run, keys, replace(resolved.suite, tolerances={}), resolved.device)


def judge_speed(subject: Subject, metric: str, *, interleaved: bool, time_again: Callable[[], Run]) -> Verdict:
    """Speed or memory compared with what was accepted for this class of machine; what is slower is measured twice.

    Args:
        subject: the run, and the run that it was interleaved with as its baseline.
        metric: `seconds_per_image` or `peak_memory`.
        interleaved: whether the baseline was generated interleaved with the run.
        time_again: gives the run with further times.
    """
    run, options = subject.run, subject.resolved.options
    if interleaved and subject.baseline:
        return judge_interleaved(run, subject.baseline.run, metric, hardware.busy())
    accepted = pace.find(options.baselines, run)
    stated = subject.resolved.job.suite.tolerances.get(metric)
    judge = partial(judge_pace, metric=metric, stored=accepted, stated=stated)
    verdict = judge(run, busy=hardware.busy())
    if verdict.verdict != "regressed" or metric != SPEED:
        return verdict
    again = judge(time_again(), busy=hardware.busy())
    reason = "measured twice" if again.verdict == "regressed" else "slower at first, and not when measured again"
    return replace(again, reason="; ".join(filter(None, (reason, again.reason))))
