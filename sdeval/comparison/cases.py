"""Judges single cases: broken, unscored, new, regressed, inconclusive, not significant, or passed. Pure.

Each case is judged by every gating metric, each with its own tolerance. P-values are corrected for all cases and all
metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdeval import stats
from sdeval.comparison import wording
from sdeval.comparison.defects import UNMEASURED, DefectRates, expected_defects
from sdeval.comparison.paired import PairedScores, is_known, pair_scores, tolerance_of
from sdeval.comparison.requests import changed_fields
from sdeval.config.suite import COLLAPSED
from sdeval.results.records import SampleResult
from sdeval.results.run import Run
from sdeval.results.verdict import DEFECT, Kind, Verdict

ALPHA_CASES = 0.001
"""Probability that a session in which nothing changed reports a case of any of its suites as regressed."""
ALPHA_SUSPECTED = 0.05
"""The same for `inconclusive`, which asks for more seeds and fails nothing."""
ALPHA_DOUBTED = 0.01
"""The same where the baseline has too few seeds to decide."""
COLLAPSE_FACTOR = 3.0
"""Every seed of a case must lose this many tolerances for it to count as collapsed."""


def judge_cases(
    run: Run,
    baseline: Run | None,
    suites: int = 1,
    regressed: Collection[str] = (),
    *,
    spreads: Spreads | None = None,
    rates: DefectRates = UNMEASURED,
) -> list[Verdict]:
    """One verdict a case.

    Args:
        run: the candidate.
        baseline: with all its seeds; None where nothing was accepted yet.
        suites: how many the session judges, on all targets: they share the error level of cases.
        regressed: metrics that regressed for the suite as a whole. A case that lost much in one of them fails as well,
            if its own seeds do not explain that.
        spreads: seed-to-seed spreads that `sdeval calibrate` measured, by metric.
        rates: how often the target generates broken images while nothing changes.
    """
    states = judge_without_scores(run, baseline, rates)
    # A usual number of broken images does not excuse a case whose every seed got worse.
    comparable = [case for case, verdict in states.items() if verdict.verdict in ("passed", "not_significant")]
    if baseline is None or not comparable:
        return list(states.values())
    losses = _losses(run, baseline, comparable, spreads or {})
    judged = {case: _judge_case(states[case], case_losses, suites, regressed) for case, case_losses in losses.items()}
    return list({**states, **judged}.values())


def judge_without_scores(run: Run, baseline: Run | None, rates: DefectRates = UNMEASURED) -> dict[str, Verdict]:
    """Verdicts on cases as far as they need no scores: broken, unscored, new, or passed for now.

    Args:
        run: the candidate.
        baseline: None where nothing was accepted yet.
        rates: how often the target generates broken images while nothing changes.
    """
    states = {case: _state(run, baseline, case, samples) for case, samples in run.by_case().items()}
    for case, verdict in _broken(run, rates).items():
        # What the target breaks by itself does not hide that another image of the case is missing.
        if verdict.verdict == "broken" or states[case].verdict != "unscored":
            states[case] = verdict
    return states


def settle_cases(judge: Callable[[], list[Verdict]], widen: Callable[[], bool]) -> list[Verdict]:
    """Final verdicts of cases: while more seeds could change one, its suite is judged again with more seeds.

    The last round counts: a case is reported as regressed only on all seeds that can be generated.

    Args:
        judge: the cases, on all that was generated so far.
        widen: generates more seeds; False where there are no more.
    """
    verdicts = judge()
    while any(map(case_needs_seeds, verdicts)) and widen():
        verdicts = judge()
    return verdicts


def case_needs_seeds(verdict: Verdict) -> bool:
    """Whether more seeds could change the verdict on a case."""
    return verdict.verdict in ("regressed", "inconclusive")


def metric_needs_seeds(verdict: Verdict) -> bool:
    """Whether more seeds could decide a metric of a suite.

    A rate of collapsed samples within its tolerance is left as it is: to exclude a higher one takes very many seeds.
    """
    return verdict.verdict == "inconclusive" and (verdict.metric != COLLAPSED or verdict.warns)


Spreads = Mapping[str, stats.Spread]


def _state(run: Run, baseline: Run | None, case: str, samples: Sequence[SampleResult]) -> Verdict:
    """The verdict on a case as far as it needs no statistics."""
    state = Verdict(suite=run.suite, target=run.target, metric=DEFECT, case=case, verdict="passed", n=len(samples))
    unscored = _unscored(run, state, samples)
    if unscored:
        return unscored
    if baseline is None:
        return replace(state, verdict="new", reason=wording.NO_BASELINE)
    baseline_samples = {sample.seed: sample for sample in baseline.by_case().get(case, [])}
    for other in baseline_samples.values():
        # Of a run that was interleaved with this one; what was accepted has all its images.
        if other.failure:
            reason = wording.missing_image_of_baseline(other.seed, other.failure)
            return replace(state, verdict="unscored", reason=reason)
    if not baseline_samples:
        return replace(state, verdict="new", reason=wording.NO_BASELINE_CASE)
    for sample in samples:
        before = baseline_samples.get(sample.seed)
        if before is None:
            return replace(state, verdict="new", reason=wording.new_seed(sample.seed))
        if before.fingerprint != sample.fingerprint:
            changes = changed_fields(run, baseline, sample, before)
            return replace(state, verdict="new", reason=wording.changed_request(changes))
    return replace(state, reason=_image_change(samples, baseline_samples))


def _unscored(run: Run, state: Verdict, samples: Sequence[SampleResult]) -> Verdict | None:
    """The verdict on a case of which an image or a score is missing; None where none is."""
    for sample in samples:
        if sample.failure:
            return replace(state, verdict="unscored", reason=wording.missing_image(sample.seed, sample.failure))
        for metric, cause in sample.reasons.items():
            if run.metrics[metric].gating:
                reason = wording.unscored_seed(sample.seed, cause)
                return replace(state, metric=metric, verdict="unscored", reason=reason)
    return None


def _broken(run: Run, rates: DefectRates) -> dict[str, Verdict]:
    """Verdicts on cases with broken images; no more of them than usual fail nothing."""
    expected = expected_defects(run, rates)
    verdicts = {}
    for case, samples in run.by_case().items():
        broken = [sample for sample in samples if sample.defect]
        if broken:
            verdict: Kind = "not_significant" if all(sample.defect in expected for sample in broken) else "broken"
            state = Verdict(suite=run.suite, target=run.target, metric=DEFECT, case=case, verdict=verdict)
            verdicts[case] = replace(state, n=len(samples), reason=wording.broken_seeds(broken, rates))
    return verdicts


def _image_change(samples: Sequence[SampleResult], baseline_samples: Mapping[int, SampleResult]) -> str:
    """How much the images of a case differ from the baseline's."""
    if all(baseline_samples[sample.seed].sha256 == sample.sha256 for sample in samples):
        return wording.IDENTICAL_IMAGES
    close = all(sample.image_change in ("identical", "imperceptible") for sample in samples)
    return wording.IMPERCEPTIBLE_CHANGES if close else wording.CHANGED_IMAGES


@dataclass(frozen=True, slots=True)
class _Loss:
    """How much a case lost in one metric."""

    metric: str
    unit: str
    higher_is_better: bool
    baseline: float
    current: float
    tolerance: float
    every_seed: float
    """Loss of the seed that lost least, in tolerances."""
    collapsed_seeds: int
    """Seeds that lost more than COLLAPSE_FACTOR tolerances."""
    seeds: int
    p_alone: float
    """P-value of a loss that neither the other cases nor its own seeds explain; corrected for all cases and metrics."""
    p_seeds: float
    """P-value of a loss that its own seeds do not explain, whatever the other cases did; corrected likewise."""
    doubt: str
    """Why this metric cannot show that a single case regressed; empty if it can."""
    unchanged: bool

    @property
    def loss(self) -> float:
        """Mean loss in tolerances, negative where it is a gain."""
        lost = (self.baseline - self.current) * (1 if self.higher_is_better else -1)
        return lost / self.tolerance if self.tolerance else lost * np.inf if lost else 0.0

    def verdict(self, state: Verdict) -> Verdict:
        """The state of the case with the values of this metric."""
        return replace(
            state,
            metric=self.metric,
            baseline=self.baseline,
            current=self.current,
            change=self.current - self.baseline,
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            tolerance=self.tolerance,
        )


def _judge_case(state: Verdict, losses: Sequence[_Loss], suites: int, regressed: Collection[str]) -> Verdict:
    """The verdict on a case by the worst of its metrics."""
    changed = [loss for loss in losses if not loss.unchanged]
    if not changed:
        return state
    large = [loss for loss in changed if loss.every_seed > COLLAPSE_FACTOR]
    alone = min(large, key=lambda loss: (bool(loss.doubt), loss.p_alone), default=None)
    if alone and not alone.doubt and alone.p_alone * suites < ALPHA_CASES:
        reason = wording.ONLY_THIS_CASE_LOST
        return replace(alone.verdict(state), verdict="regressed", p_value=alone.p_alone * suites, reason=reason)
    lost_with_suite = [loss for loss in large if loss.metric in regressed]
    together = min(lost_with_suite, key=lambda loss: loss.p_seeds, default=None)
    if together and not together.doubt and together.p_seeds * suites < ALPHA_CASES:
        reason = wording.CASE_LOST_WITH_SUITE
        return replace(together.verdict(state), verdict="regressed", p_value=together.p_seeds * suites, reason=reason)
    if together:
        reason = wording.perhaps_lost_with_suite(together.doubt)
        return replace(together.verdict(state), verdict="inconclusive", reason=reason)
    if alone and alone.p_alone * suites < (ALPHA_DOUBTED if alone.doubt else ALPHA_SUSPECTED):
        reason = wording.perhaps_lost(alone.doubt)
        p_value = min(1.0, alone.p_alone * suites)
        return replace(alone.verdict(state), verdict="inconclusive", p_value=p_value, reason=reason)
    if state.verdict == "not_significant":
        return state
    worst = max(changed, key=lambda loss: loss.loss)
    judged = worst.verdict(state)
    if worst.loss > 1:
        reason = wording.not_significant(state.reason, worst.collapsed_seeds, worst.seeds, COLLAPSE_FACTOR)
        return replace(judged, verdict="not_significant", p_value=min(1.0, worst.p_alone * suites), reason=reason)
    return judged


def _losses(run: Run, baseline: Run, cases: Sequence[str], spreads: Spreads) -> dict[str, list[_Loss]]:
    """How much every case lost in every metric."""
    tables = [
        table
        for metric in _shared_metrics(run, baseline)
        if (table := _pair_scored_cases(run, baseline, metric, cases)) is not None
    ]
    alone = _adjusted([_p_alone(table, spreads) for table in tables])
    seeds = _adjusted([_p_seeds(table) for table in tables])
    losses: dict[str, list[_Loss]] = {}
    for table, p_alone, p_seeds in zip(tables, alone, seeds, strict=True):
        for row, case in enumerate(table.cases):
            loss = _loss(table, row, float(p_alone[row]), float(p_seeds[row]))
            losses.setdefault(case, []).append(loss)
    return losses


def _shared_metrics(run: Run, baseline: Run) -> list[str]:
    """Gating sample metrics that both sides scored with the same version."""
    return [
        name
        for name, record in run.metrics.items()
        if record.gating
        and record.scope == "sample"
        and name in baseline.metrics
        and baseline.metrics[name].version == record.version
    ]


def _pair_scored_cases(run: Run, baseline: Run, metric: str, cases: Sequence[str]) -> PairedScores | None:
    """Scores of those cases that have them on both sides; None where there are none."""
    baseline_scores = {sample.key: sample.scores.get(metric) for sample in baseline.samples}
    samples = run.by_case()
    scored = [
        case
        for case in cases
        if all(
            is_known(sample.scores.get(metric)) and is_known(baseline_scores.get(sample.key))
            for sample in samples[case]
        )
    ]
    return pair_scores(run, baseline, metric, scored)


def _p_alone(table: PairedScores, spreads: Spreads) -> stats.Floats:
    """P-values `[cases]` of losses that neither the other cases nor, with enough seeds, a case's own seeds explain."""
    before, after = _sides(table)
    others = stats.p_among_cases(before, after, table.prior(spreads.get(table.metric)))
    return others if _doubt(table) else np.maximum(others, _p_seeds(table))


def _p_seeds(table: PairedScores) -> stats.Floats:
    """P-values `[cases]` of losses that a case's own seeds do not explain; 1 where there are too few seeds."""
    if _doubt(table):
        return np.ones(len(table.cases))
    return stats.p_among_seeds(table.record.sign * table.all_seeds, _sides(table)[1])


def _sides(table: PairedScores) -> tuple[stats.Floats, stats.Floats]:
    """Scores before and after, higher for better."""
    return table.record.sign * table.before, table.record.sign * table.after


def _adjusted(p_values: Sequence[stats.Floats]) -> list[stats.Floats]:
    """P-values `[cases]` of each metric, corrected for all cases and metrics."""
    if not p_values:
        return []
    ends = np.cumsum([len(values) for values in p_values])[:-1]
    return list(np.split(np.array(stats.adjusted_p(np.concatenate(p_values).tolist())), ends))


def _loss(table: PairedScores, row: int, p_alone: float, p_seeds: float) -> _Loss:
    before, after, record = table.before[row], table.after[row], table.record
    baseline = float(before.mean())
    tolerance = tolerance_of(record, baseline)
    lost = record.sign * (before - after)
    least = float(lost.min())
    return _Loss(
        metric=table.metric,
        unit=record.unit,
        higher_is_better=record.higher_is_better,
        baseline=baseline,
        current=float(after.mean()),
        tolerance=tolerance,
        every_seed=least / tolerance if tolerance else np.inf if least > 0 else 0.0,
        collapsed_seeds=int((lost > COLLAPSE_FACTOR * tolerance).sum()),
        seeds=len(lost),
        p_alone=p_alone,
        p_seeds=p_seeds,
        doubt=_doubt(table),
        unchanged=not (before != after).any(),
    )


def _doubt(table: PairedScores) -> str:
    """Why a metric cannot show that a single case regressed; empty if it can."""
    baseline_seeds, generated = table.all_seeds.shape[1], table.after.shape[1]
    if not table.record.alone:
        return wording.DEPENDS_ON_OTHER_IMAGES
    if generated < 2:
        return wording.ONE_SEED
    if baseline_seeds < stats.FEWEST_SEEDS:
        return wording.few_baseline_seeds(baseline_seeds, stats.FEWEST_SEEDS)
    return ""
