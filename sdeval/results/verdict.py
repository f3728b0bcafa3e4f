"""What is said of a case, or of a metric of a suite, and in which order it is reported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sdeval._utils.validation import Checked, Number

Kind = Literal[
    "broken",
    "regressed",
    "not_comparable",
    "unscored",
    "new",
    "inconclusive",
    "not_significant",
    "improved",
    "passed",
    "informational",
    "skipped",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All verdicts, worst first."""

FAILING: frozenset[Kind] = frozenset({"broken", "regressed", "not_comparable", "unscored"})
"""Fail a session wherever it runs; `new` fails a strict one."""

DEFECT = "defect"
"""The metric of a verdict that is about what is wrong with an image, or about none: then only its reason counts."""
SUITE = ""
"""The case of a verdict that is about the whole suite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Checked):
    """What is said of one case, or of one metric of a suite, on one target."""

    suite: str
    """Name of the suite."""
    target: str
    """Name of what generated."""
    metric: str
    """Name of the metric or speed; `defect` for a case's images."""
    case: str
    """Empty for a metric of the whole suite."""
    verdict: Kind
    """What is said of it."""
    baseline: Number | None = None
    """Value of what it is compared with."""
    current: Number | None = None
    """Value now."""
    change: Number | None = None
    """Current minus baseline, in the metric's unit."""
    unit: str = ""
    """Of the values, the change and the tolerance; empty where the metric has none, and in older files."""
    higher_is_better: bool = True
    """Whether a rise is a gain."""
    low: Number | None = None
    """The delta is at least this, with 95% confidence."""
    high: Number | None = None
    """The delta is at most this, with 95% confidence."""
    corrected_low: Number | None = None
    """The same as `low` with the confidence that `p_value` is corrected to: above zero where a rise is shown."""
    corrected_high: Number | None = None
    """The same as `high` with the confidence that `p_value` is corrected to: below zero where a fall is shown."""
    tolerance: Number | None = None
    """Loss that is allowed, in the metric's unit."""
    variability: Number | None = None
    """What the metric does from one set of seeds to another, where that was measured."""
    p_value: Number | None = None
    """Of a loss, or of a gain where it is `improved`, after correction for what was judged together."""
    n: int = 0
    """What it rests on: cases for a metric, images for a case, pipeline calls for speed."""
    reason: str = ""
    """What else there is to say, in plain words."""
    fatal: bool = False
    """Whether it fails though it is inconclusive, because its suite asks for proof."""

    @property
    def name(self) -> str:
        """What items and pages call it: the case, or the metric."""
        return self.case or self.metric

    @property
    def loss(self) -> float:
        """Loss in tolerances, negative where it is a gain; infinite where none is tolerated, 0 without a tolerance."""
        if not self.change or self.tolerance is None:
            return 0.0
        loss = -self.change if self.higher_is_better else self.change
        return loss / self.tolerance if self.tolerance else math.copysign(math.inf, loss)

    @property
    def warns(self) -> bool:
        """Whether it lies beyond its tolerance and is neither shown nor excluded: it fails nothing, and is no pass."""
        return self.verdict == "not_significant" or (self.verdict == "inconclusive" and self.loss > 1)

    def fails(self, *, strict: bool) -> bool:
        """Whether it fails a session."""
        return self.verdict in FAILING or self.fatal or (strict and self.verdict == "new")


def missing_verdict(
    suite: str, target: str, name: str, reason: str, verdict: Kind = "unscored", *, is_case: bool
) -> Verdict:
    """The verdict on a case, or on a metric of a suite, that was not judged."""
    case, metric = (name, DEFECT) if is_case else (SUITE, name)
    return Verdict(suite=suite, target=target, metric=metric, case=case, verdict=verdict, reason=reason)


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """By kind, metrics of whole suites before cases, then by loss; otherwise in the order given.

    What is broken is a case's image, and first of all.
    """
    return sorted(verdicts, key=lambda verdict: (KINDS.index(verdict.verdict), bool(verdict.case), -verdict.loss))


def summary(verdicts: Sequence[Verdict]) -> Mapping[Kind, int]:
    """How many of each kind, worst first, without zeros."""
    counts = {kind: sum(verdict.verdict == kind for verdict in verdicts) for kind in KINDS}
    return {kind: count for kind, count in counts.items() if count}
