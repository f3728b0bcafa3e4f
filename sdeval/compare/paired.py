"""Two runs side by side: scores of the same cases and seeds, and what stands in the way of comparing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from sdeval import stats
from sdeval.records import MetricRecord
from sdeval.run import Run


@dataclass(frozen=True, slots=True)
class Table:
    """Scores of cases and seeds on both sides."""

    differences: stats.Floats
    """`[cases, seeds]`, current minus baseline."""
    before: stats.Floats
    """`[cases, seeds]`"""
    after: stats.Floats


def paired(run: Run, baseline: Run, metric: str, cases: Sequence[str]) -> Table | None:
    """Scores by case and seed; None where one is missing on either side, or is no number."""
    old = {sample.key: sample.scores.get(metric) for sample in baseline.samples}
    new = run.by_case()
    after = [[sample.scores.get(metric) for sample in new[case]] for case in cases]
    before = [[old.get(sample.key) for sample in new[case]] for case in cases]
    # What is missing becomes NaN here, and goes no further.
    one, other = np.array(after, dtype=float), np.array(before, dtype=float)
    return Table(one - other, other, one) if cases and np.isfinite(one).all() and np.isfinite(other).all() else None


def shared_sample_metrics(run: Run, baseline: Run) -> list[tuple[str, MetricRecord]]:
    """Sample metrics that both sides scored in the same way."""
    return [
        (name, record)
        for name, record in run.metrics.items()
        if record.scope == "sample" and name in baseline.metrics and baseline.metrics[name].version == record.version
    ]


def value_of(run: Run, metric: str) -> float | None:
    """A metric's figure for a whole run; None where any score is missing, or is no number."""
    whole = run.metrics[metric].scope == "set"
    scores = [run.set_scores[metric].value] if whole else [sample.scores.get(metric) for sample in run.samples]
    known = [score for score in scores if is_known(score)]
    return float(np.mean(known)) if scores and len(known) == len(scores) else None


def is_known(score: float | None) -> TypeGuard[float]:
    """Whether there is a score, and it is a number."""
    return score is not None and math.isfinite(score)


def tolerance_of(record: MetricRecord, baseline: float | None) -> float:
    """The smallest loss that matters, in the unit of the metric."""
    return record.tolerance * abs(baseline or 0.0) if record.tolerance_is_relative else record.tolerance


def identical(run: Run, baseline: Run) -> bool:
    """Whether every picture is the baseline's to the last bit."""
    before = {sample.key: sample.sha256 for sample in baseline.samples}
    return all(before.get(sample.key) == sample.sha256 for sample in run.samples)
