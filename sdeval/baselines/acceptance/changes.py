"""What accepting would change, old and new: metrics of a suite, and scores of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdeval.comparison.paired import is_known, value_of
from sdeval.results.records import SampleResult
from sdeval.results.run import Run


@dataclass(frozen=True, slots=True)
class Change:
    """One metric as it was and as it is now accepted."""

    suite: str
    target: str
    metric: str
    old: float | None
    new: float | None
    images: int
    """How many images are not the ones accepted before."""
    reason: str = ""
    """Why there is no new metric."""


@dataclass(frozen=True, slots=True)
class CaseChange:
    """The score of a case, averaged over its seeds, as it was and as it is now accepted."""

    case: str
    metric: str
    old: float | None
    new: float | None


def changes(before: Run | None, after: Run) -> list[Change]:
    """Every metric of what is accepted."""
    images = new_images(before, after)
    previous = {name: value_of(before, name) for name in before.metrics} if before else {}
    reasons = {name: score.reason for name, score in after.set_scores.items()}
    return [
        Change(
            after.suite,
            after.target,
            name,
            previous.get(name),
            value_of(after, name),
            images,
            reasons.get(name, ""),
        )
        for name in after.metrics
    ]


def new_images(before: Run | None, after: Run) -> int:
    """How many images are not the ones accepted before."""
    old = {sample.key: sample.sha256 for sample in before.samples} if before else {}
    return sum(old.get(sample.key) != sample.sha256 for sample in after.samples)


def case_changes(before: Run | None, after: Run) -> list[CaseChange]:
    """Scores of cases that are not what they were, case by case."""
    old = before.by_case() if before else {}
    every = [
        CaseChange(case, name, _mean(old.get(case, ()), name), _mean(samples, name))
        for case, samples in after.by_case().items()
        for name, record in after.metrics.items()
        if record.scope == "sample"
    ]
    return [change for change in every if change.old != change.new]


def _mean(samples: Sequence[SampleResult], metric: str) -> float | None:
    known = [score for sample in samples if is_known(score := sample.scores.get(metric))]
    return float(np.mean(known)) if known else None
