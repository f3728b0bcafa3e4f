"""What a suite could not show, computed from its baseline before anything is generated. Pure.

A loss of five times what one seed differs from another is what a person calls obvious: of a CLIP score it is about the
difference between an image and noise. So is half of a value of which more is better, however much seeds differ. A suite
that could not show that in one of its metrics is no gate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdeval import stats
from sdeval.comparison.paired import paired
from sdeval.errors import plural
from sdeval.results.run import Run

SPREADS = 5.0
"""Seed-to-seed standard deviations that a gross loss has at least,"""
TOLERANCES = 10.0
"""and tolerances;"""
SHARE = 0.5
"""but no more than this share of the baseline's value, where more is better."""
MOST_SEEDS = 8
MOST_CASES = 64
"""Seeds and cases up to which a way out is looked for."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A metric in which a suite could not show a gross loss."""

    metric: str
    gross: float
    """The loss, in the metric's unit."""
    detectable: float
    """The smallest loss that is shown four times in five."""
    cases: int
    seeds: int
    enough_cases: int | None
    """With which it could, at the same seeds."""
    enough_seeds: int | None
    """With which it could, at the same cases."""
    baseline_seeds: int
    """That the baseline has of each case."""

    @property
    def words(self) -> str:
        """In a line, with what it takes."""
        ways = [f"{self.enough_cases} cases"] if self.enough_cases else []
        ways += [f"{self.enough_seeds} seeds"] if self.enough_seeds else []
        more = f", and a baseline of at least {stats.FEWEST_SEEDS} seeds"
        otherwise = "give it more cases" + (more if self.baseline_seeds < stats.FEWEST_SEEDS else "")
        takes = f"that takes {' or '.join(ways)}" if ways else otherwise
        has = f"{plural(self.cases, 'case')} and {plural(self.seeds, 'seed')} show"
        if math.isinf(self.detectable):
            return f"{has} no loss of {self.metric}, however large; {takes}"
        alike = " even if all cases lose alike," if self.cases > 1 else ""
        loss = f"a loss of {self.metric} only from {self.detectable:.3g} on,{alike} and not one of {self.gross:.3g}"
        return f"{has} {loss}, which is gross; {takes}"


@dataclass(frozen=True, slots=True)
class Sight:
    """How a suite is looked at."""

    cases: Sequence[str]
    """Those of the suite that the baseline has."""
    seeds: int
    """That are generated of each at most."""
    tolerances: Mapping[str, float]
    """By metric, in its unit; of those that are judged."""
    level: float
    """At which a single metric is shown to be worse."""
    spreads: Mapping[str, stats.Spread] = field(default_factory=dict)
    """Seed-to-seed spreads that `sdeval calibrate` measured."""


def unseen(baseline: Run, sight: Sight) -> list[Unseen]:
    """Metrics of single images in which a gross loss could not be shown.

    Args:
        baseline: with all its seeds.
        sight: how the suite is looked at.
    """
    metrics = [_unseen(baseline, metric, sight) for metric in sight.tolerances if metric in baseline.metrics]
    return [metric for metric in metrics if metric is not None]


def _unseen(baseline: Run, metric: str, sight: Sight) -> Unseen | None:
    scores = paired(baseline, baseline, metric, sight.cases)
    if scores is None or not scores.record.alone:
        return None
    measured, tolerance = sight.spreads.get(metric), sight.tolerances[metric]
    spread, margin_unit = scores.spread(measured), min(tolerance, measured.tolerance if measured else math.inf)
    gross = max(SPREADS * (spread.deviation if spread else 0.0), TOLERANCES * tolerance)
    value = float(scores.before.mean())
    if scores.record.higher_is_better and value > 0:
        gross = min(gross, max(SHARE * value, tolerance))

    def detectable(cases: int, seeds: int) -> float:
        return stats.detectable_loss(spread, cases, seeds, tolerance, sight.level, margin_unit=margin_unit)

    def shows(cases: int, seeds: int) -> bool:
        return detectable(cases, seeds) <= gross

    cases, seeds = len(sight.cases), sight.seeds
    if shows(cases, seeds):
        return None
    more_cases = next((count for count in range(cases + 1, MOST_CASES + 1) if shows(count, seeds)), None)
    more_seeds = next((count for count in range(seeds + 1, MOST_SEEDS + 1) if shows(cases, count)), None)
    of_baseline = scores.all_seeds.shape[1]
    return Unseen(metric, gross, detectable(cases, seeds), cases, seeds, more_cases, more_seeds, of_baseline)
