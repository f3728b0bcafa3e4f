"""Judges single cases: broken, not comparable, new, unscored, collapsed, or passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sdeval import stats
from sdeval.compare.paired import paired, shared_sample_metrics, tolerance_of
from sdeval.compare.verdict import Verdict
from sdeval.run import Run, SampleResult

ALPHA_CASES = 0.004
"""Chance that a session in which nothing changed accuses a case of any of its suites."""
ALPHA_OWN = 0.02
"""Level of the test beside the case's own seeds, which keeps prompts that vary by nature from being accused."""
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
    return list({**verdicts, **_changed(run, baseline, passed, ALPHA_CASES / suites)}.values())


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


def _changed(run: Run, baseline: Run, passed: Mapping[str, Verdict], alpha: float) -> dict[str, Verdict]:
    """Those of the healthy cases whose scores changed, by the suite's first metric; most of them still passed.

    Collapsed is a case whose every seed fell far: beside the other cases, and beside its own seeds. False discoveries
    are controlled. Without the whole suite there are no others, and a deep fall is inconclusive.
    """
    name, record = next(iter(shared_sample_metrics(run, baseline)), (None, None))
    cases = list(passed)
    table = paired(run, baseline, name, cases) if name else None
    if name is None or record is None or table is None or not table.differences.any():
        return {}
    better = record.sign * table.differences
    before, after = record.sign * table.before, record.sign * table.after
    adjusted = stats.benjamini_hochberg(stats.collapse_p(before, after).tolist())
    own = stats.own_noise_p(_all_seeds(baseline, name, record.sign, cases), after)
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
        if -better[row].max() <= COLLAPSE_FACTOR * (said.tolerance or 0.0):
            continue
        if not run.complete:
            reason = "fell far; only the whole suite can judge that"
            found[said.case] = replace(said, verdict="inconclusive", reason=reason)
        elif adjusted[row] < alpha and own[row] < ALPHA_OWN:
            reason = "every seed of this case fell far below the other cases"
            found[said.case] = replace(said, verdict="regressed", p_value=adjusted[row], reason=reason)
    return found


def _all_seeds(baseline: Run, metric: str, sign: int, cases: Sequence[str]) -> list[stats.Floats]:
    """Scores of every seed that the baseline has of each case, also of those that the run did not draw."""
    held = baseline.by_case()
    scores = [[sample.scores.get(metric) for sample in held[case]] for case in cases]
    return [sign * np.array([value for value in row if value is not None]) for row in scores]
