"""Judges a single image compared with the accepted one. Pure.

One image has no seeds to average, so nothing is tested: what is known are its defects, how far it is from the accepted
image, and how far its scores are from that image's. Each metric has a tolerance; beyond it, the image fails.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from sdeval import metrics
from sdeval.comparison import wording
from sdeval.comparison.cases import judge_without_scores
from sdeval.comparison.paired import is_known
from sdeval.results.records import MetricRecord, SampleResult
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict

DISTANCE_TOLERANCES: Mapping[str, float] = {"ssim": 10.0, "psnr": 70.0}
"""Of metrics that compare an image with the accepted one, those that judge it though no tolerance is stated: it must
reach 90 percent, and 30 dB. SSIM does not see colours, and PSNR hardly sees a blur: docs/fixture.md has examples."""
SCORE_FACTOR = 3.0
"""Scores of one image vary more than means of a suite: so many times the metric's own tolerance is allowed."""


def tolerances_of_one(names: Iterable[str], stated: Mapping[str, float]) -> dict[str, float]:
    """The tolerances of the metrics that judge a single image: those that are stated, or else the usual ones."""
    usual = {name: _usual_tolerance(name) for name in names}
    return {name: value for name, tolerance in usual.items() if (value := stated.get(name, tolerance)) is not None}


def _usual_tolerance(name: str) -> float | None:
    info = metrics.info(name)
    return SCORE_FACTOR * info.tolerance if info.gating else DISTANCE_TOLERANCES.get(name)


def judge_image(
    run: Run, baseline: Run | None, tolerances: Mapping[str, float], styles: Collection[str] = ()
) -> Verdict:
    """The verdict on the one image of a run.

    An image that is identical or changed imperceptibly passes. Another one is judged by each metric that has a
    tolerance: of a distance from the accepted image, how far it may be from none; of a score, how much it may lose.

    Args:
        run: with one sample.
        baseline: what was accepted; it may have other samples as well.
        tolerances: by metric, as `tolerances_of_one` gives them; others report only.
        styles: defects that an image may be meant to have.
    """
    (state,) = judge_without_scores(run, baseline).values()
    (sample,) = run.samples
    if state.verdict == "broken":
        return replace(state, reason=wording.broken_image(sample, may_be_style=sample.defect in styles))
    before = baseline.sample(sample) if baseline else None
    close = sample.image_change in ("identical", "imperceptible")
    if baseline is None or before is None or state.verdict != "passed" or close:
        return state
    verdicts = []
    for name in filter(tolerances.__contains__, run.metrics):
        record, current = run.metrics[name], sample.scores.get(name)
        reference = _reference(name, record, before, baseline)
        judged = replace(state, metric=name, unit=record.unit, higher_is_better=record.higher_is_better)
        if reference is not None and is_known(current):
            tolerance = tolerances[name] * (abs(reference) if record.tolerance_is_relative else 1)
            verdicts.append(_by_values(judged, reference, current, tolerance))
        elif not record.gating:
            reason = sample.reasons.get(name, wording.NO_SCORE)
            verdicts.append(replace(judged, verdict="unscored", reason=reason))
    return _worst(verdicts) if verdicts else replace(state, reason=wording.NOT_JUDGED)


def _reference(name: str, record: MetricRecord, before: SampleResult, baseline: Run) -> float | None:
    """What a value is compared with: the score of the accepted image, or its distance from itself."""
    if not record.gating:
        return _ideal(name)
    accepted, score = baseline.metrics.get(name), before.scores.get(name)
    return score if accepted and accepted.version == record.version and is_known(score) else None


def _ideal(name: str) -> float | None:
    """The distance of an image from itself: the best value of the metric; None where it has no best value."""
    info = metrics.info(name)
    best = info.range[1] if info.higher_is_better else info.range[0]
    return best if math.isfinite(best) else None


def _by_values(state: Verdict, baseline: float, current: float, tolerance: float) -> Verdict:
    verdict = replace(
        state, baseline=baseline, current=current, change=round(current - baseline, 4), tolerance=tolerance
    )
    return replace(verdict, verdict="regressed" if verdict.loss > 1 else "passed")


def _worst(verdicts: list[Verdict]) -> Verdict:
    """What fails first, and by most tolerances; a score that is missing decides only where nothing is lost."""
    worst = max(
        verdicts, key=lambda verdict: (verdict.verdict == "regressed", verdict.verdict == "unscored", verdict.loss)
    )
    if worst.verdict == "unscored":
        return worst
    reason = wording.CHANGED_BEYOND if worst.verdict == "regressed" else wording.CHANGED_WITHIN
    return replace(worst, reason=reason)
