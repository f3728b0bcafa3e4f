"""Judges single cases: broken, not comparable, new, unscored, collapsed, or passed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sdeval import stats
from sdeval.compare.collapse import FEWEST_SEEDS, beside_others, collapse_p
from sdeval.compare.paired import is_known, paired, shared_sample_metrics, tolerance_of
from sdeval.compare.verdict import Verdict
from sdeval.records import SampleResult
from sdeval.run import Run

ALPHA_CASES = 0.004
"""Chance that a session in which nothing changed accuses a case of any of its suites."""
ALPHA_SUSPECTED = 0.05
"""The same for suspicion, which asks for more seeds and fails nothing."""
COLLAPSE_FACTOR = 3.0
"""Every seed of a case must lose this many tolerances for it to count as collapsed."""


def judge_cases(run: Run, baseline: Run | None, suites: int = 1) -> list[Verdict]:
    """One verdict a case: broken, not comparable, new, unscored, collapsed, or passed.

    Args:
        run: the candidate.
        baseline: what it is held against, with all its seeds; None where nothing was accepted yet.
        suites: how many the session judges, on all targets: they share the level at which cases are accused.
    """
    cases = run.by_case()
    before = baseline.by_case() if baseline else {}
    verdicts = {case: _state(run, baseline, case, samples, before.get(case, [])) for case, samples in cases.items()}
    if baseline is None:
        return list(verdicts.values())
    passed = {case: verdict for case, verdict in verdicts.items() if verdict.verdict == "passed"}
    return list({**verdicts, **_changed(run, baseline, passed, suites)}.values())


def settle_cases(judge: Callable[[], list[Verdict]], widen: Callable[[], bool]) -> list[Verdict]:
    """Final verdicts of cases: where one is suspected, its suite is judged again with more seeds while there are any.

    The last look counts: a case is accused only where every seed that can be drawn speaks against it.

    Args:
        judge: the cases, on all that was drawn so far.
        widen: draws more seeds; False where there are none.
    """
    verdicts = judge()
    while any(each.verdict in ("regressed", "inconclusive") for each in verdicts) and widen():
        verdicts = judge()
    return verdicts


def _state(
    run: Run, baseline: Run | None, case: str, samples: list[SampleResult], before: list[SampleResult]
) -> Verdict:
    """What can be said of a case without statistics."""
    said = Verdict(suite=run.suite, target=run.target, metric="health", case=case, verdict="passed", n=len(samples))
    sick = [sample for sample in samples if sample.health != "ok"]
    if sick:
        found = ", ".join(f"seed {each.seed} is {each.health} ({each.detail})" for each in sick)
        return replace(said, verdict="broken", reason=found)
    for sample in samples:
        for metric, why in sample.reasons.items():
            if run.metrics[metric].judged:
                return replace(said, metric=metric, verdict="unscored", reason=f"seed {sample.seed}: {why}")
    if baseline is None:
        return replace(said, verdict="new", reason="no baseline for this suite and target")
    known = {sample.seed: sample for sample in before}
    if not known:
        return replace(said, verdict="new", reason="the baseline does not have this case")
    for sample in samples:
        old = known.get(sample.seed)
        if old is None:
            return replace(said, verdict="new", reason=f"the baseline does not have seed {sample.seed}")
        if old.fingerprint != sample.fingerprint:
            return replace(
                said, verdict="not comparable", reason="prompt, image, mask, strength or size is not the baseline's"
            )
    return replace(said, reason=_change(samples, known))


def _change(samples: Sequence[SampleResult], known: Mapping[int, SampleResult]) -> str:
    """How far the pictures of a case are from the baseline's, in words."""
    if all(known[sample.seed].sha256 == sample.sha256 for sample in samples):
        return "identical pictures"
    close = all(sample.drift in ("identical", "imperceptible") for sample in samples)
    return "imperceptibly other pictures" if close else "other pictures"


def _changed(run: Run, baseline: Run, passed: Mapping[str, Verdict], suites: int) -> dict[str, Verdict]:
    """Those of the healthy cases whose scores changed, by the suite's first metric; most of them still passed.

    Collapsed is a case whose every seed fell far: beside the other cases, and beside its own seeds. False discoveries
    are controlled. Where there are no others, or too few seeds, a deep fall is inconclusive.
    """
    name, record = next(iter(shared_sample_metrics(run, baseline)), (None, None))
    cases = list(passed)
    table = paired(run, baseline, name, cases) if name else None
    if name is None or record is None or table is None or not table.differences.any():
        return {}
    held = record.sign * _all_seeds(baseline, name, cases)
    before, after = record.sign * table.before, record.sign * table.after
    doubt = _doubt(run, held.shape[1], after.shape[1])
    p_values = beside_others(before, after) if doubt else collapse_p(held, before, after)
    adjusted = stats.benjamini_hochberg(p_values.tolist())
    found = {}
    for row in map(int, np.flatnonzero(table.differences.any(axis=1))):
        old, new = float(table.before[row].mean()), float(table.after[row].mean())
        said = replace(
            passed[cases[row]],
            metric=name,
            baseline=old,
            current=new,
            delta=new - old,
            higher_is_better=record.higher_is_better,
            tolerance=tolerance_of(record, old),
        )
        found[said.case] = said
        p_value, fall = adjusted[row] * suites, (before - after)[row].min()
        if fall <= COLLAPSE_FACTOR * (said.tolerance or 0.0):
            continue
        if not run.complete or p_value < (ALPHA_CASES if doubt else ALPHA_SUSPECTED):
            reason = f"fell far; {doubt or 'not far enough to exclude chance'}"
            found[said.case] = replace(said, verdict="inconclusive", p_value=p_value, reason=reason)
        if not doubt and p_value < ALPHA_CASES:
            reason = "every seed of this case fell far, beside the other cases and beside its own seeds"
            found[said.case] = replace(said, verdict="regressed", p_value=p_value, reason=reason)
    return found


def _doubt(run: Run, held: int, drawn: int) -> str:
    """Why no single case of a run can be accused, if so."""
    if not run.complete:
        return "only the whole suite can judge that"
    if drawn < 2:
        return "one seed cannot tell a case that fell from a picture that went wrong; give the suite two"
    if held < FEWEST_SEEDS:
        return (
            f"{held} seeds of the baseline do not tell how much this case varies; "
            f"give the suite max_seeds of {FEWEST_SEEDS} or more, and accept a run with all of them"
        )
    return ""


def _all_seeds(baseline: Run, metric: str, cases: Sequence[str]) -> stats.Floats:
    """Scores `[cases, seeds]` of all seeds that the baseline has of every case, also of those that were not drawn."""
    held = baseline.by_case()
    scores = [{sample.seed: sample.scores.get(metric) for sample in held[case]} for case in cases]
    shared = [seed for seed in scores[0] if all(is_known(each.get(seed)) for each in scores)]
    return np.array([[each[seed] for seed in shared] for each in scores], dtype=float)
