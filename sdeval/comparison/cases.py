"""Judges single cases: broken, unscored, new, regressed, inconclusive, not significant, or passed. Pure.

Every metric that can fail a suite is judged for every case, with its own tolerance, and false discoveries are
controlled over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdeval import stats
from sdeval.comparison.defects import UNMEASURED, DefectRates, expected_defects, named
from sdeval.comparison.paired import PairedScores, is_known, paired, tolerance_of
from sdeval.comparison.requests import changed_fields
from sdeval.config.suite import COLLAPSED
from sdeval.results.records import SampleResult
from sdeval.results.run import Run
from sdeval.results.verdict import DEFECT, Kind, Verdict

ALPHA_CASES = 0.001
"""Probability that a session in which nothing changed reports a case of any of its suites as regressed."""
ALPHA_SUSPECTED = 0.05
"""The same for `inconclusive`, which leads to more seeds and fails nothing."""
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
        regressed: metrics that regressed for the suite as a whole. A case that fell with it fails as well, if that is
            more than its own seeds explain.
        spreads: seed-to-seed spreads that `sdeval calibrate` measured, by metric.
        rates: how often the target generates broken images while nothing changes.
    """
    states = {case: _state(run, baseline, case, samples) for case, samples in run.by_case().items()}
    for case, verdict in _broken(run, rates).items():
        # What the target breaks by itself does not hide that another image of the case is missing.
        if verdict.verdict == "broken" or states[case].verdict != "unscored":
            states[case] = verdict
    # Images that the target breaks by itself excuse no case of which every seed fell.
    comparable = [case for case, verdict in states.items() if verdict.verdict in ("passed", "not_significant")]
    if baseline is None or not comparable:
        return list(states.values())
    losses = _losses(run, baseline, comparable, spreads or {})
    judged = {case: _judge_case(states[case], case_losses, suites, regressed) for case, case_losses in losses.items()}
    return list({**states, **judged}.values())


def settle_cases(judge: Callable[[], list[Verdict]], widen: Callable[[], bool]) -> list[Verdict]:
    """Final verdicts of cases: where one is suspected, its suite is judged again with more seeds while there are any.

    The last round counts: a case is reported as regressed only on all seeds that can be generated.

    Args:
        judge: the cases, on all that was generated so far.
        widen: generates more seeds; False where there are none.
    """
    verdicts = judge()
    while any(map(suspected, verdicts)) and widen():
        verdicts = judge()
    return verdicts


def suspected(verdict: Verdict) -> bool:
    """Whether more seeds could change the verdict on a case."""
    return verdict.verdict in ("regressed", "inconclusive")


def undecided(verdict: Verdict) -> bool:
    """Whether more seeds could decide a metric of a suite.

    A rate of collapsed samples within its tolerance is left as it is: to exclude what lies beyond takes very many.
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
        return replace(state, verdict="new", reason="no baseline for this suite and target")
    baseline_samples = {sample.seed: sample for sample in baseline.by_case().get(case, [])}
    for before in baseline_samples.values():
        # Of a run that was interleaved with this one; what was accepted has all its images.
        if before.failure:
            reason = f"seed {before.seed} has no image on the other side: {before.failure}"
            return replace(state, verdict="unscored", reason=reason)
    if not baseline_samples:
        return replace(state, verdict="new", reason="the baseline does not have this case")
    for sample in samples:
        if sample.seed not in baseline_samples:
            return replace(state, verdict="new", reason=f"the baseline does not have seed {sample.seed}")
        if baseline_samples[sample.seed].fingerprint != sample.fingerprint:
            return replace(
                state, verdict="new", reason=changed_fields(run, baseline, sample, baseline_samples[sample.seed])
            )
    return replace(state, reason=_change(samples, baseline_samples))


def _unscored(run: Run, state: Verdict, samples: Sequence[SampleResult]) -> Verdict | None:
    """The verdict on a case of which an image or a score is missing; None where none is."""
    for sample in samples:
        if sample.failure:
            return replace(state, verdict="unscored", reason=f"seed {sample.seed} has no image: {sample.failure}")
        for metric, why in sample.reasons.items():
            if run.metrics[metric].gating:
                return replace(state, metric=metric, verdict="unscored", reason=f"seed {sample.seed}: {why}")
    return None


def _broken(run: Run, rates: DefectRates) -> dict[str, Verdict]:
    """Verdicts on cases with broken images; as many as the target usually generates fail nothing."""
    expected = expected_defects(run, rates)
    verdicts = {}
    for case, samples in run.by_case().items():
        broken = [sample for sample in samples if sample.defect]
        if broken:
            verdict: Kind = "not_significant" if all(sample.defect in expected for sample in broken) else "broken"
            state = Verdict(suite=run.suite, target=run.target, metric=DEFECT, case=case, verdict=verdict)
            verdicts[case] = replace(state, n=len(samples), reason=named(broken, rates))
    return verdicts


def _change(samples: Sequence[SampleResult], baseline_samples: Mapping[int, SampleResult]) -> str:
    """How far the images of a case are from the baseline's, in words."""
    if all(baseline_samples[sample.seed].sha256 == sample.sha256 for sample in samples):
        return "identical images"
    close = all(sample.image_change in ("identical", "imperceptible") for sample in samples)
    return "imperceptibly other images" if close else "other images"


@dataclass(frozen=True, slots=True)
class _Loss:
    """How much a case lost in one metric."""

    metric: str
    higher_is_better: bool
    baseline: float
    current: float
    tolerance: float
    every_seed: float
    """Loss of the seed that lost least, in tolerances."""
    p_alone: float
    """P-value that it fell further than the other cases and its own seeds explain; corrected for all cases and
    metrics."""
    p_seeds: float
    """P-value that it fell further than its own seeds explain, whatever the other cases did; corrected likewise."""
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
            higher_is_better=self.higher_is_better,
            tolerance=self.tolerance,
        )


def _judge_case(state: Verdict, losses: Sequence[_Loss], suites: int, regressed: Collection[str]) -> Verdict:
    """The verdict on a case by the worst of its metrics."""
    changed = [loss for loss in losses if not loss.unchanged]
    if not changed:
        return state
    far = [loss for loss in changed if loss.every_seed > COLLAPSE_FACTOR]
    alone = min(far, key=lambda loss: (bool(loss.doubt), loss.p_alone), default=None)
    if alone and not alone.doubt and alone.p_alone * suites < ALPHA_CASES:
        reason = "every seed of this case fell far, compared with the other cases and with its own seeds"
        return replace(alone.verdict(state), verdict="regressed", p_value=alone.p_alone * suites, reason=reason)
    fell_with = [loss for loss in far if loss.metric in regressed]
    together = min(fell_with, key=lambda loss: loss.p_seeds, default=None)
    if together and not together.doubt and together.p_seeds * suites < ALPHA_CASES:
        reason = "fell with the whole suite, and further than its own seeds explain"
        return replace(together.verdict(state), verdict="regressed", p_value=together.p_seeds * suites, reason=reason)
    if together:
        reason = f"fell far, with the whole suite; {together.doubt or 'by itself not further than its seeds may go'}"
        return replace(together.verdict(state), verdict="inconclusive", reason=reason)
    if alone and alone.p_alone * suites < (ALPHA_DOUBTED if alone.doubt else ALPHA_SUSPECTED):
        reason = f"fell far; {alone.doubt or 'not far enough to exclude chance'}"
        p_value = min(1.0, alone.p_alone * suites)
        return replace(alone.verdict(state), verdict="inconclusive", p_value=p_value, reason=reason)
    if state.verdict == "not_significant":
        return state
    worst = max(changed, key=lambda loss: loss.loss)
    judged = worst.verdict(state)
    if worst.loss > 1:
        reason = f"beyond its tolerance, as chance can have it; {state.reason}"
        return replace(judged, verdict="not_significant", p_value=min(1.0, worst.p_alone * suites), reason=reason)
    return judged


def _losses(run: Run, baseline: Run, cases: Sequence[str], spreads: Spreads) -> dict[str, list[_Loss]]:
    """How much every case lost in every metric."""
    tables = [
        named_table
        for name in _metrics(run, baseline)
        if (named_table := _table(run, baseline, name, cases)) is not None
    ]
    alone = [_p_alone(name, table, spreads) for name, table in tables]
    seeds = [_p_seeds(table) for _, table in tables]
    # Both corrected for all cases and metrics at once.
    alone, seeds = _adjusted(alone), _adjusted(seeds)
    losses: dict[str, list[_Loss]] = {}
    for (name, table), p_alone, p_seeds in zip(tables, alone, seeds, strict=True):
        for row, case in enumerate(table.cases):
            loss = _loss(name, table, row, float(p_alone[row]), float(p_seeds[row]))
            losses.setdefault(case, []).append(loss)
    return losses


def _metrics(run: Run, baseline: Run) -> list[str]:
    """Sample metrics that judge, and that both sides scored in the same way."""
    return [
        name
        for name, record in run.metrics.items()
        if record.gating
        and record.scope == "sample"
        and name in baseline.metrics
        and baseline.metrics[name].version == record.version
    ]


def _table(run: Run, baseline: Run, metric: str, cases: Sequence[str]) -> tuple[str, PairedScores] | None:
    """Scores of those cases that have them on both sides."""
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
    table = paired(run, baseline, metric, scored)
    return (metric, table) if table is not None else None


def _p_alone(metric: str, table: PairedScores, spreads: Spreads) -> stats.Floats:
    """P-values `[cases]` that a case fell further than the others and, where they tell, its own seeds explain."""
    before, after = _sides(table)
    others = stats.beside_others(before, after, table.prior(spreads.get(metric)))
    return others if _doubt(table) else np.maximum(others, _p_seeds(table))


def _p_seeds(table: PairedScores) -> stats.Floats:
    """P-values `[cases]` that a case fell further than its own seeds explain; 1 where they tell nothing."""
    if _doubt(table):
        return np.ones(len(table.cases))
    return stats.beside_seeds(table.record.sign * table.all_seeds, _sides(table)[1])


def _sides(table: PairedScores) -> tuple[stats.Floats, stats.Floats]:
    """Scores before and after, higher for better."""
    return table.record.sign * table.before, table.record.sign * table.after


def _adjusted(p_values: Sequence[stats.Floats]) -> list[stats.Floats]:
    if not p_values:
        return []
    ends = np.cumsum([len(values) for values in p_values])[:-1]
    return list(np.split(np.array(stats.adjusted_p(np.concatenate(p_values).tolist())), ends))


def _loss(metric: str, table: PairedScores, row: int, p_alone: float, p_seeds: float) -> _Loss:
    before, after, record = table.before[row], table.after[row], table.record
    baseline = float(before.mean())
    tolerance = tolerance_of(record, baseline)
    lost = float((record.sign * (before - after)).min())
    return _Loss(
        metric=metric,
        higher_is_better=record.higher_is_better,
        baseline=baseline,
        current=float(after.mean()),
        tolerance=tolerance,
        every_seed=lost / tolerance if tolerance else np.inf if lost > 0 else 0.0,
        p_alone=p_alone,
        p_seeds=p_seeds,
        doubt=_doubt(table),
        unchanged=not (before != after).any(),
    )


def _doubt(table: PairedScores) -> str:
    """Why a metric cannot show that a single case regressed; empty if it can."""
    baseline_seeds, generated = table.all_seeds.shape[1], table.after.shape[1]
    if not table.record.alone:
        return "its score depends on the other images, so a single case is no evidence"
    if generated < 2:
        return "one seed cannot tell a case that fell from an image that went wrong; give the suite two"
    if baseline_seeds < stats.FEWEST_SEEDS:
        return (
            f"{baseline_seeds} seeds of the baseline do not show how much this case varies; set "
            f"max_seeds={stats.FEWEST_SEEDS} or more, and accept a run made with --sdeval-all-seeds"
        )
    return ""
