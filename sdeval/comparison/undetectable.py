"""How small a loss a suite can show, and gross losses that it could not, computed from its baseline. Pure.

A gross loss is one that anybody sees: five times the deviation from seed to seed (of a CLIP score, about the difference
between an image and noise), or half of the baseline's value where higher is better. A suite that could not show such a
loss protects nothing, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdeval import stats
from sdeval.comparison.evidence import share_of_round
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.comparison.paired import PairedScores, pair_scores, tolerance_of, value_of
from sdeval.config.suite import Suite
from sdeval.results.run import Run

SPREADS = 5.0
"""A gross loss is at least this many standard deviations from seed to seed,"""
TOLERANCES = 10.0
"""and at least this many tolerances,"""
SHARE = 0.5
"""but at most this share of the baseline's value, where higher is better."""
MOST_SEEDS = 8
MOST_CASES = 64
"""How many seeds and cases are tried to find numbers that would be enough."""


@dataclass(frozen=True, slots=True)
class UndetectableLoss:
    """A gross loss of one metric that a suite could not show."""

    metric: str
    gross: float
    """The loss, in the metric's unit."""
    detectable: float
    """The smallest loss that the suite shows four times in five; infinite where it shows none."""
    cases: int
    seeds: int
    enough_cases: int | None
    """Cases with which the suite could show it, with the same seeds."""
    enough_seeds: int | None
    """Seeds with which the suite could show it, with the same cases."""
    baseline_seeds: int
    """Seeds of each case in the baseline."""


@dataclass(frozen=True, slots=True)
class DetectableLoss:
    """The smallest loss of one metric that a suite shows four times in five, if all cases lose alike."""

    metric: str
    loss: float
    """In the metric's unit; infinite where the suite shows none."""
    tolerance: float
    cases: int
    seeds: int


@dataclass(frozen=True, slots=True)
class SuiteDesign:
    """What decides how small a loss a suite can show."""

    cases: Sequence[str]
    """Cases of the suite that the baseline has."""
    seeds: int
    """How many seeds of each case are generated at most."""
    tolerances: Mapping[str, float]
    """Tolerances of the gating metrics, in their units."""
    level: float
    """Error level at which a single metric is shown to be worse."""
    spreads: Mapping[str, stats.Spread] = field(default_factory=dict)
    """Seed-to-seed spreads that `sdeval calibrate` measured."""


def detectable_losses(baseline: Run) -> list[DetectableLoss]:
    """What a suite can show of each gating metric of single images, once a run of all its cases is the baseline.

    Args:
        baseline: with all its seeds, or the run that is to become it. Of images that ordinary tests brought, nothing is
            returned: they are judged one by one.
    """
    if baseline.from_tests:
        return []
    cases, rounds = list(baseline.by_case()), [tuple(seeds) for seeds in baseline.request.get("rounds", ())]
    seeds = len({sample.seed for sample in baseline.samples})
    # Besides the metrics of a suite, its collapsed samples are tested.
    level = ALPHA_METRICS / (len(baseline.metrics) + 1)
    if rounds:
        level *= share_of_round(rounds, len(rounds) - 1)
    losses = []
    for metric, record in baseline.metrics.items():
        scores = pair_scores(baseline, baseline, metric, cases) if record.gating and record.scope == "sample" else None
        if scores is None or not scores.record.alone:
            continue
        tolerance = tolerance_of(record, value_of(baseline, metric))
        loss = _smallest_loss(scores, SuiteDesign(cases, seeds, {metric: tolerance}, level), len(cases), seeds)
        losses.append(DetectableLoss(metric, loss, tolerance, len(cases), seeds))
    return losses


def losses_at_best(suite: Suite, tolerances: Mapping[str, float]) -> list[DetectableLoss]:
    """What a suite can show at best, before anything was generated: if its scores did not vary from seed to seed.

    Args:
        suite: for its cases, its seeds, and the number of its metrics.
        tolerances: of its gating metrics of single images, in their units.
    """
    cases, seeds = len(suite.cases), len(suite.rounds[-1])
    level = ALPHA_METRICS / (len(suite.metrics) + 1) * share_of_round(suite.rounds, len(suite.rounds) - 1)
    still = stats.Spread(0.0, cases * max(1, seeds - 1))
    return [
        DetectableLoss(metric, stats.detectable_loss(still, cases, seeds, tolerance, level), tolerance, cases, seeds)
        for metric, tolerance in tolerances.items()
    ]


def _smallest_loss(scores: PairedScores, design: SuiteDesign, cases: int, seeds: int) -> float:
    """The smallest loss that a suite of so many cases and seeds shows, if all cases lose alike."""
    measured, tolerance = design.spreads.get(scores.metric), design.tolerances[scores.metric]
    unit = min(tolerance, measured.tolerance if measured else math.inf)
    return stats.detectable_loss(scores.spread(measured), cases, seeds, tolerance, design.level, margin_unit=unit)


def undetectable_losses(baseline: Run, design: SuiteDesign) -> list[UndetectableLoss]:
    """Gross losses that could not be shown, of metrics of single images.

    Args:
        baseline: with all its seeds.
        design: of the suite.
    """
    losses = [
        _undetectable_loss(baseline, metric, design) for metric in design.tolerances if metric in baseline.metrics
    ]
    return [loss for loss in losses if loss is not None]


def _undetectable_loss(baseline: Run, metric: str, design: SuiteDesign) -> UndetectableLoss | None:
    scores = pair_scores(baseline, baseline, metric, design.cases)
    if scores is None or not scores.record.alone:
        return None
    measured, tolerance = design.spreads.get(metric), design.tolerances[metric]
    spread = scores.spread(measured)
    gross = max(SPREADS * (spread.deviation if spread else 0.0), TOLERANCES * tolerance)
    value = float(scores.before.mean())
    if scores.record.higher_is_better and value > 0:
        gross = min(gross, max(SHARE * value, tolerance))

    def shows(cases: int, seeds: int) -> bool:
        return _smallest_loss(scores, design, cases, seeds) <= gross

    cases, seeds = len(scores.cases), design.seeds
    if shows(cases, seeds):
        return None
    more_cases = next((count for count in range(cases + 1, MOST_CASES + 1) if shows(count, seeds)), None)
    more_seeds = next((count for count in range(seeds + 1, MOST_SEEDS + 1) if shows(cases, count)), None)
    return UndetectableLoss(
        metric,
        gross,
        _smallest_loss(scores, design, cases, seeds),
        cases,
        seeds,
        enough_cases=more_cases,
        enough_seeds=more_seeds,
        baseline_seeds=scores.all_seeds.shape[1],
    )
