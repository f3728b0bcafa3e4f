"""Scores of the same cases and seeds in a run and its baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from sdeval import stats
from sdeval.results.records import MetricRecord, SampleResult
from sdeval.results.run import Run


@dataclass(frozen=True, slots=True)
class PairedScores:
    """Scores of one metric in a baseline and a run; all of them are numbers."""

    metric: str
    record: MetricRecord
    cases: tuple[str, ...]
    before: stats.Floats
    """`[cases, seeds]` of the baseline, for the seeds of the run."""
    after: stats.Floats
    """`[cases, seeds]` of the run."""
    all_seeds: stats.Floats
    """`[cases, all seeds]` of the baseline."""
    own_spread: stats.Spread | None
    """How much a score varies from seed to seed, by all cases of the baseline."""

    @property
    def tolerance(self) -> float:
        """The smallest loss that matters, in the metric's unit."""
        return tolerance_of(self.record, float(self.before.mean()))

    @property
    def gains(self) -> stats.Floats:
        """`[cases, seeds]`, positive for better."""
        return self.record.sign * (self.after - self.before)

    def spread(self, measured: stats.Spread | None = None) -> stats.Spread | None:
        """How much a score varies from seed to seed.

        Args:
            measured: by `sdeval calibrate`; used where it has more degrees of freedom than the baseline's own seeds.
        """
        return max(filter(None, (self.own_spread, measured)), key=lambda spread: spread.freedom, default=None)

    def prior(self, measured: stats.Spread | None = None, *, margin: bool = True) -> stats.Prior | None:
        """What is known of the variance of a case's mean gain before the run is scored.

        Args:
            measured: the spread that `sdeval calibrate` measured.
            margin: whether to add how much a harmless change may move a case; without it, only seeds count.
        """
        spread = self.spread(measured)
        unit = self.margin_unit(measured) if margin else 0.0
        return stats.Prior.of(spread, self.after.shape[1], unit) if spread else None

    def margin_unit(self, measured: stats.Spread | None = None) -> float:
        """The tolerance that margins are multiples of: never one that was derived from the spread itself."""
        return min(self.tolerance, measured.tolerance) if measured else self.tolerance


def pair_scores(
    run: Run, baseline: Run, metric: str, cases: Sequence[str], all_seeds: Run | None = None
) -> PairedScores | None:
    """Scores by case and seed; None where one is missing on either side, or is no number.

    Cases that the metric says nothing of are left out.

    Args:
        run: the candidate.
        baseline: with the same seeds at least.
        metric: of both.
        cases: ids.
        all_seeds: the baseline with all its seeds, where `baseline` was reduced to those of the run.
    """
    new = run.by_case()
    cases = [case for case in cases if applies(metric, new[case])]
    if not cases:
        return None
    old = _scores(baseline, metric)
    after = np.array([[sample.scores.get(metric) for sample in new[case]] for case in cases], dtype=float)
    before = np.array([[old.get(sample.key) for sample in new[case]] for case in cases], dtype=float)
    # A missing score became NaN here.
    if not (np.isfinite(after).all() and np.isfinite(before).all()):
        return None
    whole, record = all_seeds or baseline, run.metrics[metric]
    spread = _spread(whole, metric, alone=record.alone)
    return PairedScores(metric, record, tuple(cases), before, after, _all_seeds(whole, metric, cases), spread)


def _all_seeds(baseline: Run, metric: str, cases: Sequence[str]) -> stats.Floats:
    """Scores `[cases, seeds]` of all seeds that the baseline has of every case."""
    by_case = baseline.by_case()
    scores = [{sample.seed: sample.scores.get(metric) for sample in by_case[case]} for case in cases]
    shared = [seed for seed in scores[0] if all(is_known(case_scores.get(seed)) for case_scores in scores)]
    return np.array([[case_scores[seed] for seed in shared] for case_scores in scores], dtype=float)


def _spread(baseline: Run, metric: str, *, alone: bool) -> stats.Spread | None:
    """How much a score varies from seed to seed, by all cases of a baseline.

    Where there is a single seed, or scores depend on each other, the variation from case to case is used.
    """
    samples = baseline.by_case().values()
    scores = [[sample.scores.get(metric) for sample in case] for case in samples]
    known_scores = [np.array([score for score in case if is_known(score)], dtype=float) for case in scores]
    known_scores = [case for case in known_scores if len(case)]
    return (stats.seed_spread(known_scores) if alone else None) or stats.between_cases(known_scores)


def applies(metric: str, samples: Sequence[SampleResult]) -> bool:
    """Whether a metric says something of a case, of which these are the samples."""
    return not any(metric in sample.inapplicable for sample in samples)


def applicable(run: Run, metric: str) -> list[SampleResult]:
    """The samples of cases that a metric says something of."""
    return [sample for sample in run.samples if metric not in sample.inapplicable]


def _scores(run: Run, metric: str) -> Mapping[tuple[str, int], float | None]:
    return {sample.key: sample.scores.get(metric) for sample in run.samples}


def value_of(run: Run, metric: str) -> float | None:
    """A metric's value for a whole run; None where any score is missing, or is no number."""
    whole = run.metrics[metric].scope == "set"
    scores = [run.set_scores[metric].value] if whole else [s.scores.get(metric) for s in applicable(run, metric)]
    known = [score for score in scores if is_known(score)]
    return float(np.mean(known)) if scores and len(known) == len(scores) else None


def is_known(score: float | None) -> TypeGuard[float]:
    """Whether there is a score, and it is a number."""
    return score is not None and math.isfinite(score)


def tolerance_of(record: MetricRecord, baseline: float | None) -> float:
    """The smallest loss that matters, in the unit of the metric."""
    return record.tolerance * abs(baseline or 0.0) if record.tolerance_is_relative else record.tolerance


def have_identical_images(run: Run, baseline: Run) -> bool:
    """Whether every image is the same as the baseline's, bit by bit."""
    before = {sample.key: sample.sha256 for sample in baseline.samples}
    return all(before.get(sample.key) == sample.sha256 for sample in run.samples)
