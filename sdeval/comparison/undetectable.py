"""Gross losses that a suite could not show, computed from its baseline before anything is generated. Pure.

A gross loss is one that anybody sees: five times the deviation from seed to seed (of a CLIP score, about the difference
between an image and noise), or half of the baseline's value where higher is better. A suite that could not show such a
loss protects nothing, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdeval import stats
from sdeval.comparison.paired import pair_scores
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
    spread, margin_unit = scores.spread(measured), min(tolerance, measured.tolerance if measured else math.inf)
    gross = max(SPREADS * (spread.deviation if spread else 0.0), TOLERANCES * tolerance)
    value = float(scores.before.mean())
    if scores.record.higher_is_better and value > 0:
        gross = min(gross, max(SHARE * value, tolerance))

    def detectable(cases: int, seeds: int) -> float:
        return stats.detectable_loss(spread, cases, seeds, tolerance, design.level, margin_unit=margin_unit)

    def shows(cases: int, seeds: int) -> bool:
        return detectable(cases, seeds) <= gross

    cases, seeds = len(scores.cases), design.seeds
    if shows(cases, seeds):
        return None
    more_cases = next((count for count in range(cases + 1, MOST_CASES + 1) if shows(count, seeds)), None)
    more_seeds = next((count for count in range(seeds + 1, MOST_SEEDS + 1) if shows(cases, count)), None)
    return UndetectableLoss(
        metric,
        gross,
        detectable(cases, seeds),
        cases,
        seeds,
        enough_cases=more_cases,
        enough_seeds=more_seeds,
        baseline_seeds=scores.all_seeds.shape[1],
    )
